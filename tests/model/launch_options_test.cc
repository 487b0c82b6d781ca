// SPDX-License-Identifier: Apache-2.0
// Options of a launch, from the machine's configuration to what the security processor or the TDX
// module gets of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "tests/model/machine_fixture.h"
#include "tests/model/sev_owner.h"
#include "tests/model/tdx_model.h"
#include "vmm/isolation/attestation/ecdsa.h"
#include "vmm/isolation/attestation/snp_id_block.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::model {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kPolicy = 0x30000;

Bytes BytesAt(uint64_t address, uint64_t size) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(address);
  return {bytes, bytes + size};
}

class LaunchOptionsTest : public MachineTest {
 protected:
  // Creation is refused before there is a VM.
  Error RefusedEarly(const MachineConfig& config) {
    const Result<> created = Create(config);
    EXPECT_FALSE(created);
    EXPECT_FALSE(kvm_->has_vm());
    return created ? Error{} : created.error();
  }
};

class SnpOptionsTest : public LaunchOptionsTest {
 protected:
  // KVM_SEV_SNP_LAUNCH_FINISH as it came.
  struct Finish {
    bool id_block_enabled = false;
    bool author_key_enabled = false;
    bool vcek_disabled = false;
    Bytes id_block, id_auth, host_data;
  };

  SnpOptionsTest() {
    kvm_->intercept = [this](const Call& call) {
      if (call.name != "KVM_SEV_SNP_LAUNCH_FINISH") return Verdict();
      const auto& command = *static_cast<const kvm_sev_cmd*>(call.argument);
      const auto& request = *reinterpret_cast<const kvm_sev_snp_launch_finish*>(command.data);
      finish_ = {.id_block_enabled = request.id_block_en != 0,
                 .author_key_enabled = request.auth_key_en != 0,
                 .vcek_disabled = request.vcek_disabled != 0,
                 .id_block = {},
                 .id_auth = {},
                 .host_data = ToBytes(request.host_data)};
      if (!finish_->id_block_enabled) return verdict_;
      finish_->id_block = BytesAt(request.id_block_uaddr, attestation::kIdBlockSize);
      finish_->id_auth = BytesAt(request.id_auth_uaddr, attestation::kIdAuthSize);
      return verdict_;
    };
  }

  static attestation::EcdsaPrivateKey Key(const std::string& name) {
    return *attestation::EcdsaPrivateKey::FromPem(attestation::ReadVector(name), name);
  }

  // An owner's files for the launch of `config`.
  static attestation::IdBlock BlockFor(const MachineConfig& config) {
    attestation::IdBlock block = {.guest_svn = 3, .policy = kPolicy};
    std::ranges::copy(Measured(config), block.launch_digest.begin());
    return block;
  }
  static void AddIdBlock(MachineConfig& config, const attestation::IdBlock& block) {
    const attestation::IdBlockBytes bytes = attestation::EncodeIdBlock(block);
    const attestation::EcdsaPrivateKey author = Key("author_key.pem");
    config.launch.id_block = WriteFile("id-block", ToBytes(bytes));
    config.launch.id_auth =
        WriteFile("id-auth", *attestation::MakeIdAuth(bytes, Key("id_key.pem"), &author));
  }

  const MachineConfig plain_ = ConfigOf(IsolationMode::kSnp);
  Verdict verdict_;
  std::optional<Finish> finish_;
};

TEST_F(SnpOptionsTest, NothingIsAskedForThatWasNotGiven) {
  ASSERT_TRUE(Create(plain_));
  ASSERT_TRUE(finish_);
  EXPECT_FALSE(finish_->id_block_enabled);
  EXPECT_FALSE(finish_->author_key_enabled);
  EXPECT_FALSE(finish_->vcek_disabled);
  EXPECT_THAT(finish_->host_data, Each(0));
}

TEST_F(SnpOptionsTest, HostDataAndVcekDisabled) {
  MachineConfig config = plain_;
  config.launch.host_data = attestation::Filled<std::array<uint8_t, 32>>(0x40);
  config.launch.vcek_disabled = true;
  ASSERT_TRUE(Create(config));
  ASSERT_TRUE(finish_);
  EXPECT_EQ(finish_->host_data, ToBytes(*config.launch.host_data));
  EXPECT_TRUE(finish_->vcek_disabled);
  // Neither is measured.
  EXPECT_EQ(Found(), Measured(plain_));
}

TEST_F(SnpOptionsTest, IdBlockWithAndWithoutAuthorKey) {
  for (const bool author_key : {false, true}) {
    MachineConfig config = plain_;
    AddIdBlock(config, BlockFor(config));
    config.launch.author_key = author_key;
    const Result<> created = Create(config);
    ASSERT_TRUE(created) << created.error().ToString();
    ASSERT_TRUE(finish_);
    EXPECT_TRUE(finish_->id_block_enabled);
    EXPECT_EQ(finish_->author_key_enabled, author_key);
    EXPECT_EQ(finish_->id_block, ToBytes(ReadText(config.launch.id_block)));
    EXPECT_EQ(finish_->id_auth, ToBytes(ReadText(config.launch.id_auth)));
  }
}

TEST_F(SnpOptionsTest, IdBlockOfAnotherLaunchIsRefusedBeforeThereIsAVm) {
  attestation::IdBlock other_digest = BlockFor(plain_);
  other_digest.launch_digest[0] ^= 1;
  attestation::IdBlock other_policy = BlockFor(plain_);
  other_policy.policy |= 1u << 19;
  for (const auto& [block, words] :
       {std::pair(other_digest, "the ID block is for launch digest"),
        std::pair(other_policy, "the ID block is for policy 0xb0000")}) {
    MachineConfig config = plain_;
    AddIdBlock(config, block);
    const Error error = RefusedEarly(config);
    EXPECT_EQ(error.kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(error.message, HasSubstr("--id-block " + config.launch.id_block));
    EXPECT_THAT(error.message, HasSubstr(words));
  }
}

TEST_F(SnpOptionsTest, SignatureThatDoesNotHoldIsRefusedBeforeThereIsAVm) {
  MachineConfig config = plain_;
  AddIdBlock(config, BlockFor(config));
  Bytes auth = ToBytes(ReadText(config.launch.id_auth));
  auth[0x40] ^= 1;
  config.launch.id_auth = WriteFile("id-auth", auth);
  const Error error = RefusedEarly(config);
  EXPECT_EQ(error.kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(error.message, HasSubstr("--id-auth " + config.launch.id_auth));
}

TEST_F(SnpOptionsTest, FilesOfAnotherSizeAreNamed) {
  MachineConfig config = plain_;
  AddIdBlock(config, BlockFor(config));
  Bytes block = ToBytes(ReadText(config.launch.id_block));
  block.push_back(0);
  const std::string path = WriteFile("id-block", block);
  EXPECT_EQ(RefusedEarly(config).message, "--id-block " + path + ": has 97 bytes, not 96");
  AddIdBlock(config, BlockFor(config));
  WriteFile("id-auth", Bytes(4095));
  const Error error = RefusedEarly(config);
  EXPECT_EQ(error.kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(error.message, "--id-auth " + config.launch.id_auth + ": has 4095 bytes, not 4096");
}

// What the firmware alone can know, such as a policy against this chip's use.
TEST_F(SnpOptionsTest, LaunchThatTheFirmwareRefusesAtItsEnd) {
  MachineConfig config = plain_;
  AddIdBlock(config, BlockFor(config));
  verdict_ = Verdict::Fail(EIO, SEV_RET_BAD_SIGNATURE);
  const Result<> created = Create(config);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kHost);
  EXPECT_THAT(created.error().message, HasSubstr("KVM_SEV_SNP_LAUNCH_FINISH"));
  EXPECT_THAT(created.error().message, HasSubstr("BAD_SIGNATURE"));
}

class SevOptionsTest : public LaunchOptionsTest, public testing::WithParamInterface<IsolationMode> {
 protected:
  static constexpr size_t kCertificateSize = 0x824, kSessionSize = 0x80;

  SevOptionsTest() {
    kvm_->intercept = [this](const Call& call) {
      if (call.name != "KVM_SEV_LAUNCH_START") return Verdict();
      const auto& command = *static_cast<const kvm_sev_cmd*>(call.argument);
      const auto& start = *reinterpret_cast<const kvm_sev_launch_start*>(command.data);
      certificate_ = BytesAt(start.dh_uaddr, start.dh_len);
      session_ = BytesAt(start.session_uaddr, start.session_len);
      return Verdict();
    };
  }

  Bytes certificate_, session_;
};

TEST_P(SevOptionsTest, OwnersSessionReachesLaunchStart) {
  MachineConfig config = ConfigOf(GetParam());
  ASSERT_TRUE(Create(config));
  EXPECT_THAT(certificate_, IsEmpty());
  EXPECT_THAT(session_, IsEmpty());
  const Bytes session = SevOwner::Session(GetParam() == IsolationMode::kSevEs ? 5 : 1);
  config.launch.dh_certificate = WriteFile("dh", SevOwner::Certificate());
  config.launch.session = WriteFile("session", session);
  ASSERT_TRUE(Create(config));
  EXPECT_EQ(certificate_, SevOwner::Certificate());
  EXPECT_EQ(session_, session);
}

TEST_P(SevOptionsTest, FilesOfAnotherSizeAreNamed) {
  MachineConfig config = ConfigOf(GetParam());
  config.launch.dh_certificate = WriteFile("dh", Bytes(kCertificateSize - 1));
  config.launch.session = WriteFile("session", Bytes(kSessionSize + 1));
  Error error = RefusedEarly(config);
  EXPECT_EQ(error.kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(error.message, "--sev-dh-cert " + config.launch.dh_certificate +
                               ": has 2083 bytes, which are neither 2084 nor base64 of so many");
  WriteFile("dh", Bytes(kCertificateSize));
  error = RefusedEarly(config);
  EXPECT_EQ(error.kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(error.message, "--sev-session " + config.launch.session +
                               ": has 129 bytes, which are neither 128 nor base64 of so many");
}

INSTANTIATE_TEST_SUITE_P(Modes, SevOptionsTest,
                         testing::Values(IsolationMode::kSev, IsolationMode::kSevEs),
                         [](const auto& info) {
                           return info.param == IsolationMode::kSev ? "sev" : "sevEs";
                         });

TEST_F(LaunchOptionsTest, RegistersOfATdsOwner) {
  MachineConfig config = ConfigOf(IsolationMode::kTdx);
  ASSERT_TRUE(Create(config));
  EXPECT_THAT(BytesAt(reinterpret_cast<uint64_t>(kvm_->vm().tdx->init().mrconfigid), 48), Each(0));
  using Register = LaunchConfig::TdRegister;
  config.launch.mr_config_id = attestation::Filled<Register>(0x10);
  config.launch.mr_owner = attestation::Filled<Register>(0x50);
  config.launch.mr_owner_config = attestation::Filled<Register>(0x90);
  ASSERT_TRUE(Create(config));
  const kvm_tdx_init_vm& init = kvm_->vm().tdx->init();
  const auto bytes_of = [](const auto& words) {
    return BytesAt(reinterpret_cast<uint64_t>(&words), sizeof(words));
  };
  EXPECT_EQ(bytes_of(init.mrconfigid), ToBytes(*config.launch.mr_config_id));
  EXPECT_EQ(bytes_of(init.mrowner), ToBytes(*config.launch.mr_owner));
  EXPECT_EQ(bytes_of(init.mrownerconfig), ToBytes(*config.launch.mr_owner_config));
  EXPECT_EQ(Found(), Measured(config));
}

}  // namespace
}  // namespace sealvm::model
