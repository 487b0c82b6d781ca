// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_BZIMAGE_H_
#define SEALVM_VMM_BOOT_BZIMAGE_H_

#include <stdint.h>

#include <string>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/image_file.h"

namespace sealvm {

// The oldest setup header accepted: 2.12 brought xloadflags, which tell whether there is a 64-bit
// entry. Source: Linux Documentation/arch/x86/boot.rst, as for all of this header.
inline constexpr uint16_t kOldestBootProtocol = 0x020c;

// A bzImage whose setup header has been checked: every offset and size below lies in the file.
struct BzImage {
  uint16_t protocol = 0;  // 0x020f is 2.15
  // The setup header as the file has it, from offset 0x1f1 up to its declared end or the end of the
  // room that struct boot_params has for it.
  std::vector<uint8_t> setup_header;
  uint16_t xloadflags = 0;
  bool relocatable = false;
  uint32_t alignment = 0;       // bytes, a power of two
  Gpa preferred_address = 0;    // aligned as above
  uint64_t init_size = 0;       // bytes of RAM needed from the load address on
  uint32_t cmdline_size = 0;    // bytes without the terminating NUL
  Gpa initrd_addr_max = 0;      // highest byte that an initrd may occupy
  uint64_t kernel_offset = 0;   // file offset of the protected-mode code
  uint64_t kernel_size = 0;     // bytes
  uint64_t payload_offset = 0;  // file offset of the compressed vmlinux
  uint64_t payload_size = 0;    // bytes; 0: the header names no payload
  std::string kernel_version;   // printable characters only; may be empty

  bool has_entry_64() const;
  // Kernel, boot_params, command line and initrd may lie above 4 GiB.
  bool may_load_above_4g() const;
};

// Offset of the 64-bit entry point from the start of the protected-mode code (boot.rst, "64-bit
// Boot Protocol").
inline constexpr uint64_t kBzImageEntry64Offset = 0x200;

// True when the first bytes of a file carry the boot sector flag and the setup header's magic.
bool LooksLikeBzImage(std::span<const uint8_t> start);

// kInvalidInput with one line for a header that is too old, inconsistent or points out of the file.
Result<BzImage> ParseBzImage(const ImageFile& file);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_BZIMAGE_H_
