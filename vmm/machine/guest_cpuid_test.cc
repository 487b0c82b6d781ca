// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/guest_cpuid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "vmm/kvm/testing_cpuid.h"

namespace sealvm {
namespace {

kvm_cpuid_entry2 Leaf(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx,
                      uint32_t edx) {
  return kvm::TestingLeaf(function, index, {eax, ebx, ecx, edx});
}

std::optional<kvm_cpuid_entry2> Find(const std::vector<kvm_cpuid_entry2>& entries,
                                     uint32_t function, uint32_t index = 0) {
  const auto found = std::ranges::find_if(entries, [&](const kvm_cpuid_entry2& entry) {
    return entry.function == function && entry.index == index;
  });
  if (found == entries.end()) return std::nullopt;
  return *found;
}

const std::vector<kvm_cpuid_entry2> kHost = {
    Leaf(0x0, 0, 0x1f, 1, 2, 3),
    Leaf(0x1, 0, 0xa20f10, 0x07100800, 0x1, 0x10000000),
    Leaf(0x4, 1, 0xfc01c121, 0, 0, 0),  // level 1, 7 sharing, 63 cores
    Leaf(0xb, 0, 1, 2, 0x100, 7),
    Leaf(0xb, 1, 4, 16, 0x201, 7),
    Leaf(0x1f, 0, 1, 2, 0x100, 7),
    Leaf(0x80000008, 0, 0x3030, 0, 0x700f, 0),
    Leaf(0x8000001d, 3, 0x0003c163, 0, 0, 0),  // level 3
    Leaf(0x8000001e, 0, 7, 0x103, 0x100, 0),
};

std::vector<kvm_cpuid_entry2> Make(uint32_t cpus, uint32_t apic_id, bool tsc_deadline = true) {
  return MakeGuestCpuid(kHost, {.cpus = cpus}, apic_id, tsc_deadline);
}

TEST(GuestCpuidTest, FeatureLeafCarriesApicIdAndCpuCount) {
  const auto leaf = Find(Make(4, 3), 1);
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->ebx >> 24, 3u);
  EXPECT_EQ((leaf->ebx >> 16) & 0xff, 4u);
  EXPECT_EQ(leaf->ebx & 0xffff, 0x0800u);
  EXPECT_NE(leaf->edx & (1u << 28), 0u);
}

TEST(GuestCpuidTest, SingleCpuHasNoHttBit) { EXPECT_EQ(Find(Make(1, 0), 1)->edx & (1u << 28), 0u); }

TEST(GuestCpuidTest, HypervisorAndX2ApicAreAlwaysShown) {
  const uint32_t ecx = Find(Make(1, 0, false), 1)->ecx;
  EXPECT_NE(ecx & (1u << 31), 0u);
  EXPECT_NE(ecx & (1u << 21), 0u);
}

TEST(GuestCpuidTest, TscDeadlineOnlyWhereKvmHasIt) {
  EXPECT_EQ(Find(Make(1, 0, false), 1)->ecx & (1u << 24), 0u);
  EXPECT_NE(Find(Make(1, 0, true), 1)->ecx & (1u << 24), 0u);
}

TEST(GuestCpuidTest, TopologyLeavesDescribeOneThreadPerCore) {
  const auto entries = Make(5, 4);
  for (const uint32_t leaf : {0xbu, 0x1fu}) {
    EXPECT_EQ(Find(entries, leaf, 0)->eax, 0u);
    EXPECT_EQ(Find(entries, leaf, 0)->ebx, 1u);
    EXPECT_EQ(Find(entries, leaf, 0)->ecx, 0x100u);
    EXPECT_EQ(Find(entries, leaf, 1)->eax, 3u);  // 5 cores need 3 bits
    EXPECT_EQ(Find(entries, leaf, 1)->ebx, 5u);
    EXPECT_EQ(Find(entries, leaf, 1)->ecx, 0x201u);
    EXPECT_EQ(Find(entries, leaf, 2)->ecx, 2u);
    EXPECT_EQ(Find(entries, leaf, 1)->edx, 4u);
  }
}

TEST(GuestCpuidTest, HostsTopologySubleavesDoNotShineThrough) {
  const auto entries = Make(2, 0);
  EXPECT_EQ(std::ranges::count_if(entries, [](const auto& e) { return e.function == 0xb; }), 3);
}

TEST(GuestCpuidTest, CoresShareOnlyTheLastLevelCache) {
  const auto entries = Make(4, 0);
  EXPECT_EQ((Find(entries, 0x4, 1)->eax >> 14) & 0xfff, 0u);
  EXPECT_EQ(Find(entries, 0x4, 1)->eax >> 26, 3u);
  EXPECT_EQ((Find(entries, 0x8000001d, 3)->eax >> 14) & 0xfff, 3u);
}

TEST(GuestCpuidTest, AmdLeavesCountCoresAndNumberThem) {
  const auto entries = Make(64, 63);
  EXPECT_EQ(Find(entries, 0x80000008)->ecx & 0xff, 63u);
  EXPECT_EQ((Find(entries, 0x80000008)->ecx >> 12) & 0xf, 6u);
  EXPECT_EQ(Find(entries, 0x80000008)->eax, 0x3030u);
  EXPECT_EQ(Find(entries, 0x8000001e)->eax, 63u);
  EXPECT_EQ(Find(entries, 0x8000001e)->ebx & 0xffff, 63u);
}

TEST(GuestCpuidTest, OtherLeavesPassUnchanged) {
  const auto leaf = Find(Make(2, 1), 0);
  EXPECT_EQ(leaf->eax, 0x1fu);
  EXPECT_EQ(leaf->edx, 3u);
}

}  // namespace
}  // namespace sealvm
