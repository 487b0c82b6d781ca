// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/secrecy/door.h"

#include <gtest/gtest.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <set>
#include <string>

namespace sealvm::secrecy {
namespace {

constexpr uint64_t kPages = 600;  // more than are read at once

// A memory with holes, and a secret on one page.
class Memory {
 public:
  explicit Memory(std::set<uint64_t> refused) : refused_(std::move(refused)) {
    for (size_t i = 0; i < kSecretSize; ++i) bytes_[500 * kScanPage + i] = SecretByte(kHeap, i);
  }
  ssize_t Read(uint64_t address, std::span<uint8_t> into) const {
    uint64_t page = address / kScanPage;
    while (page * kScanPage < address + into.size() && !refused_.contains(page)) ++page;
    const auto end = std::min(page * kScanPage, address + into.size());
    if (end <= address) return -1;
    memcpy(into.data(), &bytes_[address], end - address);
    return static_cast<ssize_t>(end - address);
  }

 private:
  std::set<uint64_t> refused_;
  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(kPages * kScanPage);
};

std::string Printed(const Door& door) {
  testing::internal::CaptureStdout();
  door.Print();
  return testing::internal::GetCapturedStdout();
}

TEST(DoorTest, ReadsAroundPagesThatAreRefused) {
  const Finder finder;
  const Memory memory({0, 7, 8, 300, 599});
  Door door("x", finder);
  const auto not_zero = door.Read(0, kPages * kScanPage, [&](uint64_t at, std::span<uint8_t> into) {
    return memory.Read(at, into);
  });
  EXPECT_EQ(Printed(door), "door x tried=600 read=595 heap=4 file=0 key=0 socket=0\n");
  EXPECT_EQ(not_zero, std::vector<uint64_t>{500 * kScanPage});
}

TEST(DoorTest, AShortEndIsSearched) {
  const Finder finder;
  Door door("x", finder);
  door.Read(0, kScanPage, [&](uint64_t at, std::span<uint8_t> into) -> ssize_t {
    for (size_t i = 0; i < kSecretSize; ++i) into[i] = SecretByte(kKey, i);
    return at == 0 ? kSecretSize : 0;
  });
  EXPECT_EQ(Printed(door), "door x tried=1 read=1 heap=0 file=0 key=4 socket=0\n");
}

TEST(DoorTest, LoadsSurviveFaults) {
  constexpr uint64_t kSize = 4 * kScanPage;
  auto* memory = static_cast<uint8_t*>(
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  for (size_t i = 0; i < kSecretSize; ++i) memory[3 * kScanPage + i] = SecretByte(kFile, i);
  ASSERT_EQ(mprotect(memory + kScanPage, 2 * kScanPage, PROT_NONE), 0);
  const Finder finder;
  Door door("x", finder);
  door.Load(memory, kSize);
  EXPECT_EQ(Printed(door), "door x tried=4 read=2 heap=0 file=4 key=0 socket=0\n");
  munmap(memory, kSize);
}

}  // namespace
}  // namespace sealvm::secrecy
