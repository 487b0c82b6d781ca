// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/vcpu_reset_state.h"

#include <gtest/gtest.h>

#include <map>

#include "memory/base/endian.h"
#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/kvm_reset_state.h"

namespace sealvm {
namespace {

constexpr uint32_t kApEip = 0x0080b004;
constexpr uint32_t kMilan = 0xa00f11;

// The page's words of 64 bits that are not zero, by offset.
using Words = std::map<size_t, uint64_t>;

Words VmsaWords(const VcpuResetState& state, uint64_t features) {
  std::array<uint8_t, kPageSize> page;
  page.fill(0xa5);
  BuildVmsa(state, features, page);
  Words words;
  for (size_t offset = 0; offset < page.size(); offset += 8) {
    const uint64_t word = *LoadLe<uint64_t>(page, offset);
    if (word != 0) words[offset] = word;
  }
  return words;
}

// What every profile has: limits and attributes of the segments, control registers.
Words QemuWords() {
  return {{0x00, 0x0000ffff'00930000},
          {0x10, 0x0000ffff'009bf000},
          {0x18, 0xffff0000},
          {0x20, 0x0000ffff'00930000},
          {0x30, 0x0000ffff'00930000},
          {0x40, 0x0000ffff'00930000},
          {0x50, 0x0000ffff'00930000},
          {0x60, 0x0000ffff'00000000},
          {0x70, 0x0000ffff'00820000},
          {0x80, 0x0000ffff'00000000},
          {0x90, 0x0000ffff'008b0000},
          {0xd0, 0x1000},
          {0x148, 0x40},
          {0x158, 0x10},
          {0x160, 0x400},
          {0x168, 0xffff0ff0},
          {0x170, 2},
          {0x178, 0xfff0},
          {0x268, 0x0007040600070406},
          {0x310, kMilan},
          {0x3b0, 1},
          {0x3e8, 1},
          {0x408, 0x1f80},
          {0x410, 0x37f}};
}

TEST(VcpuResetState, QemusBootProcessor) {
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kQemu, kResetVector, kMilan), 1), QemuWords());
}

TEST(VcpuResetState, OthersStartWhereTheFirmwareSays) {
  Words expected = QemuWords();
  expected[0x18] = 0x00800000;
  expected[0x178] = 0xb004;

  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kQemu, kApEip, kMilan), 1), expected);
}

TEST(VcpuResetState, FeaturesAreAFieldOfTheirOwn) {
  Words expected = QemuWords();
  expected[0x3b0] = 0x221;
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kQemu, kResetVector, kMilan), 0x221), expected);
  expected.erase(0x3b0);
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kQemu, kResetVector, kMilan), 0), expected);
}

TEST(VcpuResetState, Ec2) {
  Words expected = QemuWords();
  expected[0x10] = 0x0000ffff'009af000;
  expected[0x20] = 0x0000ffff'00920000;
  expected[0x90] = 0x0000ffff'00830000;
  expected[0x310] = 0x600;
  expected.erase(0x408);
  expected.erase(0x410);
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kEc2, kResetVector, kMilan), 1), expected);

  expected[0x10] = 0x0000ffff'009bf000;
  expected[0x18] = 0x00800000;
  expected[0x178] = 0xb004;
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kEc2, kApEip, kMilan), 1), expected);
}

TEST(VcpuResetState, Gce) {
  Words expected = QemuWords();
  expected[0x268] = 0x70106;
  expected[0x310] = 0x600;
  expected.erase(0x408);
  expected.erase(0x410);
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kGce, kResetVector, kMilan), 1), expected);
}

TEST(VcpuResetState, Krun) {
  Words expected = QemuWords();
  expected[0x10] = 0x0000ffff'009af000;
  expected[0x20] = 0x0000ffff'00920000;
  expected[0x90] = 0x0000ffff'00830000;
  expected.erase(0x310);
  expected[0x1d8] = expected[0x328] = 0x8ff0;
  expected[0x330] = 0x7000;
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kKrun, kResetVector, kMilan), 1), expected);

  for (size_t offset : {0x1d8, 0x328, 0x330}) expected.erase(offset);
  expected[0x18] = 0x00800000;
  expected[0x178] = 0xb004;
  EXPECT_EQ(VmsaWords(MakeResetState(VmmType::kKrun, kApEip, kMilan), 1), expected);
}

TEST(VcpuResetState, VmmTypesHaveNames) {
  for (const char* name : {"qemu", "ec2", "gce", "krun"}) {
    const auto type = ParseVmmType(name);
    ASSERT_TRUE(type.has_value());
    EXPECT_EQ(VmmTypeName(*type), name);
  }
  ExpectInvalidInput(ParseVmmType("QEMU"), "'QEMU' is no VMM type");
}

// What KVM makes of a kvm_segment (Linux arch/x86/kvm/svm/svm.c, svm_set_segment).
uint16_t AttributesOf(const kvm_segment& segment) {
  return static_cast<uint16_t>(segment.type | segment.s << 4 | (segment.dpl & 3) << 5 |
                               (segment.present & 1 & ~segment.unusable) << 7 | segment.avl << 8 |
                               segment.l << 9 | segment.db << 10 | segment.g << 11);
}

void ExpectSegment(const kvm_segment& kvm, const VmcbSegment& segment) {
  EXPECT_EQ(kvm.selector, segment.selector);
  EXPECT_EQ(kvm.limit, segment.limit);
  EXPECT_EQ(kvm.base, segment.base);
  EXPECT_EQ(AttributesOf(kvm), segment.attributes);
}

TEST(KvmResetState, SegmentsComeBackAsTheyAreMeasured) {
  for (VmmType type : {VmmType::kQemu, VmmType::kEc2}) {
    for (uint32_t eip : {kResetVector, kApEip}) {
      const VcpuResetState state = MakeResetState(type, eip, kMilan);
      kvm_sregs sregs = {};
      StoreInto(state, sregs);
      ExpectSegment(sregs.es, state.es);
      ExpectSegment(sregs.cs, state.cs);
      ExpectSegment(sregs.ss, state.ss);
      ExpectSegment(sregs.ds, state.ds);
      ExpectSegment(sregs.fs, state.fs);
      ExpectSegment(sregs.gs, state.gs);
      ExpectSegment(sregs.ldt, state.ldtr);
      ExpectSegment(sregs.tr, state.tr);
      EXPECT_EQ(sregs.gdt.limit, 0xffff);
      EXPECT_EQ(sregs.idt.limit, 0xffff);
    }
  }
}

TEST(KvmResetState, EveryAttributeHasItsField) {
  for (unsigned bit = 0; bit < 12; ++bit) {
    VcpuResetState state;
    state.ds.attributes = static_cast<uint16_t>(1u << bit | 1u << 7);
    kvm_sregs sregs = {};
    StoreInto(state, sregs);
    EXPECT_EQ(AttributesOf(sregs.ds), state.ds.attributes) << bit;
  }
}

TEST(KvmResetState, RegistersAreThoseOfTheState) {
  const VcpuResetState state = MakeResetState(VmmType::kQemu, kApEip, kMilan);
  const kvm_regs regs = KvmRegs(state);
  EXPECT_EQ(regs.rip, 0xb004u);
  EXPECT_EQ(regs.rdx, kMilan);
  EXPECT_EQ(regs.rflags, 2u);
  EXPECT_EQ(regs.rsp | regs.rbp | regs.rsi | regs.rax, 0u);
  EXPECT_EQ(KvmFpu(state).fcw, 0x37f);
  EXPECT_EQ(KvmFpu(state).mxcsr, 0x1f80u);

  const kvm_regs krun = KvmRegs(MakeResetState(VmmType::kKrun, kResetVector, kMilan));
  EXPECT_EQ(krun.rsp, 0x8ff0u);
  EXPECT_EQ(krun.rbp, 0x8ff0u);
  EXPECT_EQ(krun.rsi, 0x7000u);
}

// KVM sets SVME and MCE itself; asking for them would be refused.
TEST(KvmResetState, ControlRegistersAreWhatAVmmMaySet) {
  kvm_sregs sregs = {};
  sregs.apic_base = 0xfee00900;
  sregs.cr3 = sregs.cr4 = sregs.efer = 0xffff;
  StoreInto(MakeResetState(VmmType::kQemu, kResetVector, kMilan), sregs);

  EXPECT_EQ(sregs.cr0, 0x10u);
  EXPECT_EQ(sregs.cr3 | sregs.cr4 | sregs.efer, 0u);
  EXPECT_EQ(sregs.apic_base, 0xfee00900u);
}

}  // namespace
}  // namespace sealvm
