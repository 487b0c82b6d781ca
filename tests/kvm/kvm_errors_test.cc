// SPDX-License-Identifier: Apache-2.0
// How failing ioctls read, on a real KVM.
#include <errno.h>

#include "tests/kvm/guest_fixture.h"

namespace sealvm {
namespace {

using KvmErrorsTest = GuestTest;

TEST_F(KvmErrorsTest, OverlappingMemslotNamesSlotAndRange) {
  const uint64_t hva = memory().HostAddressForMemslot(memory().layout().low_ram());
  const Result<> result =
      vm().SetUserMemoryRegion({.slot = 1, .gpa = 0x1000, .size = 0x1000, .hva = hva});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().os_error, EEXIST);
  EXPECT_EQ(result.error().message,
            "memslot 1 (GPA 0x1000+0x1000): ioctl(KVM_SET_USER_MEMORY_REGION on vm): File exists "
            "[EEXIST]");
  EXPECT_EQ(result.error().hint, "the range overlaps another memslot");
}

TEST_F(KvmErrorsTest, VcpuThatExistsIsNamed) {
  const kvm::Vcpu first = MakeVcpu(3);
  const Result<kvm::Vcpu> second = vm().CreateVcpu(3);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "vcpu 3: ioctl(KVM_CREATE_VCPU on vm): File exists [EEXIST]");
}

TEST_F(KvmErrorsTest, MsrThatKvmRefusesIsNamed) {
  kvm::Vcpu vcpu = MakeVcpu(0);
  kvm_msr_entry good = {};
  good.index = 0x174;  // IA32_SYSENTER_CS
  kvm_msr_entry bad = {};
  bad.index = 0x12345678;
  bad.data = 0x55;
  const Result<> result = vcpu.SetMsrs(std::array{good, bad});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("MSR 0x12345678 = 0x55"), std::string::npos)
      << result.error().message;
}

TEST_F(KvmErrorsTest, UnknownVmTypeSaysWhereToLook) {
  const Result<kvm::Vm> result = system().CreateVm(12345);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().os_error, EINVAL);
  EXPECT_NE(result.error().hint.find("sealvm doctor"), std::string::npos);
}

TEST_F(KvmErrorsTest, ExtensionThatNobodyHasIsZero) {
  EXPECT_EQ(*system().CheckExtension(99999), 0);
}

TEST_F(KvmErrorsTest, ExtensionsThatEveryHostHasAreThere) {
  EXPECT_GT(*system().CheckExtension(KVM_CAP_USER_MEMORY), 0);
  EXPECT_GT(*vm().CheckExtension(KVM_CAP_IRQCHIP), 0);
}

}  // namespace
}  // namespace sealvm
