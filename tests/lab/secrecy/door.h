// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_LAB_SECRECY_DOOR_H_
#define SEALVM_TESTS_LAB_SECRECY_DOOR_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <array>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/secrecy/finder.h"

namespace sealvm::secrecy {

inline constexpr uint64_t kScanPage = 4096;

// A way to get at memory, and what came through it. Not thread-safe.
class Door {
 public:
  // `finder` must outlive it.
  Door(std::string name, const Finder& finder) : name_(std::move(name)), finder_(finder) {}

  // Reads up to bytes.size() bytes from `address`; fewer, 0 or a negative number where they end.
  using ReadAt = std::function<ssize_t(uint64_t address, std::span<uint8_t> bytes)>;
  // Searches all that `read` gives of [begin, end), page by page behind one that it refuses.
  // Returns the addresses of pages that are not all zero. Page aligned.
  std::vector<uint64_t> Read(uint64_t begin, uint64_t end, const ReadAt& read);
  // Searches mapped memory in place; pages that fault are counted as refused.
  void Load(const uint8_t* begin, uint64_t size);
  // A piece of at most one page, wherever it came from; empty if it was refused.
  void CountPart(std::span<const uint8_t> part);

  // "door NAME tried=PAGES read=PAGES heap=HITS ..." on stdout.
  void Print() const;

 private:
  void Count(const Findings* findings);  // of a page; nullptr if it was refused

  std::string name_;
  const Finder& finder_;
  uint64_t tried_ = 0;
  uint64_t read_ = 0;
  std::array<uint64_t, kPlaceCount> hits_{};
};

// Prints "expected heap=HITS ..." once, so that a reader knows what all copies would give.
void PrintExpected();

}  // namespace sealvm::secrecy

#endif  // SEALVM_TESTS_LAB_SECRECY_DOOR_H_
