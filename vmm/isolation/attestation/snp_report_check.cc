// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/snp_report_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "vmm/isolation/attestation/field_reader.h"
#include "vmm/isolation/attestation/snp_id_block.h"

namespace sealvm::attestation {
namespace {

// Extensions of a VCEK and VLEK: AMD 57230, table "VCEK Certificate Extensions".
constexpr const char* kOidBootLoader = "1.3.6.1.4.1.3704.1.3.1";
constexpr const char* kOidTee = "1.3.6.1.4.1.3704.1.3.2";
constexpr const char* kOidSnp = "1.3.6.1.4.1.3704.1.3.3";
constexpr const char* kOidMicrocode = "1.3.6.1.4.1.3704.1.3.8";
constexpr const char* kOidFmc = "1.3.6.1.4.1.3704.1.3.9";
constexpr const char* kOidHwid = "1.3.6.1.4.1.3704.1.4";

constexpr uint8_t kDerInteger = 0x02;
constexpr uint8_t kDerOctetString = 0x04;

// Bytes of Turin's; others have 64.
constexpr size_t kLeastHwid = 8;

// An INTEGER from 0 to 255; nothing for anything else.
std::optional<uint8_t> SmallInteger(const std::vector<uint8_t>& der) {
  if (der.size() < 3 || der[0] != kDerInteger || der[1] != der.size() - 2) return std::nullopt;
  if (der.size() == 3 && der[2] < 0x80) return der[2];
  if (der.size() == 4 && der[2] == 0) return der[3];
  return std::nullopt;
}

Result<> CheckPart(const Certificate& vek, const char* oid, std::string_view part, uint8_t reported,
                   std::string_view name) {
  const std::optional<std::vector<uint8_t>> extension = vek.Extension(oid);
  if (!extension) {
    return InvalidInput(fmt::format("{}: certificate '{}' says nothing of the {} version", name,
                                    vek.CommonName(), part),
                        "give the VCEK or VLEK certificate of this machine first in --cert");
  }
  const std::optional<uint8_t> certified = SmallInteger(*extension);
  if (certified == reported) return {};
  return InvalidInput(
      fmt::format("{}: reported {} version: {} expected by the certificate, found {}", name, part,
                  certified ? std::to_string(*certified) : "nothing readable", reported),
      "fetch the certificate for the report's chip and reported TCB");
}

Result<> CheckTcb(const SnpReport& report, const Certificate& vek, std::string_view name) {
  const SnpTcb tcb = report.Tcb(report.reported_tcb);
  SEALVM_TRY(CheckPart(vek, kOidBootLoader, "boot loader", tcb.boot_loader, name));
  SEALVM_TRY(CheckPart(vek, kOidTee, "TEE", tcb.tee, name));
  SEALVM_TRY(CheckPart(vek, kOidSnp, "SNP", tcb.snp, name));
  SEALVM_TRY(CheckPart(vek, kOidMicrocode, "microcode", tcb.microcode, name));
  if (tcb.fmc) SEALVM_TRY(CheckPart(vek, kOidFmc, "FMC", *tcb.fmc, name));
  return {};
}

bool StartsZeroPadded(std::span<const uint8_t> field, std::span<const uint8_t> start) {
  if (start.size() < kLeastHwid || start.size() > field.size()) return false;
  return std::ranges::equal(start, field.first(start.size())) &&
         IsZero(field.subspan(start.size()));
}

// HWID is the chip's ID itself, on some chips wrapped in an OCTET STRING.
bool SameChip(std::span<const uint8_t> hwid, std::span<const uint8_t> chip_id) {
  if (StartsZeroPadded(chip_id, hwid)) return true;
  return hwid.size() > 2 && hwid[0] == kDerOctetString && hwid[1] == hwid.size() - 2 &&
         StartsZeroPadded(chip_id, hwid.subspan(2));
}

Result<> CheckChip(const SnpReport& report, const Certificate& vek, std::string_view name) {
  // A VLEK belongs to an operator, not to a chip; a masked chip ID is zero.
  const bool is_vcek = report.signing_key == static_cast<uint8_t>(SnpSigningKey::kVcek);
  const std::optional<std::vector<uint8_t>> hwid = vek.Extension(kOidHwid);
  if (!is_vcek || !hwid || IsZero(report.chip_id)) {
    return {};
  }
  if (SameChip(*hwid, report.chip_id)) return {};
  return InvalidInput(fmt::format("{}: the certificate is of another chip than the report", name),
                      "fetch the certificate for the report's chip ID");
}

Result<> CheckSignature(const SnpReport& report, const Certificate& vek, std::string_view name) {
  if (report.signature_algorithm != kSnpAlgorithmEcdsaP384Sha384) {
    return InvalidInput(
        fmt::format("{}: signed with algorithm {}, not ECDSA P-384 with SHA-384 (1)", name,
                    report.signature_algorithm),
        "a report of algorithm 0 or signing key 'none' is not signed at all");
  }
  const EcPublicKey key = SEALVM_TRY(vek.EcKey());
  const std::span<const uint8_t> bytes(report.bytes);
  const EcdsaSignature signature =
      SEALVM_TRY(ParseSnpSignature(bytes.subspan(kSnpReportSignedSize, kSnpSignatureSize), name));
  if (VerifyEcdsa(key, Sha384Of(bytes.first(kSnpReportSignedSize)), signature)) return {};
  return InvalidInput(
      fmt::format("{}: certificate '{}' did not sign this report", name, vek.CommonName()),
      "the report was changed, or the certificate is not the first in --cert, of "
      "another chip or of another TCB version");
}

}  // namespace

Result<SignatureVerdict> CheckSnpReportSignature(const SnpReport& report,
                                                 std::span<const Certificate> certificates,
                                                 std::string_view name) {
  if (certificates.empty()) return InvalidInput(fmt::format("{}: no certificate given", name));
  const Certificate& vek = certificates.front();
  SEALVM_TRY(CheckSignature(report, vek, name));
  SEALVM_TRY(CheckTcb(report, vek, name));
  SEALVM_TRY(CheckChip(report, vek, name));
  SignatureVerdict verdict = {.signer = vek.CommonName(), .chain_checked = false, .root = {}};
  std::vector<Certificate> roots;
  std::vector<Certificate> intermediates;
  for (const Certificate& certificate : certificates.subspan(1)) {
    (certificate.IsSelfIssued() ? roots : intermediates).push_back(certificate);
  }
  if (roots.empty()) return verdict;
  SEALVM_TRY(VerifyChain(vek, intermediates, roots, name));
  verdict.chain_checked = true;
  verdict.root =
      fmt::format("{}, SHA-256 {}", roots.front().CommonName(), roots.front().Fingerprint());
  return verdict;
}

}  // namespace sealvm::attestation
