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
