// SPDX-License-Identifier: Apache-2.0
// That the models refuse what the documents say is refused, with the documented errno and status.
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/psp-sev.h>

#include <memory>
#include <vector>

#include "tests/model/kvm_double.h"
#include "tests/model/sev_model.h"
#include "tests/model/snp_model.h"
#include "tests/model/tdx_model.h"
#include "vmm/kvm/sev_device.h"
#include "vmm/kvm/system.h"

namespace sealvm::model {
namespace {

constexpr uint64_t kPage = 4096;

struct alignas(kPage) Page {
  uint8_t bytes[kPage] = {};
};

class StateMachineTest : public testing::Test {
 protected:
  // What a call came to: errno and the firmware's or module's status.
  struct Answer {
    int os_error = 0;
    uint64_t status = 0;
    bool operator==(const Answer&) const = default;
  };

  void Create(unsigned long type) {
    vm_.emplace(*kvm::System::Open("/dev/kvm", kvm_)->CreateVm(type));
    device_.emplace(*kvm::SevDevice::Open(kvm_));
  }
  template <typename Data>
  Answer Sev(uint32_t id, Data data) {
    const kvm::SevOutcome outcome = vm_->SevCommand(id, &data, device_->fd());
    return {outcome.os_error, outcome.firmware_error};
  }
  Answer Sev(uint32_t id) {
    const kvm::SevOutcome outcome = vm_->SevCommand(id, nullptr, device_->fd());
    return {outcome.os_error, outcome.firmware_error};
  }
  static Answer Firmware(uint32_t status) { return {EIO, status}; }

  // Memory with one slot at GPA 0 that has private memory.
  void BindPrivate(uint64_t size, bool make_private = true) {
    memfd_ = *vm_->CreateGuestMemfd(size, 0);
    ASSERT_TRUE(vm_->SetUserMemoryRegion(
        {.slot = 0, .gpa = 0, .size = size, .hva = 0, .private_fd = memfd_.get()}));
    if (make_private) {
      ASSERT_TRUE(vm_->SetMemoryPrivate(0, size, true));
    }
  }

  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>();
  std::optional<kvm::Vm> vm_;
  std::optional<kvm::SevDevice> device_;
  Fd memfd_;
  Page page_;
};

class SevStateTest : public StateMachineTest {
 protected:
  void SetUp() override {
    Create(KVM_X86_SEV_ES_VM);
    const auto hva = reinterpret_cast<uint64_t>(&page_);
    ASSERT_TRUE(vm_->SetUserMemoryRegion({.slot = 0, .gpa = 0, .size = kPage, .hva = hva}));
    ASSERT_TRUE(vm_->RegisterEncryptedRegion(hva, kPage));
  }
  Answer Init(uint64_t features = 0) {
    kvm_sev_init init = {};
    init.vmsa_features = features;
    return Sev(KVM_SEV_INIT2, init);
  }
  Answer Start(uint32_t policy = 5) {
    kvm_sev_launch_start start = {};
    start.policy = policy;
    return Sev(KVM_SEV_LAUNCH_START, start);
  }
  Answer Update(uint64_t offset = 0, uint32_t size = kPage) {
    return Sev(KVM_SEV_LAUNCH_UPDATE_DATA,
               kvm_sev_launch_update_data{
                   .uaddr = reinterpret_cast<uint64_t>(&page_) + offset, .len = size, .pad0 = 0});
  }
  Answer Measure(uint32_t size = 48) {
    return Sev(KVM_SEV_LAUNCH_MEASURE,
               kvm_sev_launch_measure{
                   .uaddr = reinterpret_cast<uint64_t>(measurement_), .len = size, .pad0 = 0});
  }
  uint8_t measurement_[48];
};

TEST_F(SevStateTest, NothingWorksBeforeInit) {
  EXPECT_EQ(Start(), (Answer{ENOTTY, 0}));
  EXPECT_EQ(Update(), (Answer{ENOTTY, 0}));
}

TEST_F(SevStateTest, InitIsRefusedTwiceWithUnknownFeaturesAndAfterVcpus) {
  EXPECT_EQ(Init(1), (Answer{EINVAL, 0}));
  EXPECT_EQ(Init(), Answer());
  EXPECT_EQ(Init(), (Answer{EINVAL, 0}));
  Create(KVM_X86_SEV_ES_VM);
  ASSERT_TRUE(vm_->CreateVcpu(0));
  EXPECT_EQ(Init(), (Answer{EINVAL, 0}));
}

TEST_F(SevStateTest, StepsOutOfOrderAreTheFirmwaresBusiness) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Update(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Measure(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Start(), Firmware(SEV_RET_ASID_OWNED));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Update(), Answer());
  ASSERT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Measure(), Answer());
  EXPECT_EQ(Update(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
}

TEST_F(SevStateTest, LengthsAndAddressesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Update(8, 16), Firmware(SEV_RET_INVALID_ADDRESS));
  EXPECT_EQ(Update(0, 24), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(Update(0, kPage + 16), (Answer{EFAULT, 0}));
  EXPECT_EQ(Measure(0), Firmware(SEV_RET_INVALID_LEN));
}

TEST_F(SevStateTest, PoliciesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Start(0x45), Firmware(SEV_RET_INVALID_PARAM));
  EXPECT_EQ(Start(0x1), Firmware(SEV_RET_POLICY_FAILURE));
  EXPECT_EQ(Start(0x7f010005), Firmware(SEV_RET_POLICY_FAILURE));
}

TEST_F(SevStateTest, AnotherFileThanTheProcessorsIsRefused) {
  kvm_sev_init init = {};
  EXPECT_EQ(vm_->SevCommand(KVM_SEV_INIT2, &init, 0).os_error, EBADF);
}

TEST_F(SevStateTest, MemoryThatWasEncryptedReadsDifferently) {
  ASSERT_EQ(Init(), Answer());
  ASSERT_EQ(Start(), Answer());
  ASSERT_EQ(Update(0, 16), Answer());
  EXPECT_NE(page_.bytes[0], 0);
  EXPECT_EQ(page_.bytes[16], 0);
}

class SnpStateTest : public StateMachineTest {
 protected:
  void SetUp() override { Create(KVM_X86_SNP_VM); }
  Answer Init(uint64_t features = 0) {
    kvm_sev_init init = {};
    init.vmsa_features = features;
    return Sev(KVM_SEV_INIT2, init);
  }
  Answer Start(uint64_t policy = 0x30000, uint16_t flags = 0) {
    kvm_sev_snp_launch_start start = {};
    start.policy = policy;
    start.flags = flags;
    return Sev(KVM_SEV_SNP_LAUNCH_START, start);
  }
  kvm_sev_snp_launch_update OnePage(uint8_t type = KVM_SEV_SNP_PAGE_TYPE_NORMAL) {
    kvm_sev_snp_launch_update update = {};
    update.uaddr = reinterpret_cast<uint64_t>(&page_);
    update.len = kPage;
    update.type = type;
    return update;
  }
  Answer Update(const kvm_sev_snp_launch_update& update) {
    return Sev(KVM_SEV_SNP_LAUNCH_UPDATE, update);
  }
  Answer Finish() { return Sev(KVM_SEV_SNP_LAUNCH_FINISH, kvm_sev_snp_launch_finish{}); }
};

TEST_F(SnpStateTest, CommandsOfSevAreForbidden) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_START, kvm_sev_launch_start{}), (Answer{EPERM, 0}));
  EXPECT_EQ(Init(), (Answer{EPERM, 0}));
}

TEST_F(SnpStateTest, KvmSetsTheSnpFeatureItself) { EXPECT_EQ(Init(1), (Answer{EINVAL, 0})); }

TEST_F(SnpStateTest, PoliciesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Start(0x10000), (Answer{EINVAL, 0}));             // the mandatory bit
  EXPECT_EQ(Start(0x30000 | 1u << 18), (Answer{EINVAL, 0}));  // migration agents
  EXPECT_EQ(Start(0x30000 | 1ull << 40), (Answer{EINVAL, 0}));
  EXPECT_EQ(Start(0x30000, 1), (Answer{EINVAL, 0}));
  EXPECT_EQ(Start(0x302ff), Firmware(SEV_RET_POLICY_FAILURE));  // a newer firmware
  EXPECT_EQ(Start(0x20000), Firmware(SEV_RET_POLICY_FAILURE));  // SMT is on
  EXPECT_EQ(Start(), Answer());
  EXPECT_EQ(Start(), (Answer{EINVAL, 0}));
}

TEST_F(SnpStateTest, UpdatesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  BindPrivate(4 * kPage);
  EXPECT_EQ(Update(OnePage()), (Answer{EINVAL, 0}));  // before the start
  ASSERT_EQ(Start(), Answer());
  kvm_sev_snp_launch_update update = OnePage();
  update.len = 100;
  EXPECT_EQ(Update(update), (Answer{EINVAL, 0}));
  update.len = 0;
  EXPECT_EQ(Update(update), (Answer{EINVAL, 0}));
  update = OnePage();
  update.uaddr += 8;
  EXPECT_EQ(Update(update), (Answer{EINVAL, 0}));
  update = OnePage();
  update.flags = 1;
  EXPECT_EQ(Update(update), (Answer{EINVAL, 0}));
  EXPECT_EQ(Update(OnePage(2)), (Answer{EINVAL, 0}));  // VMSAs are KVM's
  update = OnePage();
  update.gfn_start = 4;
  EXPECT_EQ(Update(update), (Answer{EINVAL, 0}));  // no memory
  EXPECT_EQ(Update(OnePage()), Answer());
  EXPECT_EQ(Update(OnePage()), (Answer{EEXIST, 0}));  // twice
}

TEST_F(SnpStateTest, PagesMustBePrivate) {
  ASSERT_EQ(Init(), Answer());
  BindPrivate(kPage, false);
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Update(OnePage()), (Answer{EINVAL, 0}));
}

TEST_F(SnpStateTest, ALaunchIsFinishedOnce) {
  EXPECT_EQ(Finish(), (Answer{ENOTTY, 0}));
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Finish(), (Answer{EINVAL, 0}));
  BindPrivate(kPage);
  ASSERT_EQ(Start(), Answer());
  ASSERT_EQ(Finish(), Answer());
  EXPECT_EQ(Finish(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Update(OnePage()), Firmware(SEV_RET_INVALID_GUEST_STATE));
}

TEST_F(SnpStateTest, RegistersOfALaunchedGuestAreOutOfReach) {
  ASSERT_EQ(Init(), Answer());
  Result<kvm::Vcpu> vcpu = vm_->CreateVcpu(0);
  ASSERT_TRUE(vcpu);
  ASSERT_TRUE(vcpu->GetRegs());
  ASSERT_EQ(Start(), Answer());
  ASSERT_EQ(Finish(), Answer());
  EXPECT_EQ(vcpu->GetRegs().error().os_error, EINVAL);
  EXPECT_EQ(vcpu->SetSregs({}).error().os_error, EINVAL);
}

TEST_F(SnpStateTest, SlotsFollowTheRules) {
  BindPrivate(2 * kPage);
  const auto bind = [&](kvm::Memslot slot) {
    const Result<> done = vm_->SetUserMemoryRegion(slot);
    return done ? 0 : done.error().os_error;
  };
  kvm::Memslot slot = {.slot = 1, .gpa = 8 * kPage, .size = kPage, .private_fd = memfd_.get()};
  EXPECT_EQ(bind(slot), EEXIST);  // the same bytes of the file twice
  slot.private_offset = 2 * kPage;
  EXPECT_EQ(bind(slot), EINVAL);  // beyond its end
  slot = {.slot = 1, .gpa = kPage, .size = kPage};
  EXPECT_EQ(bind(slot), EEXIST);
  Fd other = *vm_->CreateGuestMemfd(kPage, 0);
  slot = {.slot = 1, .gpa = 8 * kPage, .size = kPage, .private_fd = other.get()};
  slot.flags = KVM_MEM_READONLY;
  EXPECT_EQ(bind(slot), EINVAL);
}

class TdxStateTest : public StateMachineTest {
 protected:
  void SetUp() override {
    kvm_cpuid_entry2 sizes = {};
    sizes.function = 0x80000008;
    sizes.eax = 0xff0000;
    kvm_->host().td_cpuid = {sizes};
    kvm_->host().tsc_khz = 2'000'000;
    Create(KVM_X86_TDX_VM);
  }
  struct InitVm {
    kvm_tdx_init_vm vm = {};
    kvm_cpuid_entry2 entry = {};
  };
  static InitVm Params() {
    InitVm init;
    init.vm.cpuid.nent = 1;
    init.entry.function = 0x80000008;
    init.entry.eax = 48u << 16;
    return init;
  }
  template <typename Data>
  Answer Td(uint32_t id, Data data, uint32_t flags = 0) {
    const kvm::TdxOutcome outcome = vm_->TdxCommand(id, flags, &data);
    return {outcome.os_error, outcome.module_status};
  }
  Answer Init() { return Td(KVM_TDX_INIT_VM, Params()); }
  Answer Finalize() {
    const kvm::TdxOutcome outcome = vm_->TdxCommand(KVM_TDX_FINALIZE_VM, 0, nullptr);
    return {outcome.os_error, outcome.module_status};
  }
  void MakeVcpu() {
    ASSERT_TRUE(vm_->EnableCap(KVM_CAP_SPLIT_IRQCHIP, 24));
    vcpu_.emplace(*vm_->CreateVcpu(0));
  }
  Answer InitVcpu() {
    const kvm::TdxOutcome outcome = vcpu_->TdxCommand(KVM_TDX_INIT_VCPU, 0, 0x809000);
    return {outcome.os_error, outcome.module_status};
  }
  Answer Add(kvm_tdx_init_mem_region region, uint32_t flags = 1) {
    const kvm::TdxOutcome outcome =
        vcpu_->TdxCommand(KVM_TDX_INIT_MEM_REGION, flags, reinterpret_cast<uint64_t>(&region));
    return {outcome.os_error, outcome.module_status};
  }
  kvm_tdx_init_mem_region OnePage() {
    return {.source_addr = reinterpret_cast<uint64_t>(&page_), .gpa = 0, .nr_pages = 1};
  }
  std::optional<kvm::Vcpu> vcpu_;
};

TEST_F(TdxStateTest, InitIsChecked) {
  InitVm init = Params();
  init.vm.attributes = 1;  // DEBUG
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), (Answer{EINVAL, 0}));
  init = Params();
  init.vm.xfam = 1ull << 40;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), (Answer{EINVAL, 0}));
  init = Params();
  init.vm.reserved[3] = 1;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), (Answer{EINVAL, 0}));
  init = Params();
  init.entry.eax = 40u << 16;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), (Answer{EINVAL, 0}));
  init = Params();
  init.entry.function = 7;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), (Answer{EIO, 0xc000010000000000}));
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, Params(), 1), (Answer{EINVAL, 0}));
  EXPECT_EQ(Init(), Answer());
  EXPECT_EQ(Init(), (Answer{EINVAL, 0}));
}

TEST_F(TdxStateTest, ATscThatIsNoMultipleIsRefused) {
  ASSERT_TRUE(vm_->SetTscKhz(2'000'001));
  EXPECT_EQ(Init(), (Answer{EINVAL, 0}));
}

TEST_F(TdxStateTest, VcpusNeedATdAndASplitIrqchip) {
  EXPECT_EQ(vm_->CreateVcpu(0).error().os_error, EIO);
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(vm_->CreateVcpu(0).error().os_error, EINVAL);
  EXPECT_EQ(vm_->CreateIrqchip().error().os_error, EINVAL);
  MakeVcpu();
  EXPECT_EQ(vm_->CreateVcpu(0).error().os_error, EEXIST);
}

TEST_F(TdxStateTest, CapabilitiesSayHowMuchRoomTheyWant) {
  kvm_tdx_capabilities capabilities = {};
  const kvm::TdxOutcome outcome = vm_->TdxCommand(KVM_TDX_CAPABILITIES, 0, &capabilities);
  EXPECT_EQ(outcome.os_error, E2BIG);
  EXPECT_EQ(capabilities.cpuid.nent, 1u);
}

TEST_F(TdxStateTest, RegionsAreChecked) {
  ASSERT_EQ(Init(), Answer());
  BindPrivate(2 * kPage);
  ASSERT_TRUE(vm_->SetMemoryPrivate(kPage, kPage, false));
  MakeVcpu();
  EXPECT_EQ(Add(OnePage()), (Answer{EINVAL, 0}));  // before INIT_VCPU
  ASSERT_EQ(InitVcpu(), Answer());
  EXPECT_EQ(InitVcpu(), (Answer{EINVAL, 0}));
  kvm_tdx_init_mem_region region = OnePage();
  region.source_addr += 16;
  EXPECT_EQ(Add(region), (Answer{EINVAL, 0}));
  region.source_addr = 0;
  EXPECT_EQ(Add(region), (Answer{EINVAL, 0}));
  region = OnePage();
  region.nr_pages = 0;
  EXPECT_EQ(Add(region), (Answer{EINVAL, 0}));
  region = OnePage();
  region.gpa = 1ull << 47;  // the shared bit
  EXPECT_EQ(Add(region), (Answer{EINVAL, 0}));
  region.gpa = kPage;  // not private
  EXPECT_EQ(Add(region), (Answer{EINVAL, 0}));
  EXPECT_EQ(Add(OnePage(), 2), (Answer{EINVAL, 0}));
  EXPECT_EQ(Add(OnePage()), Answer());
  EXPECT_EQ(Add(OnePage()), (Answer{EIO, 0xc0000b0d00000000}));  // twice
}

TEST_F(TdxStateTest, ATdIsFinalizedOnceAndThenHasItsMemory) {
  EXPECT_EQ(Finalize(), (Answer{EINVAL, 0}));
  ASSERT_EQ(Init(), Answer());
  BindPrivate(kPage);
  MakeVcpu();
  ASSERT_EQ(InitVcpu(), Answer());
  ASSERT_EQ(Finalize(), Answer());
  EXPECT_EQ(Finalize(), (Answer{EINVAL, 0}));
  EXPECT_EQ(Add(OnePage()), (Answer{EINVAL, 0}));
}

}  // namespace
}  // namespace sealvm::model
