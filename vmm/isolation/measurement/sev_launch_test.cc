// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/sev_launch.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/launch_test_support.h"

namespace sealvm {
namespace {

KernelHashTable TestHashes() {
  KernelHashes hashes;
  hashes.kernel.fill(0x44);
  return MakeKernelHashTable(hashes);
}

std::vector<uint8_t> VmsaOf(uint32_t eip, uint64_t features = 0) {
  std::vector<uint8_t> page(kPageSize);
  BuildVmsa(MakeResetState(VmmType::kQemu, eip, 0x800f12), features,
            std::span<uint8_t, kPageSize>(page));
  return page;
}

TEST(SevLaunch, SevMeasuresTheImageAlone) {
  const TestFirmware firmware;
  const auto plan = PlanSevLaunch(firmware.image, firmware.sev, {}, {});

  ASSERT_TRUE(plan.has_value()) << plan.error().ToString();
  EXPECT_EQ(SevLaunchDigest(*plan), Sha256Of(firmware.image.bytes()));
}

TEST(SevLaunch, GuestFwWouldNotRun) {
  const FirmwareImage image = *FirmwareImage::Open("guest-fw");
  const SevMetadata metadata = *ParseSevMetadata(image, *OvmfTable::Parse(image));
  const auto plan = PlanSevLaunch(image, metadata, {}, {});
  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().message.find("snp and tdx guests alone"), std::string::npos);
}

TEST(SevLaunch, TheHashTableFollowsTheImage) {
  const TestFirmware firmware;
  const auto plan = PlanSevLaunch(firmware.image, firmware.sev, TestHashes(), {});

  ASSERT_TRUE(plan.has_value());
  ExpectWellFormed(*plan);
  ASSERT_EQ(plan->steps().size(), 2u);
  EXPECT_EQ(plan->steps()[1].gpa, 0x810c00u);
  EXPECT_EQ(plan->steps()[1].size, 176u);
  EXPECT_EQ(SevLaunchDigest(*plan),
            Sha256Of(ByteString().Add(firmware.image.bytes()).Add(TestHashes()).get()));
}

TEST(SevLaunch, SevEsMeasuresEveryVcpu) {
  const TestFirmware firmware;
  for (uint32_t cpus : {1, 2, 3, 64}) {
    const auto plan = PlanSevLaunch(firmware.image, firmware.sev, TestHashes(),
                                    MeasuredVcpus{.count = cpus, .signature = 0x800f12});
    ASSERT_TRUE(plan.has_value());
    ExpectWellFormed(*plan);
    ByteString all;
    all.Add(firmware.image.bytes()).Add(TestHashes()).Add(VmsaOf(kResetVector));
    for (uint32_t i = 1; i < cpus; ++i) all.Add(VmsaOf(0x0080b004));
    EXPECT_EQ(SevLaunchDigest(*plan), Sha256Of(all.get())) << cpus;
  }
}

TEST(SevLaunch, RefusesNumbersOfVcpusThatCannotBe) {
  const TestFirmware firmware;
  for (uint32_t cpus : {0u, 4097u, 0xffffffffu}) {
    ExpectInvalidInput(
        PlanSevLaunch(firmware.image, firmware.sev, {}, MeasuredVcpus{.count = cpus}),
        "cannot have " + std::to_string(cpus) + " vCPUs");
  }
  EXPECT_TRUE(
      PlanSevLaunch(firmware.image, firmware.sev, {}, MeasuredVcpus{.count = 4096}).has_value());
}

TEST(SevLaunch, OneVcpuNeedsNoResetBlock) {
  for (const auto& reset : {std::optional<uint32_t>(), std::optional<uint32_t>(0)}) {
    const TestFirmware firmware(FirmwareBuilder{.reset_eip = reset});
    EXPECT_TRUE(
        PlanSevLaunch(firmware.image, firmware.sev, {}, MeasuredVcpus{.count = 1}).has_value());
    ExpectInvalidInput(PlanSevLaunch(firmware.image, firmware.sev, {}, MeasuredVcpus{.count = 2}),
                       "no SEV-ES reset block");
  }
}

TEST(SevLaunch, AKernelNeedsAnAreaForItsHashes) {
  const std::optional<SevArea> bad[] = {std::nullopt,
                                        SevArea{},
                                        SevArea{.gpa = 0x810c00, .size = 175},
                                        SevArea{.gpa = 0x810c00, .size = 0},
                                        SevArea{.gpa = 0xffffff00, .size = 0x1000},
                                        SevArea{.gpa = 0x810c00, .size = 0xffffffff}};
  for (const auto& area : bad) {
    const TestFirmware firmware(FirmwareBuilder{.hash_area = area});
    ExpectInvalidInput(PlanSevLaunch(firmware.image, firmware.sev, TestHashes(), {}),
                       "area for a kernel hash table");
    EXPECT_TRUE(PlanSevLaunch(firmware.image, firmware.sev, {}, {}).has_value());
  }
}

TEST(SevLaunch, ObserversSeeEveryStep) {
  const TestFirmware firmware;
  const auto plan = PlanSevLaunch(firmware.image, firmware.sev, TestHashes(),
                                  MeasuredVcpus{.count = 2, .signature = 0x800f12});
  ASSERT_TRUE(plan.has_value());
  std::vector<std::string> seen;
  std::string last;
  const Sha256Digest digest = SevLaunchDigest(*plan, [&](const MeasuredStep& step) {
    seen.push_back(std::string(step.operation) + " " + std::string(step.what));
    last = HexText(step.digest);
    EXPECT_EQ(step.content_digest.size(), 32u);
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"DATA firmware", "DATA kernel hash table",
                                            "VMSA vCPU 0", "VMSA vCPU 1"}));
  EXPECT_EQ(last, HexText(digest));
}

}  // namespace
}  // namespace sealvm
