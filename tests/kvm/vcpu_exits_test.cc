// SPDX-License-Identifier: Apache-2.0
// What a guest does and which exit it makes, on a real KVM.
#include <string>

#include "memory/base/endian.h"
#include "tests/kvm/guest_fixture.h"

namespace sealvm {
namespace {

using VcpuExitsTest = GuestTest;

TEST_F(VcpuExitsTest, PortWritesOfEveryWidth) {
  kvm::Vcpu vcpu = LoadGuest(port_out_guest());
  for (const auto& [width, value] : {std::pair{1u, 0x41u}, {2u, 0x1234u}, {4u, 0x89abcdefu}}) {
    const kvm::VcpuExit exit = RunToExit(vcpu);
    const auto* io = std::get_if<kvm::IoExit>(&exit);
    ASSERT_NE(io, nullptr) << kvm::ExitName(exit);
    EXPECT_TRUE(io->is_write);
    EXPECT_EQ(io->port, 0x10);
    EXPECT_EQ(io->width, width);
    EXPECT_EQ(LoadLeAny(io->data), value);
  }
  EXPECT_EQ(kvm::ExitName(RunToExit(vcpu)), "hlt");
}

TEST_F(VcpuExitsTest, PortReadsGetWhatTheHostPutsIn) {
  kvm::Vcpu vcpu = LoadGuest(port_in_guest());
  for (const uint64_t value : {0x5aul, 0xbeeful, 0x12345678ul}) {
    const kvm::VcpuExit exit = RunToExit(vcpu);
    const auto* io = std::get_if<kvm::IoExit>(&exit);
    ASSERT_NE(io, nullptr) << kvm::ExitName(exit);
    EXPECT_FALSE(io->is_write);
    EXPECT_EQ(io->port, 0x20);
    StoreLeAny(io->data, value);
  }
  EXPECT_EQ(kvm::ExitName(RunToExit(vcpu)), "hlt");
  EXPECT_EQ(*memory().ReadObject<uint8_t>(0x500), 0x5a);
  EXPECT_EQ(*memory().ReadObject<uint16_t>(0x502), 0xbeef);
  EXPECT_EQ(*memory().ReadObject<uint32_t>(0x504), 0x12345678u);
}

TEST_F(VcpuExitsTest, StringOutputArrivesInOrder) {
  const std::string text = "hello";
  ASSERT_TRUE(memory().Write(0x500, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  kvm::Vcpu vcpu = LoadGuest(string_out_guest());
  std::string seen;
  kvm::VcpuExit exit = RunToExit(vcpu);
  while (const auto* io = std::get_if<kvm::IoExit>(&exit)) {
    EXPECT_EQ(io->width, 1);
    seen.append(io->data.begin(), io->data.end());
    exit = RunToExit(vcpu);
  }
  EXPECT_EQ(kvm::ExitName(exit), "hlt");
  EXPECT_EQ(seen, text);
}

TEST_F(VcpuExitsTest, AccessesOutsideTheMemslotsAreMmio) {
  kvm::Vcpu vcpu = LoadGuest(mmio_guest());
  kvm::VcpuExit exit = RunToExit(vcpu);
  const auto* write = std::get_if<kvm::MmioExit>(&exit);
  ASSERT_NE(write, nullptr) << kvm::ExitName(exit);
  EXPECT_TRUE(write->is_write);
  EXPECT_EQ(write->gpa, 0xa0004u);
  ASSERT_EQ(write->data.size(), 4u);
  EXPECT_EQ(LoadLeAny(write->data), 0xcafef00du);

  exit = RunToExit(vcpu);
  const auto* read = std::get_if<kvm::MmioExit>(&exit);
  ASSERT_NE(read, nullptr) << kvm::ExitName(exit);
  EXPECT_FALSE(read->is_write);
  EXPECT_EQ(read->gpa, 0xa0009u);
  read->data[0] = 0x77;

  EXPECT_EQ(kvm::ExitName(RunToExit(vcpu)), "hlt");
  EXPECT_EQ(*memory().ReadObject<uint8_t>(0x500), 0x77);
}

TEST_F(VcpuExitsTest, TripleFaultIsAShutdown) {
  kvm::Vcpu vcpu = LoadGuest(triple_fault_guest());
  EnterProtectedMode(vcpu, kCodeBase);
  EXPECT_EQ(kvm::ExitName(RunToExit(vcpu)), "shutdown");
}

TEST_F(VcpuExitsTest, ImmediateExitKeepsTheVcpuOutOfTheGuest) {
  kvm::Vcpu vcpu = LoadGuest(port_out_guest());
  vcpu.RequestImmediateExit();
  for (int i = 0; i < 3; ++i) {
    const Result<kvm::VcpuExit> exit = vcpu.Run();
    ASSERT_TRUE(exit);
    EXPECT_EQ(kvm::ExitName(*exit), "interrupted");
  }
  EXPECT_EQ(vcpu.GetRegs()->rip, kCodeBase);
}

}  // namespace
}  // namespace sealvm
