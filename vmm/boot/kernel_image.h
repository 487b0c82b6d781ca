// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_KERNEL_IMAGE_H_
#define SEALVM_VMM_BOOT_KERNEL_IMAGE_H_

#include <stdint.h>

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/bzimage.h"
#include "vmm/boot/elf_kernel.h"
#include "vmm/boot/image_file.h"
#include "vmm/boot/payload_decompressor.h"

namespace sealvm {

// A kernel that can be loaded: its file and its checked headers. Only headers are held in memory;
// segments go from the file to guest RAM when LoadGuest asks. Move-only.
class KernelImage {
 public:
  // Opens and parses a bzImage or an ELF vmlinux. Everything else is kInvalidInput with one line
  // that says what the file looks like. Errors begin with `option` ("--kernel") if given.
  static Result<KernelImage> Open(const std::string& path, std::string_view option = {});
  // The same of bytes that outlive the object; `name` stands for the file in errors.
  static Result<KernelImage> FromBytes(std::string name, std::span<const uint8_t> bytes);
  static Result<KernelImage> FromFile(ImageFile file);

  const ImageFile& file() const { return file_; }
  const std::string& name() const { return file_.name(); }
  // Exactly one of these is not null; they live as long as the object stays where it is.
  const BzImage* bzimage() const { return std::get_if<BzImage>(&headers_); }
  const ElfKernel* elf() const { return std::get_if<ElfKernel>(&headers_); }

  // First address above what the kernel occupies once it runs: for a bzImage, its preferred address
  // and init_size; for an ELF kernel, the end of its last segment.
  Gpa MemoryEnd() const;

  // How a bzImage's payload is packed; kUnknown for an ELF kernel or when there is none.
  Result<PayloadFormat> DetectPayload() const;
  // Unpacks the vmlinux inside of a bzImage: the result owns it, in memory. At most `limit` bytes
  // (the guest's memory is a good one). kInvalidInput for an ELF kernel.
  Result<KernelImage> ExtractVmlinux(uint64_t limit = kMaxVmlinuxSize) const;

 private:
  using Headers = std::variant<BzImage, ElfKernel>;
  KernelImage(ImageFile file, Headers headers)
      : file_(std::move(file)), headers_(std::move(headers)) {}

  ImageFile file_;
  Headers headers_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_KERNEL_IMAGE_H_
