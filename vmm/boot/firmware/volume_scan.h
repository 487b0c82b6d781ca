// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_VOLUME_SCAN_H_
#define SEALVM_VMM_BOOT_FIRMWARE_VOLUME_SCAN_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <vector>

#include "vmm/base/guid.h"

namespace sealvm {

struct VolumeScan {
  // Which of the GUIDs occur, in the order of the search.
  std::vector<bool> found;
  // Compressed sections that could be unpacked as a whole.
  size_t unpacked = 0;
  // Sections that look compressed and could not be.
  size_t damaged = 0;
};

// Looks for GUIDs in the image's bytes and in what its LZMA-compressed sections hold (PI
// specification 1.8 volume 3, section 2.2.4: GUID-defined sections), from which OVMF takes most of
// its drivers. Memory and time are bounded: 64 MiB a section, 16 sections.
VolumeScan ScanVolumes(std::span<const uint8_t> image, std::span<const Guid> guids);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_VOLUME_SCAN_H_
