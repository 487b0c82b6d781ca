// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_LAB_SECRECY_DESCRIPTOR_DOORS_H_
#define SEALVM_TESTS_LAB_SECRECY_DESCRIPTOR_DOORS_H_

#include <string>

#include "tests/lab/secrecy/door.h"

namespace sealvm::secrecy {

// What open descriptors give: by read calls, by new mappings, and by opening their file again.
class DescriptorDoors {
 public:
  // `finder` must outlive it.
  explicit DescriptorDoors(const Finder& finder)
      : read_("fd-read", finder), map_("fd-map", finder), reopen_("fd-reopen", finder) {}

  // Tries a descriptor. `link` is its name in /proc: .../fd/N. Prints an "object" line for a file
  // or memory object, with the pages of it that can be read and are not all zero.
  void Try(int fd, const std::string& link);
  void Print() const;

 private:
  void Map(int fd, uint64_t size);

  Door read_;
  Door map_;
  Door reopen_;
};

}  // namespace sealvm::secrecy

#endif  // SEALVM_TESTS_LAB_SECRECY_DESCRIPTOR_DOORS_H_
