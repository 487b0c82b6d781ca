// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/sev_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "vmm/cli/evidence_file.h"
#include "vmm/cli/replacement_file.h"
#include "vmm/crypto/cleanser.h"
#include "vmm/isolation/attestation/secret_table.h"
#include "vmm/isolation/attestation/sev_blob.h"
#include "vmm/isolation/attestation/sev_launch.h"
#include "vmm/isolation/attestation/sev_launch_facts.h"
#include "vmm/isolation/attestation/sev_session_crypto.h"

namespace sealvm {
namespace {

using namespace attestation;

Result<> ReadKey(const std::string& path, std::string_view option, SevKey& key) {
  std::vector<uint8_t> file = SEALVM_TRY(ReadWholeFile(path, option, MaxSevBlobFile(key.size())));
  const Cleanser cleanse_file(file);
  std::vector<uint8_t> bytes =
      SEALVM_TRY(DecodeSevBlob(file, key.size(), fmt::format("{} {}", option, path)));
  const Cleanser cleanse_bytes(bytes);
  std::ranges::copy(bytes, key.begin());
  return {};
}

Result<SevLaunchFacts> ReadFacts(const std::string& path) {
  const std::vector<uint8_t> file =
      SEALVM_TRY(ReadWholeFile(path, "--verify", kMaxSevLaunchFactsSize));
  return ParseSevLaunchFacts({reinterpret_cast<const char*>(file.data()), file.size()},
                             fmt::format("--verify {}", path));
}

struct Secrets {
  ~Secrets() {
    for (SecretEntry& entry : entries) {
      const Cleanser cleanse_secret(entry.secret);
    }
  }
  std::vector<SecretEntry> entries;
};

Result<std::vector<uint8_t>> ReadSecrets(const MeasureRequest& request, uint32_t area_size) {
  if (area_size == 0) {
    return InvalidInput(
        fmt::format("--write-secret: {} has no place for a secret", request.firmware),
        "OVMF.amdsev.fd of Debian's ovmf-amdsev has");
  }
  Secrets secrets;
  for (const SecretFile& file : request.sev_owner.secrets) {
    secrets.entries.push_back(
        {.guid = file.guid,
         .secret = SEALVM_TRY(ReadWholeFile(file.path, "--secret", kMaxSevSecretSize))});
  }
  return BuildSecretTable(secrets.entries, area_size);
}

Result<> CheckPacketPath(const MeasureRequest& request) {
  const SevOwnerRequest& owner = request.sev_owner;
  std::vector<std::string> inputs = {owner.tik,        owner.tek,      request.verify.path,
                                     request.firmware, request.kernel, request.initrd};
  for (const SecretFile& secret : owner.secrets) inputs.push_back(secret.path);
  return CheckIsNoInput(owner.packet, "--write-secret", inputs);
}

Result<> WritePacket(const MeasureRequest& request, std::span<const uint8_t> table,
                     const SevTransportKeys& keys, const Sha256Digest& measure) {
  const SevKey iv = SEALVM_TRY(RandomIv());
  const SevSecretPacket packet = SEALVM_TRY(BuildSevSecretPacket(table, keys, iv, measure));
  std::vector<uint8_t> bytes(packet.header.begin(), packet.header.end());
  bytes.insert(bytes.end(), packet.data.begin(), packet.data.end());
  ReplacementFile file =
      SEALVM_TRY(ReplacementFile::Write(request.sev_owner.packet, "--write-secret", bytes));
  return file.Publish();
}

}  // namespace

Result<CheckedEvidence> VerifySevLaunch(const MeasureRequest& request,
                                        const Measurement& measurement) {
  const SevOwnerRequest& owner = request.sev_owner;
  Sha256Digest digest = {};
  if (measurement.digest.size() != digest.size()) {
    return HostError(fmt::format("a launch digest of {} bytes", measurement.digest.size()));
  }
  std::ranges::copy(measurement.digest, digest.begin());
  const SevLaunchFacts facts = SEALVM_TRY(ReadFacts(request.verify.path));
  SevTransportKeys keys;
  const Cleanser cleanse_tek(keys.tek), cleanse_tik(keys.tik);
  SEALVM_TRY(ReadKey(owner.tik, "--tik", keys.tik));
  std::optional<uint32_t> policy;
  // It was checked to have 32 bits.
  if (request.policy) policy = static_cast<uint32_t>(*request.policy);
  CheckedEvidence checked = CheckSevLaunchFacts(
      facts, digest, policy, request.isolation == IsolationMode::kSevEs, keys.tik);
  if (owner.packet.empty()) return checked;
  // What cannot be used is said whether the measurement holds or not.
  SEALVM_TRY(CheckPacketPath(request));
  SEALVM_TRY(ReadKey(owner.tek, "--tek", keys.tek));
  std::vector<uint8_t> table = SEALVM_TRY(ReadSecrets(request, measurement.secret_area_size));
  const Cleanser cleanse_table(table);
  if (!checked.holds()) {
    checked.warnings.push_back(fmt::format("{} was not written", owner.packet));
    return checked;
  }
  SEALVM_TRY(WritePacket(request, table, keys, facts.measurement.measure));
  checked.warnings.push_back(fmt::format("{} has the secrets for this launch alone", owner.packet));
  return checked;
}

}  // namespace sealvm
