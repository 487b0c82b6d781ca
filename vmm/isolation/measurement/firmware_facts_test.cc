// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/firmware_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "memory/base/fd.h"
#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/launch_test_support.h"
#include "vmm/isolation/measurement/snp_launch.h"
#include "vmm/isolation/measurement/tdx_launch.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<uint8_t>& bytes) : fd_(mkstemp(path_)) {
    EXPECT_EQ(write(fd_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~TemporaryFile() { unlink(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/sealvm-facts-XXXXXX";
  Fd fd_;
};

Result<std::optional<FirmwareFacts>> Inspect(const std::vector<uint8_t>& bytes) {
  const TemporaryFile file(bytes);
  return InspectFirmware(file.path());
}

FirmwareFacts FactsOf(const FirmwareBuilder& builder) {
  const auto facts = Inspect(builder.Build());
  if (!facts || !*facts) {
    ADD_FAILURE();
    return {};
  }
  return **facts;
}

const FirmwareFacts::Mode& ModeOf(const FirmwareFacts& facts, std::string_view name) {
  return *std::ranges::find(facts.modes, name, &FirmwareFacts::Mode::name);
}

std::string DigestOf(const FirmwareFacts& facts, std::string_view name) {
  const auto digest = std::ranges::find(facts.digests, name, &FirmwareFacts::Digest::name);
  return digest != facts.digests.end() ? digest->value : "none";
}

TEST(FirmwareFacts, OfAnImageForEverything) {
  const FirmwareFacts facts = FactsOf({});

  EXPECT_EQ(facts.base, 0xffffc000u);
  ASSERT_EQ(facts.table.size(), 5u);
  EXPECT_EQ(facts.table[0].name, "SEV-ES reset block");
  EXPECT_EQ(facts.table[0].size, 4u);
  for (const char* mode : {"sev", "sev-es", "snp", "tdx"}) {
    EXPECT_TRUE(ModeOf(facts, mode).supported) << ModeOf(facts, mode).reason;
  }
  EXPECT_EQ(facts.enforcement.enforcement, HashEnforcement::kUnknown);
}

TEST(FirmwareFacts, DigestsAreThoseOfALaunch) {
  const TestFirmware firmware;
  const FirmwareFacts facts = FactsOf({});
  const auto snp = PlanSnpLaunch(firmware.image, firmware.sev, {}, {.sev_features = 1});
  const auto tdx = PlanTdxLaunch(firmware.image, firmware.tdx);
  ASSERT_TRUE(snp && tdx);

  EXPECT_EQ(DigestOf(facts, "SNP digest after the firmware"),
            HexText(SnpLaunchDigest(std::span(snp->steps()).first(1))));
  EXPECT_EQ(DigestOf(facts, "MRTD, one-pass"), HexText(Mrtd(*tdx)));
  EXPECT_EQ(DigestOf(facts, "MRTD, two-pass"), HexText(Mrtd(*tdx, MrtdOrder::kTwoPass)));
  EXPECT_EQ(DigestOf(facts, "SHA-256 of the file"), HexText(Sha256Of(firmware.image.bytes())));
}

TEST(FirmwareFacts, WhatIsDamagedSpoilsItsModesAlone) {
  const FirmwareFacts no_tdx = FactsOf({.tdx_offset = 0x10000});
  EXPECT_FALSE(ModeOf(no_tdx, "tdx").supported);
  EXPECT_THAT(ModeOf(no_tdx, "tdx").reason, HasSubstr("outside the file"));
  EXPECT_TRUE(ModeOf(no_tdx, "snp").supported);

  const FirmwareFacts no_sev = FactsOf({.sev_offset = 0x10000});
  EXPECT_FALSE(ModeOf(no_sev, "snp").supported);
  EXPECT_FALSE(no_sev.sev_error.empty());
  EXPECT_TRUE(ModeOf(no_sev, "tdx").supported);
}

TEST(FirmwareFacts, OfAnImageWithoutATable) {
  std::vector<uint8_t> bytes = FirmwareBuilder{.has_footer = false}.Build();
  std::ranges::copy(std::string_view("_FVH"), bytes.begin() + 0x28);
  const auto facts = Inspect(bytes);

  ASSERT_TRUE(facts && *facts);
  EXPECT_FALSE((*facts)->has_table);
  for (const FirmwareFacts::Mode& mode : (*facts)->modes) EXPECT_FALSE(mode.supported) << mode.name;
}

TEST(FirmwareFacts, OtherFilesAreNoFirmware) {
  for (size_t size : {0, 1, 47, 48, 4096, 5000}) {
    const auto facts = Inspect(std::vector<uint8_t>(size, 0x5a));
    ASSERT_TRUE(facts.has_value());
    EXPECT_FALSE(facts->has_value());
  }
  ExpectInvalidInput(InspectFirmware("/nonexistent"), "/nonexistent: cannot open");
}

TEST(FirmwareFacts, ADamagedTableIsAnError) {
  ExpectInvalidInput(Inspect(FirmwareBuilder{.table_length = 3}.Build()), "damaged OVMF table");
}

}  // namespace
}  // namespace sealvm
