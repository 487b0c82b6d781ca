// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/sealed_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sealvm {
namespace {

SealedLayout Make(uint64_t ram, uint32_t cpus, PhysicalAddressBits address = {40, 0}) {
  return *SealedLayout::Create(*GuestLayout::Create(ram), address, cpus);
}

std::vector<SealedMemslot> Of(const SealedLayout& layout, SealedSource source) {
  std::vector<SealedMemslot> found;
  std::ranges::copy_if(layout.memslots(), std::back_inserter(found),
                       [&](const SealedMemslot& slot) { return slot.source == source; });
  return found;
}

TEST(SealedLayoutTest, CBitIsTheHighestUsableAddressBit) {
  EXPECT_EQ(Make(512 * kMiB, 1, {40, 0}).c_bit(), 39u);
  EXPECT_EQ(Make(512 * kMiB, 1, {39, 0}).c_bit(), 38u);
  EXPECT_EQ(Make(512 * kMiB, 1, {52, 44}).c_bit(), 43u);
  EXPECT_EQ(Make(512 * kMiB, 1, {46, 48}).c_bit(), 45u);
}

TEST(SealedLayoutTest, OneCpuHasAllItsMemoryPrivate) {
  const SealedLayout layout = Make(512 * kMiB, 1);
  EXPECT_EQ(layout.always_shared_end(), 0u);
  const auto private_slots = Of(layout, SealedSource::kPrivate);
  ASSERT_EQ(private_slots.size(), 1u);
  EXPECT_EQ(private_slots[0].gpa, uint64_t{1} << 39);
  EXPECT_EQ(private_slots[0].size, 512 * kMiB);
  EXPECT_EQ(Of(layout, SealedSource::kShared).size(), 1u);
}

TEST(SealedLayoutTest, SeveralCpusShareTheFirstMebibyteUnderBothNames) {
  const SealedLayout layout = Make(512 * kMiB, 2);
  EXPECT_EQ(layout.always_shared_end(), kMiB);
  const auto shared = Of(layout, SealedSource::kShared);
  ASSERT_EQ(shared.size(), 2u);
  EXPECT_EQ(shared[1].gpa, layout.c_mask());
  EXPECT_EQ(shared[1].size, kMiB);
  EXPECT_EQ(shared[1].offset, 0u);
  const auto private_slots = Of(layout, SealedSource::kPrivate);
  EXPECT_EQ(private_slots[0].gpa, layout.c_mask() + kMiB);
  EXPECT_EQ(private_slots[0].offset, kMiB);
  EXPECT_EQ(private_slots[0].size, 511 * kMiB);
}

TEST(SealedLayoutTest, HighRamHasBothHalves) {
  const SealedLayout layout = Make(6 * kGiB, 2);
  const auto shared = Of(layout, SealedSource::kShared);
  ASSERT_EQ(shared.size(), 3u);
  EXPECT_EQ(shared[1].gpa, kHighRamBase);
  const auto private_slots = Of(layout, SealedSource::kPrivate);
  ASSERT_EQ(private_slots.size(), 2u);
  EXPECT_EQ(private_slots[1].gpa, layout.c_mask() + kHighRamBase);
  EXPECT_EQ(private_slots[1].offset, 3 * kGiB);
  EXPECT_EQ(private_slots[1].size, 3 * kGiB);
}

TEST(SealedLayoutTest, MemslotsDoNotOverlapAndAreNumbered) {
  for (const uint64_t ram : {2 * kMiB, 512 * kMiB, 3 * kGiB, 6 * kGiB, 64 * kGiB}) {
    for (const uint32_t cpus : {1u, 4u}) {
      const SealedLayout layout = Make(ram, cpus);
      std::vector<SealedMemslot> slots = layout.memslots();
      for (size_t i = 0; i < slots.size(); ++i) EXPECT_EQ(slots[i].slot, i);
      std::ranges::sort(slots, {}, &SealedMemslot::gpa);
      for (size_t i = 1; i < slots.size(); ++i) {
        EXPECT_LE(slots[i - 1].gpa + slots[i - 1].size, slots[i].gpa) << ram << " " << cpus;
      }
    }
  }
}

TEST(SealedLayoutTest, EachByteOfRamHasItsTwoHalvesAtTheSameOffset) {
  const SealedLayout layout = Make(6 * kGiB, 2);
  uint64_t private_bytes = 0;
  for (const SealedMemslot& slot : Of(layout, SealedSource::kPrivate)) {
    private_bytes += slot.size;
    const Gpa gpa = slot.gpa - layout.c_mask();
    EXPECT_EQ(gpa < kHighRamBase ? gpa : gpa - kGiB, slot.offset);
  }
  EXPECT_EQ(private_bytes, 6 * kGiB - kMiB);
}

TEST(SealedLayoutTest, WindowLiesBetweenRamAndTheCBit) {
  const SealedLayout layout = Make(6 * kGiB, 1);
  EXPECT_GE(layout.window_base(), 7 * kGiB);
  EXPECT_EQ(layout.window_base() % kGiB, 0u);
  EXPECT_EQ(layout.window_base() + layout.max_window_size(), layout.c_mask());
  EXPECT_EQ(layout.window_slot(), layout.memslots().size());
}

TEST(SealedLayoutTest, CBitStaysInReachOfTheLoader) {
  EXPECT_EQ(Make(512 * kMiB, 1, {52, 0}).c_bit(), 46u);
}

TEST(SealedLayoutTest, GuestThatDoesNotFitBelowTheCBitIsRefused) {
  const GuestLayout big = *GuestLayout::Create(200 * kGiB);
  const auto layout = SealedLayout::Create(big, {39, 0}, 1);
  ASSERT_FALSE(layout.has_value());
  EXPECT_EQ(layout.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(layout.error().message.find("--memory"), std::string::npos);
  EXPECT_TRUE(SealedLayout::Create(big, {46, 0}, 1).has_value());
}

TEST(SealedLayoutTest, OddAddressWidthsAreRefused) {
  const GuestLayout ram = *GuestLayout::Create(512 * kMiB);
  for (const PhysicalAddressBits address :
       {PhysicalAddressBits{0, 0}, {35, 0}, {53, 0}, {255, 0}, {48, 1}}) {
    EXPECT_FALSE(SealedLayout::Create(ram, address, 1).has_value()) << address.bits;
  }
}

}  // namespace
}  // namespace sealvm
