// SPDX-License-Identifier: Apache-2.0
// Both ends of a launch with an owner: `run` on a double of the host, and `measure --verify` in the
// owner's place, behind FIFOs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/model/launch_fixture.h"
#include "tests/model/sev_model.h"
#include "tests/model/sev_owner.h"
#include "vmm/cli/sev_verify.h"
#include "vmm/isolation/attestation/secret_table.h"
#include "vmm/isolation/attestation/sev_launch.h"
#include "vmm/machine/virtual_machine.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

constexpr uint32_t kPolicy = 5;
// Of FirmwareBuilder.
constexpr uint64_t kSecretArea = 0x810000;
constexpr uint64_t kSecretAreaSize = 0xc00;

std::string Base64(const Bytes& bytes) {
  std::string text(bytes.size() * 2 + 4, 0);
  const int size = EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

class SevOwnerCliTest : public testing::Test {
 protected:
  SevOwnerCliTest() : folder_(testing::TempDir() + "/sev_owner") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    config_.isolation = IsolationMode::kSevEs;
    config_.firmware = Put("firmware", FirmwareBuilder{}.Build());
    config_.memory_bytes = 64 * kMiB;
    config_.cpus = 2;
    config_.launch.vcpu_signature = 0xa00f11;
    SetSession(kPolicy);
  }
  ~SevOwnerCliTest() override { std::filesystem::remove_all(folder_); }

  std::string Put(const std::string& name, const Bytes& bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary)
        << std::string(bytes.begin(), bytes.end());
    return folder_ + "/" + name;
  }
  std::string Put(const std::string& name, const std::string& text) const {
    return Put(name, Bytes(text.begin(), text.end()));
  }
  template <size_t kSize>
  static Bytes BytesOf(const std::array<uint8_t, kSize>& array) {
    return {array.begin(), array.end()};
  }

  // As sevctl writes it.
  void SetSession(uint32_t policy) {
    config_.launch.session = Put("session.b64", Base64(SevOwner::Session(policy)));
    config_.launch.dh_certificate = Put("godh.b64", Base64(SevOwner::Certificate()));
  }

  Result<> Create() {
    machine_ = SEALVM_TRY(
        VirtualMachine::Create(config_, {}, {.kernel = kvm_, .make_guest_memfd = MakeModelMemfd}));
    return {};
  }

  MeasureRequest OwnersRequest() const {
    MeasureRequest request;
    request.isolation = config_.isolation;
    request.firmware = config_.firmware;
    request.cpus = config_.cpus;
    request.vcpu_signature = config_.launch.vcpu_signature;
    request.policy = kPolicy;
    request.verify.path = folder_ + "/measurement.json";
    request.sev_owner = {
        .tik = Put("tik", BytesOf(SevOwner::Keys().tik)),
        .tek = Put("tek", BytesOf(SevOwner::Keys().tek)),
        .secrets = {{attestation::kDiskPassphraseGuid, Put("pass", "open sesame")}},
        .packet = folder_ + "/packet"};
    return request;
  }

  const std::string folder_;
  MachineConfig config_;
  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>(FullHost());
  std::unique_ptr<VirtualMachine> machine_;
};

TEST_F(SevOwnerCliTest, ChecksTheMeasurementAndSendsASecret) {
  config_.launch.measurement_file = folder_ + "/measurement";
  config_.launch.secret_file = folder_ + "/secret";
  ASSERT_EQ(mkfifo(config_.launch.measurement_file.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(config_.launch.secret_file.c_str(), 0600), 0);
  Result<attestation::CheckedEvidence> checked;
  std::thread owner([&] {
    std::ifstream facts(config_.launch.measurement_file);
    Put("measurement.json", std::string(std::istreambuf_iterator<char>(facts), {}));
    const MeasureRequest request = OwnersRequest();
    const Result<Measurement> measurement = Measure(request);
    ASSERT_TRUE(measurement) << measurement.error().ToString();
    checked = VerifySevLaunch(request, *measurement);
    // Written whatever happened: the launch waits for it.
    std::ifstream packet(request.sev_owner.packet, std::ios::binary);
    std::ofstream(config_.launch.secret_file, std::ios::binary)
        << std::string(std::istreambuf_iterator<char>(packet), {});
  });
  const Result<> created = Create();
  owner.join();
  ASSERT_TRUE(checked) << checked.error().ToString();
  EXPECT_TRUE(checked->holds());
  ASSERT_TRUE(created) << created.error().ToString();
  const auto entries = attestation::ParseSecretTable(
      kvm_->vm().sev->ReadAsGuest(kSecretArea, kSecretAreaSize), "secret");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(std::string(entries->at(0).secret.begin(), entries->at(0).secret.end()), "open sesame");
  const std::vector<std::string> calls = kvm_->calls();
  const auto at = [&](std::string_view name) {
    return std::ranges::find(calls, name) - calls.begin();
  };
  EXPECT_LT(at("KVM_SEV_LAUNCH_MEASURE"), at("KVM_SEV_LAUNCH_SECRET"));
  EXPECT_LT(at("KVM_SEV_LAUNCH_SECRET"), at("KVM_SEV_LAUNCH_FINISH"));
}

TEST_F(SevOwnerCliTest, SessionFilesThatAreNoneAreNamed) {
  for (const Bytes& bytes : {Bytes(), Bytes(127, 'A'), Bytes(129, '!'), Bytes(1 << 20, 'A')}) {
    config_.launch.session = Put("session", bytes);
    const Result<> created = Create();
    ASSERT_FALSE(created) << bytes.size();
    EXPECT_EQ(created.error().kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(created.error().message, HasSubstr("--sev-session " + config_.launch.session));
  }
}

}  // namespace
}  // namespace sealvm::model
