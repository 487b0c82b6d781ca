// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_TESTING_BOOT_FIXTURE_H_
#define SEALVM_VMM_BOOT_TESTING_BOOT_FIXTURE_H_

#include <stdint.h>

#include <string>
#include <vector>

#include "memory/base/fd.h"
#include "memory/guest_memory.h"

namespace sealvm {

// Guest memory of `bytes`, all zero, backed by a memfd; aborts when the host has none.
GuestMemory MakeTestMemory(uint64_t bytes);

// A file that is deleted with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<uint8_t>& contents);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void Truncate(uint64_t size) const;

 private:
  std::string path_;
};

// `size` bytes of `memory` at `gpa`; aborts when they are not RAM.
std::vector<uint8_t> ReadBytes(const GuestMemory& memory, Gpa gpa, uint64_t size);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_TESTING_BOOT_FIXTURE_H_
