// SPDX-License-Identifier: Apache-2.0
#include "tests/model/sev_owner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "memory/base/fd.h"
#include "tests/model/sev_session_model.h"
#include "vmm/isolation/attestation/hex.h"

namespace sealvm::model {
namespace {

using Bytes = std::vector<uint8_t>;

attestation::SevKey Filled(uint8_t value) {
  attestation::SevKey key;
  key.fill(value);
  return key;
}

const attestation::SevTransportKeys kKeys = {.tek = Filled(0x11), .tik = Filled(0x22)};

std::string MakeFifo(const std::string& name) {
  std::string path = testing::TempDir() + "/sev-owner-" + std::to_string(getpid()) + name;
  EXPECT_EQ(mkfifo(path.c_str(), 0600), 0) << path;
  return path;
}

// Digits of a field in the line that the launch writes; zeros where it is not there.
Bytes FieldOf(const std::string& facts, const std::string& name, size_t size) {
  const std::string start = "\"" + name + "\":\"";
  const size_t at = facts.find(start);
  if (at == std::string::npos) return Bytes(size);
  const std::string digits = facts.substr(at + start.size(), 2 * size);
  return attestation::ParseHex(digits, size, name).value_or(Bytes(size));
}

}  // namespace

SevOwner::SevOwner(HostModel host, uint32_t policy)
    : host_(std::move(host)),
      policy_(policy),
      measurement_file_(MakeFifo("measurement")),
      secret_file_(MakeFifo("secret")) {}

SevOwner::~SevOwner() {
  if (thread_.joinable()) Stop();
  unlink(measurement_file_.c_str());
  unlink(secret_file_.c_str());
}

const attestation::SevTransportKeys& SevOwner::Keys() { return kKeys; }

Bytes SevOwner::Certificate() {
  Bytes certificate(kDhCertificateSize);
  for (size_t i = 0; i < certificate.size(); ++i) certificate[i] = static_cast<uint8_t>(i * 7);
  return certificate;
}

Bytes SevOwner::Session(uint32_t policy) {
  const auto session = attestation::BuildSevSession(kKeys, policy, SharedSecret(Certificate()),
                                                    Filled(0x33), Filled(0x44));
  return {session->begin(), session->end()};
}

Bytes SevOwner::Secret() {
  Bytes secret(64);
  for (size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<uint8_t>(0xa0 + i);
  return secret;
}

void SevOwner::Start(Change change) {
  thread_ = std::thread([this, change = std::move(change)] { Answer(change); });
}

void SevOwner::Stop() {
  const Fd measurement(open(measurement_file_.c_str(), O_RDWR | O_CLOEXEC));
  const Fd secret(open(secret_file_.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(write(measurement.get(), "\n", 1), 1);
  thread_.join();
}

void SevOwner::Answer(const Change& change) {
  std::string facts;
  std::ifstream measurement_file(measurement_file_);
  std::getline(measurement_file, facts);
  const auto measurement = *attestation::ParseSevMeasurement(
      FieldOf(facts, "measurement", attestation::kSevMeasurementSize), "measurement");
  digest_ = FieldOf(facts, "digest", sizeof(Sha256));
  attestation::SevMeasureInput input = {.api_major = host_.api_major,
                                        .api_minor = host_.api_minor,
                                        .build = host_.build,
                                        .policy = policy_};
  std::ranges::copy(digest_, input.launch_digest.begin());
  measurement_holds_ = attestation::MeasurementHolds(measurement, input, kKeys.tik);
  auto packet =
      *attestation::BuildSevSecretPacket(Secret(), kKeys, Filled(0x55), measurement.measure);
  change(packet);
  std::ofstream file(secret_file_, std::ios::binary);
  file.write(reinterpret_cast<const char*>(packet.header.data()),
             static_cast<std::streamsize>(packet.header.size()));
  file.write(reinterpret_cast<const char*>(packet.data.data()),
             static_cast<std::streamsize>(packet.data.size()));
}

}  // namespace sealvm::model
