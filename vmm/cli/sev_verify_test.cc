// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/sev_verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "vmm/cli/evidence_file.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/secret_table.h"
#include "vmm/isolation/attestation/sev_launch.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm {
namespace {

using attestation::Filled;
using attestation::SevKey;
using ::testing::HasSubstr;

constexpr size_t kHeader = attestation::kSevSecretHeaderSize;

class SevVerifyTest : public testing::Test {
 protected:
  SevVerifyTest() : folder_(testing::TempDir() + "/sev_verify") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const SevKey nonce = Filled<SevKey>(0x60);
    const Sha256Digest measure = attestation::ComputeSevMeasure(
        {.api_major = 1, .api_minor = 55, .build = 22, .policy = 1, .launch_digest = digest_},
        nonce, keys_.tik);
    measure_ = measure;
    request_.verify.path =
        Put("facts", fmt::format(R"({{"api_major":1,"api_minor":55,"build":22,"policy":"0x1",)"
                                 R"("digest":"{}","measurement":"{}{}"}})",
                                 HexText(digest_), HexText(measure), HexText(nonce)));
    request_.sev_owner = {
        .tik = Put("tik", Text(keys_.tik)),
        .tek = Put("tek", Text(keys_.tek)),
        .secrets = {{.guid = attestation::kDiskPassphraseGuid, .path = Put("passphrase", "pw")}},
        .packet = folder_ + "/packet"};
    measurement_.digest.assign(digest_.begin(), digest_.end());
    measurement_.secret_area_size = 0xc00;
  }
  ~SevVerifyTest() override { std::filesystem::remove_all(folder_); }

  static std::string Text(const SevKey& key) { return {key.begin(), key.end()}; }
  std::string Put(const std::string& name, std::string_view text) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
    return folder_ + "/" + name;
  }
  bool Written() const { return std::filesystem::exists(request_.sev_owner.packet); }
  std::string Error() {
    const auto checked = VerifySevLaunch(request_, measurement_);
    if (checked) return "no error";
    EXPECT_EQ(checked.error().kind, ErrorKind::kInvalidInput);
    EXPECT_FALSE(Written());
    return checked.error().ToString();
  }

  const std::string folder_;
  const Sha256Digest digest_ = Filled<Sha256Digest>(0x80);
  const attestation::SevTransportKeys keys_ = {.tek = Filled<SevKey>(0x40),
                                               .tik = Filled<SevKey>(0x20)};
  Sha256Digest measure_ = {};
  MeasureRequest request_ = {.isolation = IsolationMode::kSev, .firmware = "f"};
  Measurement measurement_;
};

TEST_F(SevVerifyTest, TheFirmwareOpensThePacket) {
  const auto checked = VerifySevLaunch(request_, measurement_);
  ASSERT_TRUE(checked) << checked.error().ToString();
  EXPECT_TRUE(checked->holds());
  const std::vector<uint8_t> packet = *ReadWholeFile(request_.sev_owner.packet, {}, 1 << 20);
  ASSERT_GT(packet.size(), kHeader);
  const auto opened = attestation::OpenSevSecretPacket(
      std::span(packet).first(kHeader), std::span(packet).subspan(kHeader), keys_, measure_, "p");
  ASSERT_TRUE(opened) << opened.error().ToString();
  const auto entries = attestation::ParseSecretTable(*opened, "t");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(entries->at(0).guid, attestation::kDiskPassphraseGuid);
  EXPECT_EQ(entries->at(0).secret, (std::vector<uint8_t>{'p', 'w'}));
}

TEST_F(SevVerifyTest, NoCounterIsUsedTwice) {
  ASSERT_TRUE(VerifySevLaunch(request_, measurement_));
  const std::vector<uint8_t> one = *ReadWholeFile(request_.sev_owner.packet, {}, 1 << 20);
  ASSERT_TRUE(VerifySevLaunch(request_, measurement_));
  EXPECT_NE(*ReadWholeFile(request_.sev_owner.packet, {}, 1 << 20), one);
}

TEST_F(SevVerifyTest, NoSecretsForALaunchThatDiffers) {
  measurement_.digest[0] ^= 1;
  const auto checked = VerifySevLaunch(request_, measurement_);
  ASSERT_TRUE(checked);
  EXPECT_FALSE(checked->holds());
  EXPECT_FALSE(Written());
  measurement_.digest[0] ^= 1;
  request_.policy = 3;
  EXPECT_FALSE(VerifySevLaunch(request_, measurement_)->holds());
  EXPECT_FALSE(Written());
  request_.policy = 1;
  Put("tik", Text(keys_.tek));
  EXPECT_FALSE(VerifySevLaunch(request_, measurement_)->holds());
  EXPECT_FALSE(Written());
}

TEST_F(SevVerifyTest, WithoutSecretsNoKeyForThemIsRead) {
  request_.sev_owner.tek = request_.sev_owner.packet = "";
  request_.sev_owner.secrets.clear();
  measurement_.secret_area_size = 0;
  const auto checked = VerifySevLaunch(request_, measurement_);
  ASSERT_TRUE(checked) << checked.error().ToString();
  EXPECT_TRUE(checked->holds());
}

TEST_F(SevVerifyTest, KeysMayBeInBase64) {
  Put("tik", "ICEiIyQlJicoKSorLC0uLw==\n");
  EXPECT_TRUE(VerifySevLaunch(request_, measurement_)->holds());
}

TEST_F(SevVerifyTest, FilesThatCannotBeUsedAreNamed) {
  struct Case {
    const char* name;
    std::string text;
    const char* error;
  };
  for (const auto& [name, text, error] :
       {Case{"facts", "", "/facts: is empty"}, Case{"facts", "{", "is no launch measurement"},
        Case{"facts", std::string(5000, ' '), "has 5000 bytes, 4096 are the most"},
        Case{"tik", "", "/tik: is empty"}, Case{"tik", std::string(15, 'k'), "has 15 bytes"},
        Case{"tek", std::string(17, '\0'), "has 17 bytes"},
        Case{"tek", std::string(1 << 20, 'k'), "has 1048576 bytes"},
        Case{"passphrase", "", "/passphrase: is empty"},
        Case{"passphrase", std::string(20000, 'x'), "has 20000 bytes, 16384 are the most"},
        Case{"passphrase", std::string(4000, 'x'), "the firmware has room for 3072"}}) {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    const std::string before(std::istreambuf_iterator<char>(file), {});
    Put(name, text);
    EXPECT_THAT(Error(), HasSubstr(error)) << name;
    Put(name, before);
  }
  EXPECT_EQ(Error(), "no error");
}

TEST_F(SevVerifyTest, WhatIsNoFileIsNamed) {
  const std::string fifo = folder_ + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::pair<std::string*, const char*> inputs[] = {
      {&request_.verify.path, "--verify"},
      {&request_.sev_owner.tik, "--tik"},
      {&request_.sev_owner.tek, "--tek"},
      {&request_.sev_owner.secrets[0].path, "--secret"}};
  for (const auto& [input, option] : inputs) {
    const std::string before = *input;
    *input = fifo;
    EXPECT_THAT(Error(), HasSubstr(fmt::format("{} {}: is not a regular file", option, fifo)));
    *input = folder_;
    EXPECT_THAT(Error(), HasSubstr(fmt::format("{} {}: is a directory", option, folder_)));
    *input = "/nonexistent";
    EXPECT_THAT(Error(), HasSubstr(fmt::format("{} /nonexistent: cannot open", option)));
    *input = before;
  }
  request_.sev_owner.packet = folder_ + "/nowhere/packet";
  EXPECT_THAT(Error(), HasSubstr("--write-secret: open"));
}

TEST_F(SevVerifyTest, InputsAreNotOverwritten) {
  for (const char* name : {"tik", "tek", "passphrase", "facts"}) {
    request_.sev_owner.packet = folder_ + "/" + name;
    const auto checked = VerifySevLaunch(request_, measurement_);
    ASSERT_FALSE(checked) << name;
    EXPECT_THAT(checked.error().message, HasSubstr("is the file of a key"));
  }
}

TEST_F(SevVerifyTest, FirmwareWithoutAPlaceForASecret) {
  measurement_.secret_area_size = 0;
  EXPECT_THAT(Error(), HasSubstr("--write-secret: f has no place for a secret"));
}

}  // namespace
}  // namespace sealvm
