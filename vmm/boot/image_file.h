// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_IMAGE_FILE_H_
#define SEALVM_VMM_BOOT_IMAGE_FILE_H_

#include <stdint.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/fd.h"
#include "memory/base/result.h"
#include "memory/guest_memory.h"

namespace sealvm {

// The most bytes of a kernel or initrd that firmware loads: fw_cfg tells their sizes in 32 bits
// (QEMU docs/specs/fw_cfg.rst).
inline constexpr uint64_t kMaxFirmwareLoadSize = 0xffffffff;

// A kernel, initrd or other image that the boot code reads: a regular file, or bytes in memory for
// embedded and unpacked images. The size is taken once; a file that shrinks afterwards gives
// errors, never SIGBUS, because it is read and not mapped. Contents are hostile. Move-only; const
// methods may be called from several threads.
class ImageFile {
 public:
  // Opens a regular file. Errors are kInvalidInput and begin with `option` ("--initrd") if given.
  static Result<ImageFile> Open(const std::string& path, std::string_view option = {});
  // Borrows `bytes`, which must outlive the object. `name` stands for it in errors.
  static ImageFile FromBytes(std::string name, std::span<const uint8_t> bytes);
  static ImageFile FromBuffer(std::string name, std::vector<uint8_t> bytes);

  // How errors call the file: "--kernel /boot/vmlinuz".
  const std::string& name() const { return name_; }
  // Bytes.
  uint64_t size() const { return size_; }
  // True when [offset, offset + length) lies inside the file; cannot wrap.
  bool Contains(uint64_t offset, uint64_t length) const {
    return offset <= size_ && length <= size_ - offset;
  }

  // Fills `out` from `offset`; kInvalidInput when the file ends before.
  Result<> Read(uint64_t offset, std::span<uint8_t> out) const;
  // All of a file whose size the caller has looked at.
  Result<std::vector<uint8_t>> ReadAll() const;
  // Copies file bytes to guest RAM without a buffer in between.
  Result<> LoadInto(GuestMemory& memory, Gpa gpa, uint64_t offset, uint64_t length) const;

 private:
  // Headers of all formats lie here; reading them piece by piece costs a system call each.
  static constexpr uint64_t kHeadSize = 8192;

  ImageFile() = default;
  Result<> ReadHead();
  Result<> ReadFromFile(uint64_t offset, std::span<uint8_t> out) const;

  std::string name_;
  uint64_t size_ = 0;
  Fd fd_;
  std::vector<uint8_t> buffer_;
  // All of it, or the head of what fd_ holds.
  std::span<const uint8_t> bytes_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_IMAGE_FILE_H_
