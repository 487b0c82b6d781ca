// SPDX-License-Identifier: Apache-2.0
#include "memory/base/mapping.h"

#include <errno.h>
#include <sys/mman.h>

#include <utility>

namespace sealvm {

Result<Mapping> Mapping::Create(size_t length, int prot, int flags, int fd, off_t offset,
                                std::string_view what) {
  void* address = mmap(nullptr, length, prot, flags, fd, offset);
  if (address == MAP_FAILED) return SystemError("mmap", what, errno);
  Mapping mapping;
  mapping.data_ = static_cast<uint8_t*>(address);
  mapping.size_ = length;
  return mapping;
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    Reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Result<> Mapping::Overlay(size_t offset, size_t length, int prot, int flags, int fd,
                          off_t fd_offset, std::string_view what) {
  if (offset > size_ || length > size_ - offset) {
    return HostError("a mapping's overlay is outside of it");
  }
  if (mmap(data_ + offset, length, prot, flags | MAP_FIXED, fd, fd_offset) == MAP_FAILED) {
    return SystemError("mmap", what, errno);
  }
  return {};
}

Result<> Mapping::ExcludeFromDumps(std::string_view what) {
  if (madvise(data_, size_, MADV_DONTDUMP) != 0) return SystemError("madvise", what, errno);
  return {};
}

void Mapping::Reset() {
  if (data_ != nullptr) munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace sealvm
