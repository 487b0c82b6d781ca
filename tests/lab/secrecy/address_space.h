// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_LAB_SECRECY_ADDRESS_SPACE_H_
#define SEALVM_TESTS_LAB_SECRECY_ADDRESS_SPACE_H_

#include <stdint.h>

#include <string>
#include <vector>

namespace sealvm::secrecy {

// A line of /proc/PID/maps.
struct Region {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string protection;  // "rw-p"
  std::string name;

  bool unreadable() const { return protection[0] != 'r'; }
};

// All regions of a process's half of the address space; `process` is a PID or "self".
std::vector<Region> ReadRegions(const std::string& process);

// The numbers in /proc/PROCESS/fd.
std::vector<int> ReadDescriptors(const std::string& process);

}  // namespace sealvm::secrecy

#endif  // SEALVM_TESTS_LAB_SECRECY_ADDRESS_SPACE_H_
