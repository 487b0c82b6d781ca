// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/td_cpuid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm::tdx {
namespace {

using ::testing::HasSubstr;

using Table = std::vector<kvm_cpuid_entry2>;

constexpr uint32_t kAddressSizes = 0x80000008;

kvm_cpuid_entry2 Leaf(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx = 0,
                      uint32_t ecx = 0, uint32_t edx = 0) {
  kvm_cpuid_entry2 entry = {};
  entry.function = function;
  entry.index = index;
  entry.eax = eax;
  entry.ebx = ebx;
  entry.ecx = ecx;
  entry.edx = edx;
  return entry;
}

const kvm_cpuid_entry2 kAnySizes = Leaf(kAddressSizes, 0, 0x00ff0000);

uint32_t ChosenSizes(uint32_t wanted) {
  const auto chosen = ChooseTdCpuid(Table{Leaf(kAddressSizes, 0, wanted)}, Table{kAnySizes});
  return chosen && chosen->size() == 1 ? chosen->front().eax : 0;
}

TEST(ChooseTdCpuidTest, TakesOfEachLeafTheBitsThatMayBeChosen) {
  kvm_cpuid_entry2 mask = Leaf(7, 1, 0xff, 0xf0, 0x0f, 0xffff0000);
  mask.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
  const Table wanted = {Leaf(7, 0, 0x11111111), Leaf(7, 1, 0x12345678, 0x9a, 0xbc, 0xdef01234),
                        Leaf(1, 0, 0xa0f11)};
  const auto chosen = ChooseTdCpuid(wanted, Table{mask, kAnySizes});
  ASSERT_TRUE(chosen) << chosen.error().ToString();
  // Neither leaf 1 nor the other index of leaf 7.
  ASSERT_EQ(chosen->size(), 2u);
  const kvm_cpuid_entry2& entry = chosen->front();
  EXPECT_EQ(entry.function, 7u);
  EXPECT_EQ(entry.index, 1u);
  EXPECT_EQ(entry.flags, uint32_t{KVM_CPUID_FLAG_SIGNIFCANT_INDEX});
  EXPECT_EQ(entry.eax, 0x78u);
  EXPECT_EQ(entry.ebx, 0x90u);
  EXPECT_EQ(entry.ecx, 0x0cu);
  EXPECT_EQ(entry.edx, 0xdef00000u);
}

TEST(ChooseTdCpuidTest, LeafThatIsNotWantedIsZero) {
  const auto chosen = ChooseTdCpuid(Table{}, Table{Leaf(0x1f, 2, ~0u, ~0u), kAnySizes});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->front().index, 2u);
  EXPECT_EQ(chosen->front().eax, 0u);
  EXPECT_EQ(chosen->front().ebx, 0u);
}

TEST(ChooseTdCpuidTest, AddressBitsAre52Or48) {
  EXPECT_EQ(ChosenSizes(52u << 16 | 0x3039), 52u << 16);
  EXPECT_EQ(ChosenSizes(48u << 16), 48u << 16);
  for (const uint32_t bits : {0u, 39u, 46u, 57u}) EXPECT_EQ(ChosenSizes(bits << 16), 48u << 16);
}

TEST(ChooseTdCpuidTest, KernelThatDoesNotLetThemBeChosen) {
  for (const Table& configurable : {Table{}, Table{Leaf(kAddressSizes, 0, 0xff)}}) {
    const auto chosen = ChooseTdCpuid(Table{Leaf(kAddressSizes, 0, 52u << 16)}, configurable);
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().kind, ErrorKind::kHost);
    EXPECT_THAT(chosen.error().message, HasSubstr("CPUID 0x80000008"));
  }
}

TEST(AdoptModuleCpuidTest, ReplacesLeavesByIndexAndAddsWhatIsNew) {
  Table table = {Leaf(1, 0, 1), Leaf(7, 0, 2), Leaf(7, 1, 3)};
  AdoptModuleCpuid(table, Table{Leaf(7, 1, 30, 31, 32, 33), Leaf(0x21, 0, 40)});
  ASSERT_EQ(table.size(), 4u);
  EXPECT_EQ(table[0].eax, 1u);
  EXPECT_EQ(table[1].eax, 2u);
  EXPECT_EQ(table[2].eax, 30u);
  EXPECT_EQ(table[2].edx, 33u);
  EXPECT_EQ(table[3].function, 0x21u);
  EXPECT_EQ(table[3].eax, 40u);
}

}  // namespace
}  // namespace sealvm::tdx
