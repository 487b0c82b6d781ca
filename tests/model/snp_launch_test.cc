// SPDX-License-Identifier: Apache-2.0
// Launches of SNP guests against the model of the firmware.
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/psp-sev.h>
#include <string.h>

#include <algorithm>
#include <functional>

#include "tests/model/launch_fixture.h"
#include "tests/model/snp_model.h"
#include "vmm/isolation/attestation/snp_id_block.h"
#include "vmm/isolation/confidential/map_gpa_range.h"

namespace sealvm::model {
namespace {

struct Case {
  uint32_t cpus;
  bool with_kernel;
  uint64_t vmsa_features;
};

class SnpDigestTest : public testing::TestWithParam<Case> {};

TEST_P(SnpDigestTest, TheFirmwareComputesWhatMeasureSays) {
  LaunchSetup setup = SetupOf(IsolationMode::kSnp);
  setup.cpus = GetParam().cpus;
  setup.with_kernel = GetParam().with_kernel;
  setup.vmsa_features = GetParam().vmsa_features;
  TestLaunch launch(setup, std::make_shared<KvmDouble>(FullHost()));
  const Result<> ran = launch.Run();
  ASSERT_TRUE(ran) << ran.error().ToString();
  EXPECT_EQ(launch.Found(), launch.Expected());
}

INSTANTIATE_TEST_SUITE_P(Launches, SnpDigestTest,
                         testing::Values(Case{1, false, 0}, Case{1, true, 0x20}, Case{2, true, 0},
                                         Case{7, false, 0x200}, Case{64, false, 0},
                                         Case{64, true, 0x220}));

class SnpLaunchTest : public testing::Test {
 protected:
  Result<> Run() {
    launch_.emplace(setup_, kvm_);
    return launch_->Run();
  }
  SnpModel& firmware() { return *launch_->vm().snp; }

  LaunchSetup setup_ = SetupOf(IsolationMode::kSnp);
  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>(FullHost());
  std::optional<TestLaunch> launch_;
};

TEST_F(SnpLaunchTest, PolicyAndHostDataArriveAsGiven) {
  setup_.guest_policy = 0xb0000;
  for (size_t i = 0; i < setup_.finish.host_data.size(); ++i) {
    setup_.finish.host_data[i] = static_cast<uint8_t>(i + 1);
  }
  ASSERT_TRUE(Run());
  EXPECT_EQ(firmware().policy(), 0xb0000u);
  EXPECT_TRUE(std::ranges::equal(firmware().finish().host_data, setup_.finish.host_data));
}

TEST_F(SnpLaunchTest, NothingIsFinishedWithThatWasNotAskedFor) {
  ASSERT_TRUE(Run());
  const kvm_sev_snp_launch_finish none = {};
  EXPECT_EQ(memcmp(&firmware().finish(), &none, sizeof(none)), 0);
}

TEST_F(SnpLaunchTest, TheChipsKeyIsKeptFromReportsWhereAsked) {
  setup_.finish.vcek_disabled = true;
  ASSERT_TRUE(Run());
  EXPECT_EQ(firmware().finish().vcek_disabled, 1);
  EXPECT_EQ(firmware().finish().id_block_en, 0);
  EXPECT_EQ(firmware().finish().auth_key_en, 0);
}

TEST_F(SnpLaunchTest, UpdatesThatStopInBetweenGoOn) {
  for (const bool eagain : {false, true}) {
    kvm_ = std::make_shared<KvmDouble>(FullHost());
    kvm_->intercept = [&](const Call& call) {
      if (call.name == "KVM_SEV_SNP_LAUNCH_START") {
        kvm_->vm().snp->pages_per_call = 2;
        kvm_->vm().snp->stops_with_eagain = eagain;
      }
      return Verdict();
    };
    const Result<> ran = Run();
    ASSERT_TRUE(ran) << ran.error().ToString();
    EXPECT_EQ(launch_->Found(), launch_->Expected());
  }
}

TEST_F(SnpLaunchTest, AnUpdateWithoutProgressEnds) {
  kvm_->intercept = [](const Call& call) {
    return call.name == "KVM_SEV_SNP_LAUNCH_UPDATE" ? Verdict::Fail(EAGAIN) : Verdict();
  };
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().os_error, EAGAIN);
}

TEST_F(SnpLaunchTest, ACorrectedCpuidPageIsTakenOnce) {
  unsigned corrections = 1;
  kvm_->host().correct_cpuid = [&](uint8_t* page) {
    if (corrections == 0) return false;
    --corrections;
    page[16 + 24] ^= 1;
    return true;
  };
  ASSERT_TRUE(Run());
  EXPECT_EQ(launch_->Found(), launch_->Expected());
  EXPECT_EQ(corrections, 0u);
}

TEST_F(SnpLaunchTest, ACpuidPageThatIsNeverRightIsAnError) {
  kvm_->host().correct_cpuid = [](uint8_t* page) {
    page[16 + 24] ^= 1;
    return true;
  };
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("CPUID page"), std::string::npos);
  EXPECT_NE(ran.error().message.find("INVALID_PARAM"), std::string::npos) << ran.error().message;
}

TEST_F(SnpLaunchTest, ARefusalThatCorrectsNothingIsNotTriedAgain) {
  unsigned asked = 0;
  kvm_->host().correct_cpuid = [&](uint8_t*) { return ++asked > 0; };
  EXPECT_FALSE(Run());
  EXPECT_EQ(asked, 1u);
}

class SnpIdBlockTest : public SnpLaunchTest {
 protected:
  // Fills in an ID block of the launch, as changed, and an authentication without signatures, of
  // which no two bytes in a row are the same.
  void AddIdBlock(const std::function<void(attestation::IdBlock&)>& change = [](auto&) {}) {
    TestLaunch first(setup_, std::make_shared<KvmDouble>(FullHost()));
    ASSERT_TRUE(first.Run());
    attestation::IdBlock block = {.policy = setup_.guest_policy};
    std::ranges::copy(first.Expected(), block.launch_digest.begin());
    change(block);
    const attestation::IdBlockBytes bytes = attestation::EncodeIdBlock(block);
    setup_.finish.id_block.assign(bytes.begin(), bytes.end());
    setup_.finish.id_auth.resize(attestation::kIdAuthSize);
    for (size_t i = 8; i < setup_.finish.id_auth.size(); ++i) {
      setup_.finish.id_auth[i] = static_cast<uint8_t>(i * 31);
    }
    setup_.finish.id_auth[0] = setup_.finish.id_auth[4] = 1;  // ECDSA P-384 with SHA-384
  }
};

TEST_F(SnpIdBlockTest, TheOneOfThisLaunchArrivesAsGiven) {
  for (const bool author_key : {false, true}) {
    kvm_ = std::make_shared<KvmDouble>(FullHost());
    AddIdBlock();
    setup_.finish.author_key = author_key;
    const Result<> ran = Run();
    ASSERT_TRUE(ran) << ran.error().ToString();
    EXPECT_EQ(firmware().finish().id_block_en, 1);
    EXPECT_EQ(firmware().finish().auth_key_en, author_key ? 1 : 0);
    EXPECT_EQ(firmware().finish().vcek_disabled, 0);
    EXPECT_EQ(firmware().id_block(), setup_.finish.id_block);
    EXPECT_EQ(firmware().id_auth(), setup_.finish.id_auth);
  }
}

TEST_F(SnpIdBlockTest, TheOneOfAnotherLaunchIsRefusedByTheFirmware) {
  AddIdBlock([](attestation::IdBlock& block) { block.launch_digest[47] ^= 1; });
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("BAD_MEASUREMENT"), std::string::npos) << ran.error().message;
}

TEST_F(SnpIdBlockTest, TheOneForAnotherPolicyIsRefusedByTheFirmware) {
  AddIdBlock([](attestation::IdBlock& block) { block.policy ^= 0x80000; });
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("POLICY_FAILURE"), std::string::npos) << ran.error().message;
}

TEST_F(SnpIdBlockTest, OneOfAnotherSizeIsRefusedBeforehand) {
  setup_.finish.id_block.assign(95, 0);
  setup_.finish.id_auth.assign(attestation::kIdAuthSize, 0);
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(kvm_->CountOf("KVM_SEV_SNP_LAUNCH_FINISH"), 0u);
}

TEST_F(SnpLaunchTest, APolicyWithoutTheMandatoryBitFails) {
  setup_.guest_policy = 0x10000;
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().os_error, EINVAL);
  EXPECT_NE(ran.error().message.find("KVM_SEV_SNP_LAUNCH_START"), std::string::npos);
}

TEST_F(SnpLaunchTest, APolicyThatForbidsSmtOnAHostWithItIsNamed) {
  setup_.guest_policy = 0x20000;
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("POLICY_FAILURE"), std::string::npos);
}

TEST_F(SnpLaunchTest, CertificateRequestsAreAskedForBeforeTheFirstVcpu) {
  setup_.certificates = true;
  ASSERT_TRUE(Run());
  EXPECT_TRUE(firmware().certificates());
}

TEST_F(SnpLaunchTest, CertificateRequestsOnAKernelWithoutThemFail) {
  setup_.certificates = true;
  kvm_->host().snp_certificates.reset();
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("KVM_SEV_SNP_ENABLE_REQ_CERTS"), std::string::npos);
}

TEST_F(SnpLaunchTest, AKernelThatKeepsConversionsToItselfIsRefused) {
  kvm_->host().exit_hypercalls = 0;
  const Result<> ran = Run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind, ErrorKind::kRefused);
}

// After the launch: what the guest converts.
class SnpConversionTest : public SnpLaunchTest {
 protected:
  void SetUp() override { ASSERT_TRUE(Run()); }
  PrivateRam& ram() { return *launch_->guest().private_ram(); }
  bool IsPrivate(Gpa gpa) { return launch_->vm().private_pages.Contains(gpa, gpa + kPageSize); }
  uint64_t Ask(Gpa gpa, uint64_t pages, bool to_private) {
    uint64_t result = 0;
    kvm::HypercallExit exit = {.number = 12, .result = &result};
    exit.arguments = {gpa, pages, to_private ? 1u << 4 : 0u};
    const Result<> done = HandleMapGpaRange(ram(), exit);
    EXPECT_EQ(done.has_value(), result == 0);
    return result;
  }
};

TEST_F(SnpConversionTest, PagesGoThereAndBack) {
  EXPECT_TRUE(IsPrivate(0x200000));
  EXPECT_EQ(Ask(0x200000, 16, false), 0u);
  EXPECT_FALSE(IsPrivate(0x200000));
  EXPECT_TRUE(IsPrivate(0x210000));
  EXPECT_EQ(Ask(0x200000, 16, true), 0u);
  EXPECT_TRUE(IsPrivate(0x200000));
}

TEST_F(SnpConversionTest, DevicesReachWhatIsSharedAlone) {
  uint8_t byte = 1;
  EXPECT_FALSE(launch_->guest().view()->Write(0x200000, {&byte, 1}));
  EXPECT_EQ(Ask(0x200000, 1, false), 0u);
  EXPECT_TRUE(launch_->guest().view()->Write(0x200000, {&byte, 1}));
  EXPECT_EQ(Ask(0x200000, 1, true), 0u);
  EXPECT_FALSE(launch_->guest().view()->Write(0x200000, {&byte, 1}));
}

TEST_F(SnpConversionTest, HostileRangesAreInvalid) {
  EXPECT_EQ(Ask(0x200001, 1, false), uint64_t{EINVAL});
  EXPECT_EQ(Ask(31 * kMiB, 512, false), uint64_t{EINVAL});
  EXPECT_EQ(Ask(0x200000, UINT64_MAX, false), uint64_t{EINVAL});
  EXPECT_EQ(Ask(UINT64_MAX - 0xfff, 2, true), uint64_t{EINVAL});
  EXPECT_EQ(Ask(0x200000, 0, true), uint64_t{EINVAL});
  EXPECT_EQ(Ask(0xd0000000, 1, true), uint64_t{EINVAL});   // no memory
  EXPECT_EQ(Ask(0xffffc000, 4, false), uint64_t{EINVAL});  // the firmware
}

TEST_F(SnpConversionTest, WindowsOfDevicesAreSharedAnyway) {
  EXPECT_EQ(Ask(0xd0000000, 0x1000, false), 0u);
}

TEST_F(SnpConversionTest, AnotherHypercallIsInvalid) {
  uint64_t result = 0;
  EXPECT_FALSE(HandleMapGpaRange(ram(), {.number = 5, .result = &result}));
  EXPECT_EQ(result, uint64_t{EINVAL});
}

TEST_F(SnpConversionTest, ATouchOfTheOtherKindConverts) {
  EXPECT_TRUE(ram().ResolveFault(0x300000, 0x1000, false));
  EXPECT_FALSE(IsPrivate(0x300000));
  EXPECT_TRUE(ram().ResolveFault(0x300000, 0x1000, true));
  EXPECT_TRUE(IsPrivate(0x300000));
}

// Two vCPUs touch a page that is of the other kind, both exit, and one is served first.
TEST_F(SnpConversionTest, AFaultThatAnotherVcpuResolvedIsNoError) {
  for (int i = 0; i < 3000; ++i) {
    const bool to_private = i % 2 != 0;
    ASSERT_TRUE(ram().ResolveFault(0x300000, 0x1000, to_private));
    ASSERT_TRUE(ram().ResolveFault(0x300000, 0x1000, to_private)) << i;
  }
  EXPECT_TRUE(IsPrivate(0x300000));
}

TEST_F(SnpConversionTest, AFaultThatConversionCannotHelpIsAnError) {
  int served = 0;
  while (served < 100'000 && ram().ResolveFault(0x300000, 0x1000, true)) ++served;
  EXPECT_GT(served, 100);
  EXPECT_LT(served, 100'000);
  EXPECT_FALSE(ram().ResolveFault(0xd0000000, 0x1000, false));
}

}  // namespace
}  // namespace sealvm::model
