// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_KERNEL_INSPECTOR_H_
#define SEALVM_VMM_BOOT_KERNEL_INSPECTOR_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"

namespace sealvm {

struct KernelSegmentFacts {
  uint64_t gpa = 0;
  uint64_t file_size = 0;    // bytes
  uint64_t memory_size = 0;  // bytes
};

// What an ELF kernel offers.
struct ElfKernelFacts {
  uint64_t entry = 0;                      // e_entry, a physical address
  std::optional<uint32_t> pvh_entry = {};  // XEN_ELFNOTE_PHYS32_ENTRY
  bool is_linux = false;                   // carries a note of Linux's build
  std::vector<KernelSegmentFacts> segments = {};
};

// What a bzImage's setup header says (Linux Documentation/arch/x86/boot.rst).
struct BzImageFacts {
  uint8_t protocol_major = 0;
  uint8_t protocol_minor = 0;
  bool entry_64 = false;           // XLF_KERNEL_64
  bool loads_above_4g = false;     // XLF_CAN_BE_LOADED_ABOVE_4G
  bool efi_handover_32 = false;    // XLF_EFI_HANDOVER_32
  bool efi_handover_64 = false;    // XLF_EFI_HANDOVER_64
  bool efi_kexec = false;          // XLF_EFI_KEXEC
  bool five_level_paging = false;  // XLF_5LEVEL
  bool relocatable = false;
  uint32_t alignment = 0;                // bytes
  uint64_t preferred_address = 0;        // GPA
  uint64_t init_size = 0;                // bytes needed from the load address on
  uint32_t cmdline_size = 0;             // bytes without the terminating NUL
  uint64_t initrd_addr_max = 0;          // highest address an initrd may occupy
  std::string payload_compression = {};  // "zstd", "gzip", "xz", "lz4", "unknown" ...
  uint64_t payload_size = 0;             // bytes, compressed
  bool payload_supported = false;        // this program can unpack it
  // The vmlinux inside, or why it could not be read. At most one of them is set.
  std::optional<ElfKernelFacts> vmlinux = {};
  std::string vmlinux_error = {};
  uint64_t vmlinux_size = 0;  // bytes, unpacked
};

// Facts about a kernel file for `sealvm inspect`. Exactly one of bzimage and elf is set.
struct KernelFacts {
  std::string path = {};
  uint64_t file_size = 0;           // bytes
  std::string format = {};          // "bzImage" or "ELF"
  std::string kernel_version = {};  // "6.12.95+deb12-cloud-amd64 (...)"; empty when not found
  std::string default_entry = {};   // what `run` uses: "linux64" or "pvh"; empty when neither works
  uint64_t minimum_memory = 0;      // bytes of guest RAM that the kernel itself needs to be loaded
  std::optional<BzImageFacts> bzimage = {};
  std::optional<ElfKernelFacts> elf = {};
};

// Reads the headers of `path`, unpacks a bzImage's payload, and reports. A file that is no kernel
// is kInvalidInput with one line that says what it looks like.
Result<KernelFacts> InspectKernel(const std::string& path);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_KERNEL_INSPECTOR_H_
