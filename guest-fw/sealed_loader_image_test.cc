// SPDX-License-Identifier: Apache-2.0
// What the VMM relies on in the embedded sealed loader.
#include "guest-fw/sealed_loader_image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

namespace sealvm {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kScratchPages = 4;

TEST(SealedLoaderImage, IsAFewWholePages) {
  EXPECT_EQ(SealedLoaderImage().size() % kPage, 0u);
  EXPECT_GT(SealedLoaderImage().size(), kScratchPages * kPage);
  EXPECT_LE(SealedLoaderImage().size(), 32u * 1024);
}

TEST(SealedLoaderImage, BeginsWithTheEntrysFirstInstructions) {
  ASSERT_GT(SealedLoaderImage().size(), 2u);
  EXPECT_EQ(SealedLoaderImage()[0], 0xfa);  // cli
  EXPECT_EQ(SealedLoaderImage()[1], 0xfc);  // cld
}

TEST(SealedLoaderImage, EndsWithZeroedScratchPages) {
  const auto scratch = SealedLoaderImage().last(kScratchPages * kPage);
  EXPECT_TRUE(std::ranges::all_of(scratch, [](uint8_t byte) { return byte == 0; }));
}

TEST(SealedLoaderImage, HasTheSameBytesWhereverItIsLinked) {
  std::ifstream file("guest-fw/loader/sealed_loader_elsewhere.bin", std::ios::binary);
  const std::vector<char> elsewhere{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(elsewhere.empty());
  EXPECT_TRUE(std::ranges::equal(SealedLoaderImage(), elsewhere, {}, {},
                                 [](char c) { return static_cast<uint8_t>(c); }));
}

}  // namespace
}  // namespace sealvm
