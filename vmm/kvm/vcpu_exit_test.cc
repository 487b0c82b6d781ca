// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vcpu_exit.h"

#include <gtest/gtest.h>
#include <string.h>

#include <cstddef>
#include <memory>
#include <set>
#include <string>

namespace sealvm::kvm {
namespace {

constexpr size_t kRunSize = 8192;

// A run page as KVM maps it.
class DecodeExitTest : public testing::Test {
 protected:
  Result<VcpuExit> Decode() { return DecodeExit(run(), kRunSize); }
  kvm_run& run() { return *reinterpret_cast<kvm_run*>(page_.get()); }
  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(page_.get()); }

 private:
  std::unique_ptr<uint64_t[]> page_ = std::make_unique<uint64_t[]>(kRunSize / sizeof(uint64_t));
};

TEST_F(DecodeExitTest, IoPointsIntoTheRunPage) {
  run().exit_reason = KVM_EXIT_IO;
  run().io = {
      .direction = KVM_EXIT_IO_OUT, .size = 2, .port = 0x3f8, .count = 3, .data_offset = 4096};
  memcpy(bytes() + 4096, "abcdef", 6);

  const Result<VcpuExit> exit = Decode();

  ASSERT_TRUE(exit);
  const IoExit& io = std::get<IoExit>(*exit);
  EXPECT_TRUE(io.is_write);
  EXPECT_EQ(io.port, 0x3f8);
  EXPECT_EQ(io.width, 2);
  EXPECT_EQ(io.count, 3u);
  EXPECT_EQ(std::string(io.data.begin(), io.data.end()), "abcdef");
}

TEST_F(DecodeExitTest, IoDataBeyondTheRunPageIsRefused) {
  run().exit_reason = KVM_EXIT_IO;
  run().io = {.direction = 0, .size = 4, .port = 1, .count = 0x7fffffff, .data_offset = 4096};
  EXPECT_FALSE(Decode());
  run().io = {.direction = 0, .size = 1, .port = 1, .count = 1, .data_offset = UINT64_MAX};
  EXPECT_FALSE(Decode());
}

TEST_F(DecodeExitTest, MmioLendsItsEightBytes) {
  run().exit_reason = KVM_EXIT_MMIO;
  run().mmio.phys_addr = 0xfec00000;
  run().mmio.len = 4;
  run().mmio.is_write = 0;

  const Result<VcpuExit> exit = Decode();

  ASSERT_TRUE(exit);
  const MmioExit& mmio = std::get<MmioExit>(*exit);
  EXPECT_EQ(mmio.gpa, 0xfec00000u);
  EXPECT_FALSE(mmio.is_write);
  mmio.data[3] = 0x5a;
  EXPECT_EQ(run().mmio.data[3], 0x5a);
}

TEST_F(DecodeExitTest, MmioOfMoreThanEightBytesIsRefused) {
  run().exit_reason = KVM_EXIT_MMIO;
  run().mmio.len = 9;
  EXPECT_FALSE(Decode());
}

TEST_F(DecodeExitTest, HypercallLendsItsResult) {
  run().exit_reason = KVM_EXIT_HYPERCALL;
  run().hypercall.nr = 12;
  run().hypercall.args[0] = 0x1000;
  run().hypercall.args[5] = 6;
  const Result<VcpuExit> exit = Decode();
  ASSERT_TRUE(exit.has_value());
  const HypercallExit& hypercall = std::get<HypercallExit>(*exit);
  EXPECT_EQ(hypercall.number, 12u);
  EXPECT_EQ(hypercall.arguments[0], 0x1000u);
  EXPECT_EQ(hypercall.arguments[5], 6u);
  *hypercall.result = 42;
  EXPECT_EQ(run().hypercall.ret, 42u);
}

TEST_F(DecodeExitTest, MemoryFaultTellsWhichKindIsMissing) {
  run().exit_reason = KVM_EXIT_MEMORY_FAULT;
  run().memory_fault.gpa = 0x5000;
  run().memory_fault.size = 0x1000;
  run().memory_fault.flags = KVM_MEMORY_EXIT_FLAG_PRIVATE;
  const Result<VcpuExit> is_private = Decode();
  EXPECT_EQ(std::get<MemoryFaultExit>(*is_private).gpa, 0x5000u);
  EXPECT_EQ(std::get<MemoryFaultExit>(*is_private).size, 0x1000u);
  EXPECT_TRUE(std::get<MemoryFaultExit>(*is_private).is_private);
  run().memory_fault.flags = 0;
  const Result<VcpuExit> shared = Decode();
  EXPECT_FALSE(std::get<MemoryFaultExit>(*shared).is_private);
}

TEST_F(DecodeExitTest, SystemEventCarriesItsWords) {
  run().exit_reason = KVM_EXIT_SYSTEM_EVENT;
  run().system_event.type = KVM_SYSTEM_EVENT_SEV_TERM;
  run().system_event.ndata = 1;
  run().system_event.data[0] = 0x11100;
  const Result<VcpuExit> exit = Decode();
  const SystemEventExit& event = std::get<SystemEventExit>(*exit);
  EXPECT_EQ(event.words, 1u);
  EXPECT_EQ(event.data[0], 0x11100u);
}

TEST_F(DecodeExitTest, SystemEventHasNoMoreWordsThanTheFieldHolds) {
  run().exit_reason = KVM_EXIT_SYSTEM_EVENT;
  run().system_event.ndata = 0xffffffff;
  EXPECT_EQ(std::get<SystemEventExit>(*Decode()).words, 16u);
}

TEST_F(DecodeExitTest, QuoteRequestLendsItsResult) {
  run().exit_reason = KVM_EXIT_TDX;
  run().tdx.nr = TdxExit::kGetQuote;
  run().tdx.get_quote.gpa = 0x5000;
  run().tdx.get_quote.size = 0x4000;
  const Result<VcpuExit> exit = Decode();
  const TdxExit& call = std::get<TdxExit>(*exit);
  EXPECT_EQ(call.operands, (std::array<uint64_t, 2>{0x5000, 0x4000}));
  *call.result = 1;
  EXPECT_EQ(run().tdx.get_quote.ret, 1u);
  EXPECT_TRUE(call.info.empty());
}

TEST_F(DecodeExitTest, VmCallInfoLendsItsFourRegisters) {
  run().exit_reason = KVM_EXIT_TDX;
  run().tdx.nr = TdxExit::kGetVmCallInfo;
  run().tdx.get_tdvmcall_info.leaf = 1;
  const Result<VcpuExit> exit = Decode();
  const TdxExit& call = std::get<TdxExit>(*exit);
  EXPECT_EQ(call.operands[0], 1u);
  call.info[3] = 9;
  EXPECT_EQ(run().tdx.get_tdvmcall_info.r14, 9u);
}

TEST_F(DecodeExitTest, NotifyVectorIsTold) {
  run().exit_reason = KVM_EXIT_TDX;
  run().tdx.nr = TdxExit::kSetupEventNotify;
  run().tdx.setup_event_notify.vector = 48;
  EXPECT_EQ(std::get<TdxExit>(*Decode()).operands[0], 48u);
}

TEST_F(DecodeExitTest, CertificateRequestLendsPagesAndResult) {
  run().exit_reason = KVM_EXIT_SNP_REQ_CERTS;
  run().snp_req_certs.gpa = 0x7000;
  run().snp_req_certs.npages = 2;
  const Result<VcpuExit> exit = Decode();
  const SnpCertsExit& certs = std::get<SnpCertsExit>(*exit);
  EXPECT_EQ(certs.gpa, 0x7000u);
  *certs.pages = 5;
  *certs.result = 28;
  EXPECT_EQ(run().snp_req_certs.npages, 5u);
  EXPECT_EQ(run().snp_req_certs.ret, 28u);
}

TEST_F(DecodeExitTest, MsrReadLendsItsValueAndItsRefusal) {
  run().exit_reason = KVM_EXIT_X86_RDMSR;
  run().msr.index = 0xc0010131;
  const Result<VcpuExit> exit = Decode();
  const MsrExit& msr = std::get<MsrExit>(*exit);
  EXPECT_EQ(msr.index, 0xc0010131u);
  EXPECT_FALSE(msr.is_write);
  *msr.value = 1;
  *msr.refused = 1;
  EXPECT_EQ(run().msr.data, 1u);
  EXPECT_EQ(run().msr.error, 1u);
}

TEST_F(DecodeExitTest, MsrWriteIsTold) {
  run().exit_reason = KVM_EXIT_X86_WRMSR;
  run().msr.data = 7;
  const Result<VcpuExit> exit = Decode();
  EXPECT_TRUE(std::get<MsrExit>(*exit).is_write);
  EXPECT_EQ(*std::get<MsrExit>(*exit).value, 7u);
}

TEST_F(DecodeExitTest, EmulationFailureCarriesInstructionBytes) {
  run().exit_reason = KVM_EXIT_INTERNAL_ERROR;
  run().emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
  run().emulation_failure.ndata = 4;
  run().emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
  run().emulation_failure.insn_size = 200;  // more than the field holds
  run().emulation_failure.insn_bytes[0] = 0x0f;

  const Result<VcpuExit> exit = Decode();

  ASSERT_TRUE(exit);
  const InternalErrorExit& error = std::get<InternalErrorExit>(*exit);
  EXPECT_EQ(error.suberror, uint32_t{KVM_INTERNAL_ERROR_EMULATION});
  EXPECT_EQ(error.instruction_length, 15u);
  EXPECT_EQ(error.instruction[0], 0x0f);
}

TEST_F(DecodeExitTest, EmulationFailureWithoutBytesHasNone) {
  run().exit_reason = KVM_EXIT_INTERNAL_ERROR;
  run().emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
  run().emulation_failure.insn_size = 3;
  const Result<VcpuExit> exit = Decode();
  EXPECT_EQ(std::get<InternalErrorExit>(*exit).instruction_length, 0u);
}

TEST_F(DecodeExitTest, ReasonThatNobodyAskedForKeepsItsNumber) {
  run().exit_reason = 4711;
  EXPECT_EQ(std::get<UnexpectedExit>(*Decode()).reason, 4711u);
}

TEST_F(DecodeExitTest, ShortReasonsDecode) {
  run().exit_reason = KVM_EXIT_SHUTDOWN;
  EXPECT_EQ(ExitName(*Decode()), "shutdown");
  run().exit_reason = KVM_EXIT_HLT;
  EXPECT_EQ(ExitName(*Decode()), "hlt");
  run().exit_reason = KVM_EXIT_INTR;
  EXPECT_EQ(ExitName(*Decode()), "interrupted");
  run().exit_reason = KVM_EXIT_FAIL_ENTRY;
  EXPECT_EQ(ExitName(*Decode()), "fail-entry");
  run().exit_reason = KVM_EXIT_SYSTEM_EVENT;
  EXPECT_EQ(ExitName(*Decode()), "system-event");
}

TEST(ExitNameTest, EveryKindHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kExitKinds; ++i) names.insert(ExitNameByIndex(i));
  EXPECT_EQ(names.size(), kExitKinds);
}

}  // namespace
}  // namespace sealvm::kvm
