// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/module_status.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/isolation/tdx/module_status_names.h"

namespace sealvm::tdx {
namespace {

using ::testing::HasSubstr;

// Status words of Linux, arch/x86/kvm/vmx/tdx_errno.h.
TEST(ModuleStatusTest, NamesThatLinuxUses) {
  EXPECT_EQ(ModuleStatusName(0), "TDX_SUCCESS");
  EXPECT_EQ(ModuleStatusName(0x4000000100000000), "TDX_NON_RECOVERABLE_VCPU");
  EXPECT_EQ(ModuleStatusName(0xC000010000000000), "TDX_OPERAND_INVALID");
  EXPECT_EQ(ModuleStatusName(0x8000020000000000), "TDX_OPERAND_BUSY");
  EXPECT_EQ(ModuleStatusName(0x8000020300000000), "TDX_RND_NO_ENTROPY");
  EXPECT_EQ(ModuleStatusName(0xC000030000000000), "TDX_PAGE_METADATA_INCORRECT");
  EXPECT_EQ(ModuleStatusName(0x8000080000000000), "TDX_KEY_GENERATION_FAILED");
  EXPECT_EQ(ModuleStatusName(0xC0000B0D00000000), "TDX_EPT_ENTRY_STATE_INCORRECT");
  EXPECT_EQ(ModuleStatusName(0xC0000C0200000000), "TDX_METADATA_FIELD_NOT_READABLE");
}

TEST(ModuleStatusTest, FirstAndLastOfTheTableAreFound) {
  EXPECT_EQ(StatusName(0), "TDX_SUCCESS");
  EXPECT_EQ(StatusName(0x1160), "TDX_GLA_NOT_CANONICAL");
  EXPECT_EQ(StatusName(0xffff), "");
  EXPECT_EQ(OperandName(0), "RAX");
  EXPECT_EQ(OperandName(188), "WBCACHE");
  EXPECT_EQ(OperandName(4), "");
}

TEST(ModuleStatusTest, TakenApart) {
  const ModuleStatus status = ParseModuleStatus(0xE000060400000041);
  EXPECT_TRUE(status.error);
  EXPECT_TRUE(status.non_recoverable);
  EXPECT_TRUE(status.fatal);
  EXPECT_EQ(status.status_class, 6);
  EXPECT_EQ(status.name_code, 4);
  EXPECT_EQ(status.details, 0x41u);
}

TEST(ModuleStatusTest, InWords) {
  EXPECT_EQ(DescribeModuleStatus(0xC000010000000041),
            "TDX_OPERAND_INVALID (0xc000010000000041: invalid operand, XFAM)");
  EXPECT_EQ(DescribeModuleStatus(0x8000020000000004),
            "TDX_OPERAND_BUSY (0x8000020000000004: resource busy, operand 0x4)");
  EXPECT_EQ(DescribeModuleStatus(0xE000060400000000),
            "TDX_TD_FATAL (0xe000060400000000: state of the TD, fatal)");
  EXPECT_EQ(DescribeModuleStatus(0xC000200100000000),
            "unknown status (0xc000200100000000: class 0x20)");
}

TEST(ModuleStatusTest, SeamcallItselfFailed) {
  EXPECT_EQ(DescribeModuleStatus(0x8000FF00FFFF0000),
            "SEAMCALL_VMFAILINVALID (0x8000ff00ffff0000: SEAMCALL instruction)");
  EXPECT_EQ(ModuleStatusName(0x8000FF000000000D), "SEAMCALL_GP");
  EXPECT_EQ(ModuleStatusName(0x8000FF0000000006), "SEAMCALL_UD");
}

TEST(ModuleErrorTest, SaysWhatToDo) {
  const Error error = ModuleError("KVM_TDX_INIT_VM", 0xC000010000000041, EIO).error();
  EXPECT_EQ(error.kind, ErrorKind::kHost);
  EXPECT_EQ(error.os_error, EIO);
  EXPECT_THAT(error.message, HasSubstr("KVM_TDX_INIT_VM: TDX module: TDX_OPERAND_INVALID"));
  EXPECT_THAT(error.hint, HasSubstr("KVM_TDX_CAPABILITIES"));
  EXPECT_THAT(ModuleError("x", 0xC000070500000000, EIO).error().hint, HasSubstr("--cpus"));
  EXPECT_THAT(ModuleError("x", 0x8000FF00FFFF0000, EIO).error().hint, HasSubstr("not loaded"));
}

TEST(ModuleErrorTest, WithoutStatusItIsKvms) {
  EXPECT_THAT(ModuleError("KVM_TDX_INIT_VM", 0, EINVAL).error().message,
              HasSubstr("ioctl(KVM_TDX_INIT_VM): Invalid argument"));
}

}  // namespace
}  // namespace sealvm::tdx
