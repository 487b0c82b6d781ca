// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/bridge_tables.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "guest-fw/loader/testing_tree.h"

namespace sealvm::loader {
namespace {

constexpr uint64_t kTablesGpa = 3 * kMiB + 0x3000;
constexpr uint64_t kAddressMask = 0x000f'ffff'ffff'f000;

class BridgeTablesTest : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    manifest_.c_bit = GetParam();
    Build();
  }
  void Build() {
    tables_ = std::make_unique<BridgeTables>();
    BuildBridgeTables(manifest_, c() | kTablesGpa, tables_.get());
  }

  uint64_t c() const { return manifest_.c_mask(); }
  uint64_t Index(uint64_t va, int shift) const { return va >> shift & 0x1ff; }

  // Walks as a CPU does, four levels; nullopt when nothing is mapped.
  std::optional<uint64_t> Walk(uint64_t va) const {
    const uint64_t top = tables_->top[Index(va, 39)];
    if ((top & 3) != 3) return std::nullopt;
    EXPECT_EQ(top & c(), c()) << "a table outside private memory";
    const uint64_t table = (top & kAddressMask & ~c()) - kTablesGpa;
    const auto* bytes = reinterpret_cast<const uint8_t*>(tables_.get()) + table;
    const uint64_t entry = reinterpret_cast<const uint64_t*>(bytes)[Index(va, 30)];
    if ((entry & 3) != 3) return std::nullopt;
    EXPECT_NE(entry & 0x80, 0u) << "not a 1 GiB page";
    return (entry & kAddressMask) + va % kGiB;
  }

  Manifest manifest_ = GoodManifest();
  std::unique_ptr<BridgeTables> tables_;
};

INSTANTIATE_TEST_SUITE_P(CBits, BridgeTablesTest, testing::Values(34, 36, 38, 39, 40, 45, 46));

TEST_P(BridgeTablesTest, MapPrivateMemoryAtItsGpaWithC) {
  for (const uint64_t x : {uint64_t{0}, 3 * kMiB, 1 * kGiB, 4 * kGiB - 1}) {
    EXPECT_EQ(Walk(c() | x), c() | x) << x;
  }
}

TEST_P(BridgeTablesTest, MapPrivateMemoryAtItsGpaWithoutC) {
  for (const uint64_t x : {uint64_t{0}, 3 * kMiB, 2 * kGiB, 4 * kGiB - 1}) {
    EXPECT_EQ(Walk(x), c() | x) << x;
  }
}

TEST_P(BridgeTablesTest, MapTheWindow) {
  for (const uint64_t offset : {uint64_t{0}, manifest_.window.size - 1}) {
    EXPECT_EQ(Walk(WindowView(manifest_) + offset), manifest_.window.base + offset);
  }
}

TEST_P(BridgeTablesTest, MapAWindowAcrossGiBBoundaries) {
  manifest_.window = {7 * kGiB - 0x1000, 2 * kGiB};
  Build();
  for (const uint64_t offset : {uint64_t{0}, uint64_t{0x1000}, 1 * kGiB + 0x1000, 2 * kGiB - 1}) {
    EXPECT_EQ(Walk(WindowView(manifest_) + offset), manifest_.window.base + offset);
  }
}

TEST_P(BridgeTablesTest, MapTheLargestWindow) {
  manifest_.window = {8 * kGiB - 0x1000, kMaxWindowSize};
  Build();
  EXPECT_EQ(Walk(WindowView(manifest_)), manifest_.window.base);
  EXPECT_EQ(Walk(WindowView(manifest_) + kMaxWindowSize - 1),
            manifest_.window.base + kMaxWindowSize - 1);
}

TEST_P(BridgeTablesTest, MapNothingElse) {
  EXPECT_EQ(Walk(4 * kGiB), std::nullopt);
  EXPECT_EQ(Walk(kWindow), std::nullopt);
  EXPECT_EQ(Walk(kWindowView + 1 * kGiB), std::nullopt);
  EXPECT_EQ(Walk(0xffff'8000'0000'0000), std::nullopt);
}

}  // namespace
}  // namespace sealvm::loader
