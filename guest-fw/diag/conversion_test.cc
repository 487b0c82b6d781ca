// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/conversion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sealvm::diag {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kC = uint64_t{1} << 39;
constexpr uint64_t kFree = 16 * kMiB;

std::vector<MemoryRange> Ram(uint64_t low_end, uint64_t high_end = 0) {
  std::vector<MemoryRange> ranges = {
      {.base = 0, .size = 0x9fc00, .type = RangeType::kUsable},
      {.base = 0x9fc00, .size = 0x400, .type = RangeType::kReserved},
      {.base = 0xe0000, .size = 0x20000, .type = RangeType::kAcpiReclaimable},
      {.base = kMiB, .size = low_end - kMiB, .type = RangeType::kUsable}};
  if (high_end != 0) {
    ranges.push_back({.base = 4 * kGiB, .size = high_end - 4 * kGiB, .type = RangeType::kUsable});
  }
  return ranges;
}

// Whether a host that computes without overflow would find the request to be whole pages of RAM.
bool IsWholeRam(const ConversionRequest& request, std::span<const MemoryRange> ranges) {
  const auto end = static_cast<unsigned __int128>(request.gpa) +
                   static_cast<unsigned __int128>(request.pages) * kConversionPage;
  return request.gpa % kConversionPage == 0 && request.pages != 0 &&
         std::ranges::any_of(ranges, [&](const MemoryRange& range) {
           return range.is_ram() && request.gpa >= range.base && end <= range.end();
         });
}

class HostileConversionsTest : public testing::TestWithParam<std::vector<MemoryRange>> {
 protected:
  HostileConversions hostile_{GetParam(), kFree, kC};
};

INSTANTIATE_TEST_SUITE_P(Guests, HostileConversionsTest,
                         testing::Values(Ram(64 * kMiB), Ram(3 * kGiB, 6 * kGiB),
                                         Ram(3 * kGiB, 6 * kGiB + 12345 * kMiB)));

TEST_P(HostileConversionsTest, NoneIsForWholeRam) {
  for (const auto& entry : hostile_.entries()) {
    EXPECT_FALSE(IsWholeRam(entry.request, GetParam())) << entry.name;
  }
}

TEST_P(HostileConversionsTest, EachGoesBothWays) {
  const auto entries = hostile_.entries();
  ASSERT_EQ(entries.size() % 2, 0u);
  for (size_t i = 0; i < entries.size(); i += 2) {
    ConversionRequest other = entries[i].request;
    EXPECT_EQ(other.attributes, kToShared);
    other.attributes = kToPrivate;
    EXPECT_EQ(entries[i + 1].request, other);
  }
}

TEST_P(HostileConversionsTest, NoneIsLeftOutForWantOfRoom) {
  EXPECT_EQ(hostile_.entries().back().request.gpa, kFree | kC << 1);
}

TEST(HostileConversions, TheHoleIsCrossedOnlyWhereThereIsRamBehindIt) {
  const auto crosses = [](const HostileConversions& hostile) {
    return std::ranges::any_of(hostile.entries(), [](const auto& entry) {
      return entry.request == ConversionRequest{3 * kGiB - 4096, (kGiB >> 12) + 2, kToShared};
    });
  };
  EXPECT_FALSE(crosses(HostileConversions(Ram(3 * kGiB), kFree, kC)));
  EXPECT_TRUE(crosses(HostileConversions(Ram(3 * kGiB, 5 * kGiB), kFree, kC)));
}

}  // namespace
}  // namespace sealvm::diag
