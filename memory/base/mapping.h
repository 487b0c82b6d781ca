// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_MAPPING_H_
#define SEALVM_MEMORY_BASE_MAPPING_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <string_view>

#include "memory/base/result.h"

namespace sealvm {

// Owns one mmap() of the process; unmaps it when destroyed. Move-only. Not thread-safe.
class Mapping {
 public:
  // mmap(nullptr, length, prot, flags, fd, offset). `what` names the object in the error.
  static Result<Mapping> Create(size_t length, int prot, int flags, int fd, off_t offset,
                                std::string_view what);

  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { Reset(); }

  // Puts a mapping of `fd` from `fd_offset` over [offset, offset + length) of this one, which must
  // be inside it; page aligned.
  Result<> Overlay(size_t offset, size_t length, int prot, int flags, int fd, off_t fd_offset,
                   std::string_view what);
  // Keeps the mapping's content out of core dumps (MADV_DONTDUMP).
  Result<> ExcludeFromDumps(std::string_view what);

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  bool valid() const { return data_ != nullptr; }
  void Reset();

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_MAPPING_H_
