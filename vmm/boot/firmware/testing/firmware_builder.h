// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_TESTING_FIRMWARE_BUILDER_H_
#define SEALVM_VMM_BOOT_FIRMWARE_TESTING_FIRMWARE_BUILDER_H_

#include <stdint.h>

#include <optional>
#include <utility>
#include <vector>

#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/ovmf_table.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/boot/firmware/tdx_metadata.h"

namespace sealvm {

// Makes images with an OVMF table and the metadata it points to; what a test wants wrong, it sets.
struct FirmwareBuilder {
  // Distances of the descriptors from the image's end.
  static constexpr uint32_t kSevOffset = 0x600;
  static constexpr uint32_t kTdxOffset = 0xe00;

  // Bytes; at least one page.
  size_t size = 4 * kPageSize;
  std::optional<uint32_t> reset_eip = 0x0080b004;
  std::optional<SevArea> secret_area = SevArea{.gpa = 0x810000, .size = 0xc00};
  std::optional<SevArea> hash_area = SevArea{.gpa = 0x810c00, .size = 0x400};
  std::vector<SevSection> sev_sections = {
      {.gpa = 0x800000, .size = 0x9000, .type = SevSectionType::kSecMem},
      {.gpa = 0x80d000, .size = 0x1000, .type = SevSectionType::kSecrets},
      {.gpa = 0x80e000, .size = 0x1000, .type = SevSectionType::kCpuid},
      {.gpa = 0x80f000, .size = 0x1000, .type = SevSectionType::kSvsmCaa},
      {.gpa = 0x811000, .size = 0x2000, .type = SevSectionType::kSecMem},
      {.gpa = 0x810000, .size = 0x1000, .type = SevSectionType::kKernelHashes}};
  std::vector<TdxSection> tdx_sections = {
      {.file_offset = 0x1000,
       .file_size = 0x3000,
       .gpa = 0xffffd000,
       .memory_size = 0x3000,
       .type = TdxSectionType::kBfv,
       .attributes = TdxSection::kExtendMr},
      {.file_offset = 0,
       .file_size = 0x1000,
       .gpa = 0xffffc000,
       .memory_size = 0x1000,
       .type = TdxSectionType::kCfv},
      {.gpa = 0x810000, .memory_size = 0x2000, .type = TdxSectionType::kTempMem},
      {.gpa = 0x809000, .memory_size = 0x2000, .type = TdxSectionType::kTdHob}};

  uint32_t sev_signature = 0x56455341;
  uint32_t tdx_signature = 0x46564454;
  uint32_t sev_version = 1;
  uint32_t tdx_version = 1;
  // Where they are not what follows from the sections.
  std::optional<uint32_t> sev_length = {}, tdx_length = {}, sev_count = {}, tdx_count = {};
  std::optional<uint32_t> sev_offset = {}, tdx_offset = {};
  std::optional<uint16_t> table_length = {};
  bool has_footer = true, has_sev = true, has_tdx = true, has_tdx_guid = true;
  // Further entries, before the others in memory.
  std::vector<std::pair<Guid, std::vector<uint8_t>>> more_entries = {};

  // Every page differs from the others.
  std::vector<uint8_t> Build() const;
  FirmwareImage Image() const;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_TESTING_FIRMWARE_BUILDER_H_
