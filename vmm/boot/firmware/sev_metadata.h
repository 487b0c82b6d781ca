// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_SEV_METADATA_H_
#define SEALVM_VMM_BOOT_FIRMWARE_SEV_METADATA_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/ovmf_table.h"

namespace sealvm {

// What a section of the SEV metadata is for (edk2 OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm).
// Other numbers may occur.
enum class SevSectionType : uint32_t {
  kSecMem = 1,         // zeroed memory that the firmware uses before it can validate any
  kSecrets = 2,        // the SNP secrets page
  kCpuid = 3,          // the SNP CPUID page
  kSvsmCaa = 4,        // calling area of an SVSM; zeroed without one
  kKernelHashes = 16,  // the page that holds the kernel hash table
};

// "SEC_MEM", "CPUID"; "type 77" for one that is not known.
std::string SevSectionTypeName(SevSectionType type);

struct SevSection {
  uint32_t gpa = 0;
  uint32_t size = 0;  // bytes, whole pages; 0: the section is not used
  SevSectionType type = {};
};

// A piece of guest memory below 4 GiB.
struct SevArea {
  uint32_t gpa = 0;
  uint32_t size = 0;  // bytes

  // OVMF writes zeros for an area that it does not have.
  bool empty() const { return gpa == 0 && size == 0; }
};

// What an OVMF image says to a VMM about SEV, SEV-ES and SEV-SNP.
struct SevMetadata {
  // Where the processors but the first start: RIP in the low half, CS base in the high one. SEV-ES
  // and SNP alone.
  std::optional<uint32_t> ap_reset_eip;
  // Where the platform puts a launch secret; where the VMM puts the kernel hash table.
  std::optional<SevArea> secret_area;
  std::optional<SevArea> hash_area;
  // SNP alone; nothing in an image that has no such metadata. Those of a size lie page aligned
  // below the image, apart from each other.
  std::optional<std::vector<SevSection>> sections;
};

// kInvalidInput for anything that does not fit together. An image without table has nothing.
Result<SevMetadata> ParseSevMetadata(const FirmwareImage& image, const OvmfTable& table);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_SEV_METADATA_H_
