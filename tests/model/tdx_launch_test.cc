// SPDX-License-Identifier: Apache-2.0
// Launches of TDs against the model of the TDX module.
#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>

#include "tests/model/launch_fixture.h"
#include "tests/model/tdx_model.h"

namespace sealvm::model {
namespace {

class TdxLaunchTest : public testing::Test {
 protected:
  Result<> Run() {
    launch_.emplace(setup_, kvm_);
    return launch_->Run();
  }
  TdxModel& module() { return *launch_->vm().tdx; }

  LaunchSetup setup_ = SetupOf(IsolationMode::kTdx);
  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>(FullHost());
  std::optional<TestLaunch> launch_;
};

TEST_F(TdxLaunchTest, TheModuleComputesWhatMeasureSays) {
  for (const uint32_t cpus : {1u, 2u, 64u}) {
    kvm_ = std::make_shared<KvmDouble>(FullHost());
    setup_.cpus = cpus;
    const Result<> ran = Run();
    ASSERT_TRUE(ran) << ran.error().ToString();
    EXPECT_EQ(launch_->Found(), launch_->Expected());
  }
}

TEST_F(TdxLaunchTest, EveryVcpuStartsWithTheHobThatIsInMemory) {
  ASSERT_TRUE(Run());
  for (const auto& vcpu : launch_->vm().vcpus) EXPECT_EQ(vcpu->td_rcx, 0x809000u);
  const std::vector<uint8_t> hob = module().PageAt(0x809000);
  ASSERT_EQ(hob.size(), kPageSize);
  EXPECT_EQ(hob[0], 1);   // EFI_HOB_TYPE_HANDOFF
  EXPECT_EQ(hob[2], 56);  // its length
}

// Registers of 48 bytes, all others.
tdx::TdParams::Register Register(uint8_t first) {
  tdx::TdParams::Register bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(first + i);
  return bytes;
}

TEST_F(TdxLaunchTest, WhatTheOwnerChoseArrivesAsGiven) {
  setup_.mr_config_id = Register(0x10);
  setup_.mr_owner = Register(0x50);
  setup_.mr_owner_config = Register(0x90);
  ASSERT_TRUE(Run());
  const kvm_tdx_init_vm& init = module().init();
  const auto same = [](const auto& words, const tdx::TdParams::Register& bytes) {
    return memcmp(&words, bytes.data(), bytes.size()) == 0;
  };
  EXPECT_TRUE(same(init.mrconfigid, setup_.mr_config_id));
  EXPECT_TRUE(same(init.mrowner, setup_.mr_owner));
  EXPECT_TRUE(same(init.mrownerconfig, setup_.mr_owner_config));
  EXPECT_EQ(module().attributes(), tdx::kAttributeSeptVeDisable);
}

TEST_F(TdxLaunchTest, CpuidHasNothingThatMayNotBeChosen) {
  ASSERT_TRUE(Run());
  ASSERT_EQ(module().asked_cpuid().size(), 4u);
  EXPECT_EQ(module().asked_cpuid().front().eax, 0xa00f11u & 0x0fff3fffu);
  EXPECT_EQ(module().asked_cpuid().back().eax, 48u << 16);
}

TEST_F(TdxLaunchTest, KvmIsToldTheCpuidThatTheModuleShows) {
  ASSERT_TRUE(Run());
  ASSERT_EQ(module().cpuid().size(), 5u);
  for (const auto& vcpu : launch_->vm().vcpus) {
    for (const kvm_cpuid_entry2& shown : module().cpuid()) {
      const auto told = std::ranges::find_if(vcpu->cpuid, [&](const kvm_cpuid_entry2& entry) {
        return entry.function == shown.function && entry.index == shown.index;
      });
      ASSERT_NE(told, vcpu->cpuid.end()) << std::hex << shown.function;
      EXPECT_EQ(memcmp(&*told, &shown, sizeof(shown)), 0) << std::hex << shown.function;
    }
    // What the module says nothing of stays.
    EXPECT_EQ(vcpu->cpuid.front().ebx, 0x68747541u);
  }
}

TEST_F(TdxLaunchTest, WithFiveLevelPagingTheSharedBitIsTheHighestOf52) {
  for (kvm_cpuid_entry2& leaf : kvm_->host().supported_cpuid) {
    if (leaf.function == 0x80000008) leaf.eax = 0x343034;
  }
  ASSERT_TRUE(Run());
  EXPECT_EQ(module().asked_cpuid().back().eax, 52u << 16);
  EXPECT_EQ(launch_->Found(), launch_->Expected());
}

TEST_F(TdxLaunchTest, AKernelThatKeepsConversionsToItselfIsRefused) {
  kvm_->host().exit_hypercalls = 0;
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(kvm_->CountOf("KVM_TDX_INIT_VM"), 0u);
}

TEST_F(TdxLaunchTest, TheTscIsAWholeNumberOfCrystalUnits) {
  ASSERT_TRUE(Run());
  EXPECT_EQ(launch_->vm().tsc_khz, 2'100'000u);
}

TEST_F(TdxLaunchTest, AModuleWithoutEntropyIsAskedAgain) {
  kvm_->intercept = [&](const Call& call) {
    if (call.name == "KVM_TDX_CAPABILITIES") kvm_->vm().tdx->busy = 3;
    return Verdict();
  };
  EXPECT_TRUE(Run());
  EXPECT_EQ(kvm_->CountOf("KVM_TDX_INIT_VM"), 4u);
}

TEST_F(TdxLaunchTest, RegionsThatStopInBetweenGoOn) {
  kvm_->intercept = [&](const Call& call) {
    if (call.name == "KVM_TDX_INIT_VCPU") kvm_->vm().tdx->pages_per_call = 1;
    return Verdict();
  };
  const Result<> ran = Run();
  ASSERT_TRUE(ran) << ran.error().ToString();
  EXPECT_EQ(launch_->Found(), launch_->Expected());
}

TEST_F(TdxLaunchTest, ARegionWithoutProgressEnds) {
  kvm_->intercept = [](const Call& call) {
    return call.name == "KVM_TDX_INIT_MEM_REGION" ? Verdict::Fail(EAGAIN) : Verdict();
  };
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().os_error, EAGAIN);
}

TEST_F(TdxLaunchTest, TheModulesStatusIsNamed) {
  kvm_->intercept = [](const Call& call) {
    return call.name == "KVM_TDX_FINALIZE_VM" ? Verdict::Fail(EIO, 0xc000010000000000) : Verdict();
  };
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("KVM_TDX_FINALIZE_VM"), std::string::npos);
  EXPECT_NE(ran.error().message.find("TDX_OPERAND_INVALID"), std::string::npos)
      << ran.error().message;
}

TEST_F(TdxLaunchTest, MoreVcpusThanTheModuleHasNameTheOption) {
  kvm_->host().max_vcpus = 1;
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(ran.error().message.find("--cpus 2"), std::string::npos);
}

TEST_F(TdxLaunchTest, AHostWithoutTheAttributeIsRefused) {
  kvm_->host().td_attributes = 0;
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind, ErrorKind::kRefused);
}

TEST_F(TdxLaunchTest, AnInterfaceWithoutAddressBitsIsAnError) {
  kvm_->host().td_cpuid.pop_back();
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("0x80000008"), std::string::npos);
}

// The host offers AMX, which KVM_SET_CPUID2 takes from those alone who asked the kernel for it.
TEST_F(TdxLaunchTest, ATdHasTheStateThatTheVmmMayHave) {
  kvm_->host().td_xfam = 0x61ae7;
  ASSERT_TRUE(Run());
  EXPECT_EQ(module().init().xfam, 0x1ae7u);
}

TEST_F(TdxLaunchTest, SubleavesAreChosenOneByOne) {
  ASSERT_TRUE(Run());
  const auto chosen = module().asked_cpuid();
  const auto leaf7 = [&](uint32_t index) {
    return std::ranges::find_if(chosen, [&](const kvm_cpuid_entry2& entry) {
      return entry.function == 7 && entry.index == index;
    });
  };
  ASSERT_NE(leaf7(1), chosen.end());
  EXPECT_EQ(leaf7(0)->ebx, 0x21000000u & 0x219c97ab);
  EXPECT_EQ(leaf7(1)->eax, 0x30u);
  EXPECT_EQ(leaf7(1)->ebx, 0u);
}

// KVM's clock and the like are written by MSRs that a TD's KVM does not have.
TEST_F(TdxLaunchTest, ATdSeesKvmsFeaturesThatWorkInIt) {
  ASSERT_TRUE(Run());
  for (const auto& vcpu : launch_->vm().vcpus) {
    const auto features = std::ranges::find(vcpu->cpuid, 0x40000001u, &kvm_cpuid_entry2::function);
    ASSERT_NE(features, vcpu->cpuid.end());
    EXPECT_EQ(features->eax, 0x1007efbu & 0xba82u);
  }
}

TEST_F(TdxLaunchTest, ATscThatNoTdCanHaveIsAnError) {
  kvm_->host().tsc_khz = 24'000;
  EXPECT_FALSE(Run());
  EXPECT_EQ(kvm_->CountOf("KVM_TDX_INIT_VM"), 0u);
}

TEST_F(TdxLaunchTest, ATdHasNoIoApicInTheKernel) {
  ASSERT_TRUE(Run());
  EXPECT_FALSE(launch_->vm().irqchip);
  EXPECT_TRUE(launch_->vm().split_irqchip);
}

}  // namespace
}  // namespace sealvm::model
