// SPDX-License-Identifier: Apache-2.0
// Hostile tables of a confidential launch: certificates, launch secrets and their packets, ID block
// and its authentication; and keys in base64. The first byte chooses.
#include <algorithm>
#include <span>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "vmm/isolation/attestation/cert_table.h"
#include "vmm/isolation/attestation/secret_table.h"
#include "vmm/isolation/attestation/sev_blob.h"
#include "vmm/isolation/attestation/sev_launch.h"
#include "vmm/isolation/attestation/snp_id_block.h"

namespace sealvm::attestation {
namespace {

void TryCertTable(const std::vector<uint8_t>& bytes) {
  const auto entries = ParseCertTable(bytes, "table");
  if (!entries) return;
  SEALVM_FUZZ_CHECK(entries->size() <= kMaxCertTableEntries);
  for (const CertTableEntry& entry : *entries) {
    SEALVM_FUZZ_CHECK(!entry.certificate.empty() && entry.certificate.size() < bytes.size());
  }
  const auto table = BuildCertTable(*entries, "table");
  if (!table) return;
  // What was built is what is read.
  const auto again = ParseCertTable(*table, "table");
  SEALVM_FUZZ_CHECK(again && again->size() == entries->size());
}

void TrySecretTable(const std::vector<uint8_t>& bytes) {
  const auto entries = ParseSecretTable(bytes, "table");
  if (!entries) return;
  const auto table = BuildSecretTable(*entries, UINT32_MAX);
  if (!table) return;
  const auto again = ParseSecretTable(*table, "table");
  SEALVM_FUZZ_CHECK(again && again->size() == entries->size());
}

// As the firmware gets it, and as the owner would have made it of the same bytes.
void TrySecretPacket(const std::vector<uint8_t>& bytes) {
  static_cast<void>(DecodeSevBlob(bytes, bytes.size() / 2, "blob"));
  static_cast<void>(DecodeSevBlob(bytes, sizeof(SevKey), "blob"));
  const std::span<const uint8_t> packet = bytes;
  const size_t header = std::min(packet.size(), kSevSecretHeaderSize);
  SEALVM_FUZZ_CHECK(
      !OpenSevSecretPacket(packet.first(header), packet.subspan(header), {}, {}, "packet"));
  const auto made = BuildSevSecretPacket(bytes, {}, {}, {});
  SEALVM_FUZZ_CHECK(made.has_value() == (!bytes.empty() && bytes.size() % 16 == 0 &&
                                         bytes.size() <= kMaxSevSecretSize));
  if (!made) return;
  const auto opened = OpenSevSecretPacket(made->header, made->data, {}, {}, "packet");
  SEALVM_FUZZ_CHECK(opened && *opened == bytes);
}

void TryIdAuth(std::vector<uint8_t> bytes) {
  static_cast<void>(ParseIdBlock(bytes, "block"));
  static_cast<void>(ReadIdAuth(bytes));
  bytes.resize(kIdAuthSize);
  const auto facts = CheckIdAuth({}, bytes, true, "auth");
  SEALVM_FUZZ_CHECK(!facts);
}

}  // namespace
}  // namespace sealvm::attestation

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  FuzzInput input({data, size});
  const uint8_t kind = input.TakeByte() % 4;
  const auto rest = input.TakeBytes(size);
  const std::vector<uint8_t> bytes(rest.begin(), rest.end());
  if (kind == 0) attestation::TryCertTable(bytes);
  if (kind == 1) attestation::TrySecretPacket(bytes);
  if (kind == 2) attestation::TrySecretTable(bytes);
  if (kind == 3) attestation::TryIdAuth(bytes);
  return 0;
}
