// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_TDX_METADATA_H_
#define SEALVM_VMM_BOOT_FIRMWARE_TDX_METADATA_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/ovmf_table.h"

namespace sealvm {

// What a section is (Intel TDX Virtual Firmware Design Guide 1.01, section 11, "TDVF Metadata").
enum class TdxSectionType : uint32_t {
  kBfv = 0,      // boot firmware volume: the code
  kCfv = 1,      // configuration firmware volume: the variable store
  kTdHob = 2,    // where the VMM puts the TD hand-off block
  kTempMem = 3,  // memory for the firmware's start
  kPermMem = 4,  // memory that is not added at the start
  kPayload = 5,
  kPayloadParam = 6,
  kTdInfo = 7,    // for measuring tools; not in memory
  kTdParams = 8,  // where the VMM puts parameters
};
inline constexpr uint32_t kTdxSectionTypes = 9;

// "BFV", "TD_HOB".
std::string TdxSectionTypeName(TdxSectionType type);

struct TdxSection {
  // Attributes.
  static constexpr uint32_t kExtendMr = 1u << 0;
  static constexpr uint32_t kPageAug = 1u << 1;

  uint32_t file_offset = 0;
  uint32_t file_size = 0;  // bytes
  Gpa gpa = 0;
  uint64_t memory_size = 0;  // bytes, whole pages; what the file has not is zero
  TdxSectionType type = {};
  uint32_t attributes = 0;

  // The content is in the measurement of the TD.
  bool measured() const { return (attributes & kExtendMr) != 0; }
  // The pages are there when the TD starts; the others are given on demand.
  bool added() const { return (attributes & kPageAug) == 0; }
};

// What a TDVF image says to a VMM, in the order of the image: the order is measured.
struct TdxMetadata {
  std::vector<TdxSection> sections;
  // Where in the file the kernel hash table belongs: a page of a section that is measured. Nothing
  // in images of others than guest-fw: a TD's firmware has no area for it that the VMM could fill.
  std::optional<uint32_t> hash_page_offset = {};
};

// Nothing when the image's table has no TDX metadata; kInvalidInput for anything that does not fit
// together. Sections of a size are page aligned, do not overlap, and hold no more of the file than
// fits into them.
Result<std::optional<TdxMetadata>> ParseTdxMetadata(const FirmwareImage& image,
                                                    const OvmfTable& table);

// For who launches it: kInvalidInput when there is none, too.
Result<TdxMetadata> RequireTdxMetadata(const FirmwareImage& image, const OvmfTable& table);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_TDX_METADATA_H_
