// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/snp_launch.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/launch_test_support.h"

namespace sealvm {
namespace {

constexpr MeasuredVcpus kTwoVcpus = {.count = 2, .signature = 0x800f12, .sev_features = 1};

KernelHashTable TestHashes() {
  KernelHashes hashes;
  hashes.initrd.fill(0x55);
  return MakeKernelHashTable(hashes);
}

// The chain, step by step as the specification has it.
class Chain {
 public:
  explicit Chain(const Sha384Digest& seed = {}) : digest_(seed) {}

  Chain& Page(uint8_t type, Gpa gpa, std::span<const uint8_t> content = {}) {
    ByteString info;
    info.Add(digest_);
    if (content.empty()) {
      info.Zeros(48);
    } else {
      info.Add(Sha384Of(content));
    }
    info.Number(0x70, 2).Number(type, 1).Zeros(5).Number(gpa, 8);
    digest_ = Sha384Of(info.get());
    return *this;
  }
  Chain& Empty(uint8_t type, Gpa gpa, uint64_t pages) {
    for (uint64_t i = 0; i < pages; ++i) Page(type, gpa + i * kPageSize);
    return *this;
  }
  Chain& Firmware(const FirmwareImage& image) {
    for (uint64_t offset = 0; offset < image.size(); offset += kPageSize) {
      Page(1, image.base() + offset, image.bytes().subspan(offset, kPageSize));
    }
    return *this;
  }
  Chain& Vcpus(VmmType vmm, uint64_t features = 1, uint32_t count = 2) {
    for (uint32_t i = 0; i < count; ++i) {
      std::vector<uint8_t> page(kPageSize);
      BuildVmsa(MakeResetState(vmm, i == 0 ? kResetVector : 0x0080b004, 0x800f12), features,
                std::span<uint8_t, kPageSize>(page));
      Page(2, 0xfffffffff000, page);
    }
    return *this;
  }

  const Sha384Digest& digest() const { return digest_; }

 private:
  Sha384Digest digest_;
};

Sha384Digest DigestOf(const TestFirmware& firmware, const MeasuredVcpus& vcpus,
                      const std::optional<KernelHashTable>& hashes = {}) {
  const auto plan = PlanSnpLaunch(firmware.image, firmware.sev, hashes, vcpus);
  if (!plan) {
    ADD_FAILURE() << plan.error().ToString();
    return {};
  }
  ExpectWellFormed(*plan);
  return SnpLaunchDigest(plan->steps());
}

TEST(SnpLaunch, MeasuresImageSectionsAndVcpus) {
  const TestFirmware firmware;
  Chain chain;
  chain.Firmware(firmware.image).Empty(3, 0x800000, 9).Page(5, 0x80d000).Page(6, 0x80e000);
  chain.Page(3, 0x80f000).Empty(3, 0x811000, 2).Page(3, 0x810000).Vcpus(VmmType::kQemu);

  EXPECT_EQ(DigestOf(firmware, kTwoVcpus), chain.digest());
}

TEST(SnpLaunch, WithAKernelTheHashPageIsMeasured) {
  const TestFirmware firmware;
  const auto page = ByteString().Zeros(0xc00).Add(TestHashes()).Zeros(0x400 - 176).get();
  Chain chain;
  chain.Firmware(firmware.image).Empty(3, 0x800000, 9).Page(5, 0x80d000).Page(6, 0x80e000);
  chain.Page(3, 0x80f000).Empty(3, 0x811000, 2).Page(1, 0x810000, page).Vcpus(VmmType::kQemu);

  EXPECT_EQ(DigestOf(firmware, kTwoVcpus, TestHashes()), chain.digest());
}

TEST(SnpLaunch, Ec2HasTheCpuidPageLast) {
  const TestFirmware firmware;
  Chain chain;
  chain.Firmware(firmware.image).Empty(3, 0x800000, 9).Page(5, 0x80d000).Page(3, 0x80f000);
  chain.Empty(3, 0x811000, 2).Page(3, 0x810000).Page(6, 0x80e000).Vcpus(VmmType::kEc2);
  MeasuredVcpus vcpus = kTwoVcpus;
  vcpus.vmm = VmmType::kEc2;

  EXPECT_EQ(DigestOf(firmware, vcpus), chain.digest());
}

TEST(SnpLaunch, GceDoesNotMeasureSecMem) {
  const TestFirmware firmware;
  Chain chain;
  chain.Firmware(firmware.image).Empty(4, 0x800000, 9).Page(5, 0x80d000).Page(6, 0x80e000);
  chain.Page(3, 0x80f000).Empty(4, 0x811000, 2).Page(3, 0x810000).Vcpus(VmmType::kGce);
  MeasuredVcpus vcpus = kTwoVcpus;
  vcpus.vmm = VmmType::kGce;

  EXPECT_EQ(DigestOf(firmware, vcpus), chain.digest());
}

TEST(SnpLaunch, EmptySectionsAreNotMeasured) {
  const TestFirmware with(FirmwareBuilder{
      .sev_sections = {{.gpa = 0x1000, .size = 0x1000, .type = SevSectionType::kSecMem},
                       {.gpa = 0, .size = 0, .type = SevSectionType::kSvsmCaa},
                       {.gpa = 0, .size = 0, .type = SevSectionType::kCpuid}}});
  const Chain chain = Chain().Firmware(with.image).Page(3, 0x1000).Vcpus(VmmType::kQemu);

  EXPECT_EQ(DigestOf(with, kTwoVcpus), chain.digest());
}

TEST(SnpLaunch, ASeedStandsForTheFirmware) {
  const TestFirmware firmware;
  const auto plan = PlanSnpLaunch(firmware.image, firmware.sev, {}, kTwoVcpus);
  ASSERT_TRUE(plan.has_value());
  const Sha384Digest seed = Chain().Firmware(firmware.image).digest();

  EXPECT_EQ(SnpLaunchDigest(plan->steps_after_firmware(), seed), SnpLaunchDigest(plan->steps()));
}

TEST(SnpLaunch, FeaturesAndVcpusAreMeasured) {
  const TestFirmware firmware;
  std::vector<Sha384Digest> digests;
  for (uint64_t features : {0x1, 0x21, 0x201}) {
    for (uint32_t cpus : {1, 2, 64}) {
      digests.push_back(
          DigestOf(firmware, {.count = cpus, .signature = 0x800f12, .sev_features = features}));
    }
  }
  digests.push_back(DigestOf(firmware, {.signature = 0xa00f11, .sev_features = 1}));
  std::ranges::sort(digests);
  EXPECT_EQ(std::ranges::adjacent_find(digests), digests.end());
}

TEST(SnpLaunch, EqualPagesInARowGiveWhatTheyGiveApart) {
  std::vector<uint8_t> bytes = FirmwareBuilder{.size = 8 * kPageSize}.Build();
  std::fill_n(bytes.begin(), 2 * kPageSize, 0xff);
  std::fill_n(bytes.begin() + 3 * kPageSize, kPageSize, 0xff);
  const auto image = FirmwareImage::FromBytes("firmware", bytes);
  ASSERT_TRUE(image.has_value());
  const LaunchStep step = {.kind = LaunchStepKind::kSnpNormal,
                           .gpa = image->base(),
                           .size = image->size(),
                           .content = image->bytes(),
                           .what = "firmware"};

  EXPECT_EQ(SnpLaunchDigest(std::span(&step, 1)), Chain().Firmware(*image).digest());
}

TEST(SnpLaunch, RefusesAFirmwareThatCannotBeLaunched) {
  const auto plan = [](const std::vector<SevSection>& sections, bool kernel = false) {
    const TestFirmware firmware(FirmwareBuilder{.sev_sections = sections});
    return PlanSnpLaunch(firmware.image, firmware.sev,
                         kernel ? std::optional(TestHashes()) : std::nullopt, kTwoVcpus);
  };
  ExpectInvalidInput(plan({{.gpa = 0x1000, .size = 0x2000, .type = SevSectionType::kSecrets}}),
                     "not one page");
  ExpectInvalidInput(plan({{.gpa = 0x1000, .size = 0x2000, .type = SevSectionType::kCpuid}}),
                     "not one page");
  ExpectInvalidInput(
      plan({{.gpa = 0x1000, .size = 0x1000, .type = static_cast<SevSectionType>(5)}}),
      "type 5 at 0x1000, 0x1000 bytes, is not known");
  ExpectInvalidInput(
      plan({{.gpa = 0x80f000, .size = 0x2000, .type = SevSectionType::kKernelHashes}}, true),
      "not one page");
  ExpectInvalidInput(plan({}, true), "no section for the page with the kernel hash table");
  ExpectInvalidInput(
      plan({{.gpa = 0x1000, .size = 0x1000, .type = SevSectionType::kKernelHashes}}, true),
      "does not hold the area");
  ExpectInvalidInput(
      plan({{.gpa = 0x810000, .size = 0x1000, .type = SevSectionType::kKernelHashes},
            {.gpa = 0x812000, .size = 0x1000, .type = SevSectionType::kKernelHashes}},
           true),
      "second of its type");

  const TestFirmware none(FirmwareBuilder{.has_sev = false});
  ExpectInvalidInput(PlanSnpLaunch(none.image, none.sev, {}, kTwoVcpus), "no SEV-SNP metadata");
}

TEST(SnpLaunch, RefusesFeaturesWithoutSnp) {
  const TestFirmware firmware;
  ExpectInvalidInput(
      PlanSnpLaunch(firmware.image, firmware.sev, {}, {.count = 1, .sev_features = 0x20}),
      "lack bit 0");
}

TEST(SnpLaunch, ObserversSeeEveryPage) {
  const TestFirmware firmware;
  const auto plan = PlanSnpLaunch(firmware.image, firmware.sev, {}, kTwoVcpus);
  ASSERT_TRUE(plan.has_value());
  size_t pages = 0, measured = 0;
  std::string last;
  const Sha384Digest digest = SnpLaunchDigest(plan->steps(), {}, [&](const MeasuredStep& step) {
    ++pages;
    measured += !step.content_digest.empty();
    last = HexText(step.digest);
    EXPECT_EQ(step.size, kPageSize);
  });
  EXPECT_EQ(pages, 4u + 15 + 2);
  EXPECT_EQ(measured, 4u + 2);
  EXPECT_EQ(last, HexText(digest));
}

}  // namespace
}  // namespace sealvm
