// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/td_cpuid.h"

#include <gtest/gtest.h>

#include <vector>

#include "vmm/kvm/testing_cpuid.h"

namespace sealvm::tdx {
namespace {

using Table = std::vector<kvm_cpuid_entry2>;

constexpr uint32_t kAddressSizes = 0x80000008;
constexpr uint32_t kAnyGuestBits = 0xffu << 16;

kvm_cpuid_entry2 Leaf(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx = 0,
                      uint32_t ecx = 0, uint32_t edx = 0) {
  return kvm::TestingLeaf(function, index, {eax, ebx, ecx, edx});
}

void ExpectRegisters(const kvm_cpuid_entry2& entry, uint32_t eax, uint32_t ebx, uint32_t ecx,
                     uint32_t edx) {
  EXPECT_EQ(entry.eax, eax);
  EXPECT_EQ(entry.ebx, ebx);
  EXPECT_EQ(entry.ecx, ecx);
  EXPECT_EQ(entry.edx, edx);
}

// EAX of the chosen leaf of address sizes.
uint32_t ChosenSizes(uint32_t wanted, uint32_t mask = kAnyGuestBits) {
  const auto chosen =
      ChooseTdCpuid(Table{Leaf(kAddressSizes, 0, wanted)}, Table{Leaf(kAddressSizes, 0, mask)});
  return chosen && chosen->size() == 1 ? chosen->front().eax : 0;
}

TEST(ChooseTdCpuidTest, LeavesAndBitsThatMayBeChosenAlone) {
  const Table wanted = {Leaf(1, 0, 0x11, 0x22, 0x33, 0x44), Leaf(7, 1, 0xff), Leaf(7, 0, 0xf0),
                        Leaf(kAddressSizes, 0, 48u << 16)};
  const Table configurable = {Leaf(7, 0, 0x3c), Leaf(kAddressSizes, 0, kAnyGuestBits),
                              Leaf(1, 0, 0x10, 0x02, 0x01, 0x40), Leaf(0x24, 0, 0xff)};
  const auto chosen = ChooseTdCpuid(wanted, configurable);
  ASSERT_TRUE(chosen);
  ASSERT_EQ(chosen->size(), 4u);
  for (size_t i = 0; i < chosen->size(); ++i) {
    EXPECT_EQ((*chosen)[i].function, configurable[i].function);
    EXPECT_EQ((*chosen)[i].index, configurable[i].index);
    // Even where the kernel forgets the flag: it would take the first subleaf for any.
    EXPECT_EQ((*chosen)[i].flags, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
  }
  ExpectRegisters((*chosen)[0], 0x30, 0, 0, 0);
  ExpectRegisters((*chosen)[2], 0x10, 0x02, 0x01, 0x40);
  ExpectRegisters((*chosen)[3], 0, 0, 0, 0);  // not wanted
}

TEST(ChooseTdCpuidTest, GuestAddressesHave48Or52Bits) {
  EXPECT_EQ(ChosenSizes(52u << 16), 52u << 16);
  EXPECT_EQ(ChosenSizes(48u << 16), 48u << 16);
  for (const uint32_t bits : {0u, 46u, 47u, 51u, 57u}) {
    EXPECT_EQ(ChosenSizes(bits << 16), 48u << 16) << bits;
  }
}

TEST(ChooseTdCpuidTest, TheRestOfTheLeafIsMaskedAsAny) {
  EXPECT_EQ(ChosenSizes(52u << 16 | 0x3934), 52u << 16);
  EXPECT_EQ(ChosenSizes(52u << 16 | 0x3934, kAnyGuestBits | 0xff), 52u << 16 | 0x34);
}

TEST(ChooseTdCpuidTest, AddressBitsAreChosenEvenWhereNoneAreWanted) {
  const auto chosen = ChooseTdCpuid({}, Table{Leaf(kAddressSizes, 0, kAnyGuestBits)});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->front().eax, 48u << 16);
}

TEST(ChooseTdCpuidTest, AnInterfaceWithoutAddressBitsIsAnError) {
  const Table wanted = {Leaf(kAddressSizes, 0, 48u << 16)};
  for (const Table& configurable :
       {Table{}, Table{Leaf(1, 0, ~0u)}, Table{Leaf(kAddressSizes, 0, 0xff)}}) {
    const auto chosen = ChooseTdCpuid(wanted, configurable);
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().kind, ErrorKind::kHost);
    EXPECT_NE(chosen.error().message.find("0x80000008"), std::string::npos);
  }
}

TEST(XfamOfTest, IsXcr0AndXss) {
  const Table cpuid = {Leaf(0xd, 0, 0x2e7, 0, 0, 1), Leaf(0xd, 1, 0xf, 0, 0x1800, 2),
                       Leaf(0xd, 2, 0x100, 0x240), Leaf(7, 0, 0xff)};
  EXPECT_EQ(XfamOf(cpuid), 0x3'0000'1ae7u);
}

TEST(ApplyTdFaceTest, LeavesKvmsFeaturesThatWork) {
  Table cpuid = {Leaf(0x40000001, 0, 0xffffffff, 0, 0, 1), Leaf(1, 0, 0xffffffff)};
  ApplyTdFace(cpuid);
  ExpectRegisters(cpuid[0], 0xba82, 0, 0, 1);
  ExpectRegisters(cpuid[1], 0xffffffff, 0, 0, 0);
}

TEST(AdoptModuleCpuidTest, WhatTheModuleGivesReplacesWhatWasWanted) {
  Table table = {Leaf(0, 0, 0x10), Leaf(1, 0, 1, 2, 3, 4), Leaf(7, 0, 5), Leaf(7, 1, 6)};
  AdoptModuleCpuid(table, Table{Leaf(7, 1, 0x66), Leaf(1, 0, 0x11, 0x22, 0x33, 0x44)});
  ASSERT_EQ(table.size(), 4u);
  ExpectRegisters(table[0], 0x10, 0, 0, 0);
  ExpectRegisters(table[1], 0x11, 0x22, 0x33, 0x44);
  ExpectRegisters(table[2], 5, 0, 0, 0);
  ExpectRegisters(table[3], 0x66, 0, 0, 0);
}

TEST(AdoptModuleCpuidTest, LeavesOfTheModulesOwnAreAdded) {
  Table table = {Leaf(7, 0, 5)};
  AdoptModuleCpuid(table, Table{Leaf(0x21, 0, 0, 0x65746e49), Leaf(7, 2, 9)});
  ASSERT_EQ(table.size(), 3u);
  EXPECT_EQ(table[0].eax, 5u);
  EXPECT_EQ(table[1].function, 0x21u);
  EXPECT_EQ(table[1].ebx, 0x65746e49u);
  EXPECT_EQ(table[2].index, 2u);
  EXPECT_EQ(table[2].eax, 9u);
}

}  // namespace
}  // namespace sealvm::tdx
