// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/guest_plan.h"

#include <gtest/gtest.h>

#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/tdx_launch.h"

namespace sealvm {
namespace {

GuestPlanRequest RequestOf(IsolationMode mode, bool with_kernel) {
  GuestPlanRequest request = {
      .mode = mode, .layout = *GuestLayout::Create(64 * kMiB), .cpus = 2, .signature = 0x800f12};
  if (with_kernel) {
    request.kernel_hashes.emplace();
    request.kernel_hashes->kernel.fill(0x11);
  }
  return request;
}

FirmwareImage GuestFw() { return *FirmwareImage::Open(std::string(kBuiltInFirmware)); }

class GuestPlanTest : public testing::TestWithParam<IsolationMode> {};

TEST_P(GuestPlanTest, AKernelIsPartOfTheDigestOfGuestFw) {
  const FirmwareImage image = GuestFw();
  const auto without = PlanGuest(image, RequestOf(GetParam(), false));
  GuestPlanRequest request = RequestOf(GetParam(), true);
  const auto with = PlanGuest(image, request);
  request.kernel_hashes->kernel[31] ^= 1;
  const auto with_other = PlanGuest(image, request);
  ASSERT_TRUE(without && with && with_other);
  EXPECT_NE(without->digest, with->digest);
  EXPECT_NE(with->digest, with_other->digest);
  EXPECT_EQ(with->warning, "");
}

INSTANTIATE_TEST_SUITE_P(Modes, GuestPlanTest,
                         testing::Values(IsolationMode::kSnp, IsolationMode::kTdx));

TEST(GuestPlan, AKernelThatTheFirmwareDoesNotCompareIsRefusedUnlessAllowed) {
  const FirmwareImage image = FirmwareBuilder{}.Image();
  GuestPlanRequest request = RequestOf(IsolationMode::kSnp, true);
  ExpectInvalidInput(PlanGuest(image, request), "--kernel");
  request.allow_unenforced_hashes = true;
  const auto plan = PlanGuest(image, request);
  ASSERT_TRUE(plan.has_value()) << plan.error().ToString();
  EXPECT_NE(plan->warning, "");
}

TEST(GuestPlan, WhoStartsATdIsToldWhenItsDigestLacksTheKernel) {
  const FirmwareImage image = FirmwareBuilder{}.Image();
  const auto without = PlanGuest(image, RequestOf(IsolationMode::kTdx, false));
  const auto with = PlanGuest(image, RequestOf(IsolationMode::kTdx, true));
  ASSERT_TRUE(without && with);
  EXPECT_EQ(without->warning, "");
  EXPECT_EQ(with->warning, kMrtdLacksKernel);
  EXPECT_EQ(with->digest, without->digest);
}

TEST(GuestPlan, AKernelNeedsAPlaceForItsHash) {
  FirmwareBuilder builder;
  builder.hash_area.reset();
  std::erase_if(builder.sev_sections, [](const SevSection& section) {
    return section.type == SevSectionType::kKernelHashes;
  });
  GuestPlanRequest request = RequestOf(IsolationMode::kSnp, true);
  request.allow_unenforced_hashes = true;
  EXPECT_FALSE(PlanGuest(builder.Image(), request).has_value());
}

TEST(GuestPlan, ATdNeedsTdxMetadata) {
  FirmwareBuilder builder;
  builder.has_tdx = builder.has_tdx_guid = false;
  ExpectInvalidInput(PlanGuest(builder.Image(), RequestOf(IsolationMode::kTdx, false)),
                     "has no TDX metadata");
}

TEST(GuestPlan, TellsWhereTheFirmwareWantsASecretAndTheHandOffBlock) {
  const FirmwareImage image = FirmwareBuilder{}.Image();
  const auto sev = PlanGuest(image, RequestOf(IsolationMode::kSevEs, false));
  ASSERT_TRUE(sev.has_value()) << sev.error().ToString();
  EXPECT_EQ(sev->secret_gpa, 0x810000u);
  EXPECT_EQ(sev->secret_size, 0xc00u);
  EXPECT_EQ(sev->ap_reset_eip, 0x0080b004u);
  const auto td = PlanGuest(image, RequestOf(IsolationMode::kTdx, false));
  ASSERT_TRUE(td.has_value()) << td.error().ToString();
  EXPECT_EQ(td->hob, 0x809000u);
}

TEST(GuestPlan, VcpusAreMeasuredWhereTheirStateIsEncrypted) {
  const FirmwareImage image = FirmwareBuilder{}.Image();
  for (const IsolationMode mode :
       {IsolationMode::kSev, IsolationMode::kSevEs, IsolationMode::kSnp, IsolationMode::kTdx}) {
    GuestPlanRequest request = RequestOf(mode, false);
    const auto two = PlanGuest(image, request);
    request.cpus = 3;
    const auto three = PlanGuest(image, request);
    ASSERT_TRUE(two && three);
    const bool measured = mode == IsolationMode::kSevEs || mode == IsolationMode::kSnp;
    EXPECT_EQ(two->digest != three->digest, measured) << static_cast<int>(mode);
  }
}

}  // namespace
}  // namespace sealvm
