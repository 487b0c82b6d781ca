// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "vmm/api/config.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

MachineConfig ConfigOf(IsolationMode mode) {
  MachineConfig config;
  config.isolation = mode;
  config.firmware = "OVMF.fd";
  return config;
}

std::string ErrorOf(const MachineConfig& config) {
  const Result<> valid = ValidateConfig(config);
  if (valid) return "";
  EXPECT_EQ(valid.error().kind, ErrorKind::kInvalidInput);
  return valid.error().message;
}

constexpr IsolationMode kAll[] = {IsolationMode::kAuto,  IsolationMode::kNone, IsolationMode::kSev,
                                  IsolationMode::kSevEs, IsolationMode::kSnp,  IsolationMode::kTdx};

struct Option {
  std::string_view name;
  std::string_view modes;
  std::function<void(LaunchConfig&)> give;
};

TEST(LaunchValidationTest, OptionsBelongToTheirModes) {
  const Option options[] = {
      {"--policy", "sev sev-es snp", [](LaunchConfig& l) { l.policy = 0x30000; }},
      {"--vcpu-signature", "sev sev-es snp", [](LaunchConfig& l) { l.vcpu_signature = 1; }},
      {"--allow-unenforced-hashes", "sev sev-es snp",
       [](LaunchConfig& l) { l.allow_unenforced_hashes = true; }},
      {"--guest-features", "snp", [](LaunchConfig& l) { l.guest_features = 0x21; }},
      {"--host-data", "snp", [](LaunchConfig& l) { l.host_data.emplace(); }},
      {"--id-block", "snp", [](LaunchConfig& l) { l.id_block = l.id_auth = "f"; }},
      {"--vcek-disabled", "snp", [](LaunchConfig& l) { l.vcek_disabled = true; }},
      {"--certs", "snp", [](LaunchConfig& l) { l.certificates = "f"; }},
      {"--sev-dh-cert", "sev sev-es", [](LaunchConfig& l) { l.dh_certificate = l.session = "f"; }},
      {"--sev-measurement", "sev sev-es", [](LaunchConfig& l) { l.measurement_file = "f"; }},
      {"--sev-secret", "sev sev-es", [](LaunchConfig& l) { l.secret_file = "f"; }},
      {"--mrconfigid", "tdx", [](LaunchConfig& l) { l.mr_config_id.emplace(); }},
      {"--mrowner", "tdx", [](LaunchConfig& l) { l.mr_owner.emplace(); }},
      {"--mrownerconfig", "tdx", [](LaunchConfig& l) { l.mr_owner_config.emplace(); }},
      {"--quote-service", "tdx", [](LaunchConfig& l) { l.quote_service = "unix:/q"; }},
  };
  for (const Option& option : options) {
    for (IsolationMode mode : kAll) {
      MachineConfig config = ConfigOf(mode);
      option.give(config.launch);
      const std::string padded = " " + std::string(option.modes) + " ";
      const std::string name = " " + std::string(IsolationModeName(mode)) + " ";
      if (padded.find(name) != padded.npos) {
        EXPECT_EQ(ErrorOf(config), "") << option.name << name;
      } else {
        EXPECT_THAT(ErrorOf(config), HasSubstr(std::string(option.name))) << name;
      }
    }
  }
}

TEST(LaunchValidationTest, SomeOptionsNeedEachOther) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.launch.id_block = "f";
  EXPECT_THAT(ErrorOf(config), HasSubstr("--id-auth"));
  config = ConfigOf(IsolationMode::kSnp);
  config.launch.author_key = true;
  EXPECT_THAT(ErrorOf(config), HasSubstr("--id-auth"));
  config = ConfigOf(IsolationMode::kSevEs);
  config.launch.session = "f";
  EXPECT_THAT(ErrorOf(config), HasSubstr("--sev-dh-cert"));
}

TEST(LaunchValidationTest, AnExpectedDigestHasTheModesSize) {
  for (IsolationMode mode : kAll) {
    for (size_t size : {32, 48}) {
      MachineConfig config = ConfigOf(mode);
      config.launch.expected_digest.resize(size);
      const bool fits = IsConfidential(mode) && (size == 32) == (mode == IsolationMode::kSev ||
                                                                 mode == IsolationMode::kSevEs);
      EXPECT_EQ(ErrorOf(config).empty(), fits) << IsolationModeName(mode) << size;
    }
  }
}

TEST(LaunchValidationTest, EverySnpGuestHasTheFirstFeature) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.launch.guest_features = 0x20;
  EXPECT_THAT(ErrorOf(config), HasSubstr("--guest-features"));
}

TEST(LaunchValidationTest, ThereAreNoHugePages) {
  MachineConfig config = ConfigOf(IsolationMode::kTdx);
  config.memory.huge_pages = HugePages::k2M;
  EXPECT_THAT(ErrorOf(config), HasSubstr("--hugepages"));
}

}  // namespace
}  // namespace sealvm
