// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/sealed_cpuid.h"

#include <asm/kvm_para.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sealvm {
namespace {

kvm_cpuid_entry2 Leaf(uint32_t function, uint32_t eax, uint32_t ecx = 0, uint32_t index = 0) {
  kvm_cpuid_entry2 entry = {};
  entry.function = function;
  entry.index = index;
  entry.eax = eax;
  entry.ecx = ecx;
  return entry;
}

std::vector<kvm_cpuid_entry2> Host() {
  return {Leaf(0x7, 0, 0x4), Leaf(0x7, 0, 0x4, 1), Leaf(KVM_CPUID_FEATURES, 0xffffffff),
          Leaf(0x80000000, 0x80000008), Leaf(0x80000008, 0x00302830)};
}

kvm_cpuid_entry2 Find(const std::vector<kvm_cpuid_entry2>& cpuid, uint32_t function) {
  const auto found = std::ranges::find(cpuid, function, &kvm_cpuid_entry2::function);
  EXPECT_NE(found, cpuid.end()) << std::hex << function;
  return found == cpuid.end() ? kvm_cpuid_entry2{} : *found;
}

TEST(SealedCpuidTest, ReadsBothAddressWidths) {
  const auto bits = PhysicalAddressBitsOf(Host());
  ASSERT_TRUE(bits.has_value());
  EXPECT_EQ(bits->bits, 0x30u);
  EXPECT_EQ(bits->guest_bits, 0x30u);
  EXPECT_FALSE(PhysicalAddressBitsOf({}).has_value());
}

TEST(SealedCpuidTest, TellsOfSevAndItsBit) {
  auto cpuid = Host();
  ApplySealedFace(cpuid, {.c_bit = 47});
  EXPECT_EQ(Find(cpuid, 0x80000000).eax, 0x8000001fu);
  EXPECT_EQ(Find(cpuid, 0x8000001f).eax, 0x2u);
  EXPECT_EQ(Find(cpuid, 0x8000001f).ebx, 47u | 1u << 6);
}

TEST(SealedCpuidTest, LeavesAHigherLimitAndReplacesTheHostsOwnLeaf) {
  auto cpuid = Host();
  Find(cpuid, 0x80000000);
  cpuid[3].eax = 0x80000028;
  cpuid.push_back(Leaf(0x8000001f, 0xffff, 0xffff));
  ApplySealedFace(cpuid, {.c_bit = 39});
  EXPECT_EQ(Find(cpuid, 0x80000000).eax, 0x80000028u);
  EXPECT_EQ(Find(cpuid, 0x8000001f).eax, 0x2u);
  EXPECT_EQ(Find(cpuid, 0x8000001f).ecx, 0u);
  EXPECT_EQ(std::ranges::count(cpuid, 0x8000001fu, &kvm_cpuid_entry2::function), 1);
}

TEST(SealedCpuidTest, LinuxIsAskedToTellConversionsOnlyWhenItShould) {
  constexpr uint32_t kHypercall = 1u << KVM_FEATURE_HC_MAP_GPA_RANGE;
  constexpr uint32_t kAsked = 1u << KVM_FEATURE_MIGRATION_CONTROL;
  const auto features = [](const SealedFace& face) {
    auto cpuid = Host();
    ApplySealedFace(cpuid, face);
    return Find(cpuid, KVM_CPUID_FEATURES).eax & (kHypercall | kAsked);
  };
  EXPECT_EQ(features({.c_bit = 39}), 0u);
  EXPECT_EQ(features({.c_bit = 39, .conversions = true}), kHypercall);
  EXPECT_EQ(features({.c_bit = 39, .conversions = true, .tell_conversions = true}),
            kHypercall | kAsked);
}

TEST(SealedCpuidTest, HypercallsOfTheWrongVendorAreHidden) {
  auto cpuid = Host();
  ApplySealedFace(cpuid, {.c_bit = 39, .hypercalls = false});
  const uint32_t features = Find(cpuid, KVM_CPUID_FEATURES).eax;
  EXPECT_EQ(features & 1u << KVM_FEATURE_PV_SEND_IPI, 0u);
  EXPECT_EQ(features & 1u << KVM_FEATURE_PV_UNHALT, 0u);
  EXPECT_EQ(features & 1u << KVM_FEATURE_PV_SCHED_YIELD, 0u);
  EXPECT_NE(features & 1u << KVM_FEATURE_CLOCKSOURCE2, 0u);
}

TEST(SealedCpuidTest, EmulatedUmipIsHidden) {
  auto emulated = Host();
  ApplySealedFace(emulated, {.c_bit = 39});
  EXPECT_EQ(emulated[0].ecx & 0x4, 0u);
  EXPECT_EQ(emulated[1].ecx & 0x4, 0x4u) << "another subleaf";
  auto native = Host();
  ApplySealedFace(native, {.c_bit = 39, .native_umip = true});
  EXPECT_EQ(native[0].ecx & 0x4, 0x4u);
}

}  // namespace
}  // namespace sealvm
