// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/secrecy/finder.h"

#include <gtest/gtest.h>
#include <string.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/lab/secrecy/door.h"

namespace sealvm::secrecy {
namespace {

std::vector<uint8_t> WithSecret(size_t place, size_t offset, size_t first, size_t length) {
  std::vector<uint8_t> memory(kScanPage);
  for (size_t i = 0; i < length; ++i) memory[offset + i] = SecretByte(place, first + i);
  return memory;
}

TEST(FinderTest, ZeroMemoryHoldsNothing) {
  const std::vector<uint8_t> memory(kScanPage);
  const Findings findings = Finder().Search(memory);
  EXPECT_TRUE(findings.all_zero);
  EXPECT_EQ(findings.hits, (std::array<uint64_t, kPlaceCount>{}));
}

TEST(FinderTest, FindsASecretAtAnyAlignment) {
  const Finder finder;
  for (size_t offset = 0; offset < 16; ++offset) {
    const Findings findings = finder.Search(WithSecret(kKey, offset, 0, kSecretSize));
    EXPECT_EQ(findings.hits[kKey], offset % 8 == 0 ? 4U : 3U) << offset;
    EXPECT_FALSE(findings.all_zero);
  }
}

TEST(FinderTest, FindsAPieceOfFifteenBytesOfAnyPart) {
  const Finder finder;
  for (size_t first = 0; first < kSecretSize; ++first) {
    for (size_t offset = 0; offset < 8; ++offset) {
      EXPECT_GE(finder.Search(WithSecret(kSocket, offset, first, 15)).hits[kSocket], 1U);
    }
  }
}

TEST(FinderTest, TellsPlacesApart) {
  const Findings findings = Finder().Search(WithSecret(kFile, 64, 0, kSecretSize));
  EXPECT_EQ(findings.hits, (std::array<uint64_t, kPlaceCount>{0, 4, 0, 0}));
}

TEST(FinderTest, IgnoresSevenBytes) {
  EXPECT_EQ(Finder().Search(WithSecret(kHeap, 8, 0, 7)).hits[kHeap], 0U);
}

TEST(FinderTest, KeepsNoSecretInItself) {
  const Finder finder;
  const std::span bytes(reinterpret_cast<const uint8_t*>(&finder), sizeof(finder));
  EXPECT_EQ(finder.Search(bytes).hits, (std::array<uint64_t, kPlaceCount>{}));
}

// What is scanned, and what brings the secrets into the guest, must not hold them by itself.
TEST(FinderTest, NoProgramHoldsASecret) {
  const Finder finder;
  for (const char* name : {"hold_secrets", "scan_outside", "scan_inside"}) {
    std::ifstream file("tests/lab/secrecy/" + std::string(name), std::ios::binary);
    const std::vector<char> content(std::istreambuf_iterator<char>(file), {});
    ASSERT_GT(content.size(), 100'000U) << name;
    for (size_t shift = 0; shift < 8; ++shift) {
      const std::span bytes(reinterpret_cast<const uint8_t*>(content.data()) + shift,
                            content.size() - shift);
      EXPECT_EQ(finder.Search(bytes).hits, (std::array<uint64_t, kPlaceCount>{})) << name;
    }
  }
}

}  // namespace
}  // namespace sealvm::secrecy
