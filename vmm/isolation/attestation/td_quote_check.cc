// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/td_quote_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

constexpr uint16_t kPckChainInPem = 5;

// REPORTDATA of the quoting enclave is the SHA-256 of its key and authentication data, then zeroes.
Result<> CheckKeyBinding(const TdQuoteSignature& signature, std::string_view name) {
  std::vector<uint8_t> bound(signature.attestation_key_raw.begin(),
                             signature.attestation_key_raw.end());
  bound.insert(bound.end(), signature.qe_authentication_data.begin(),
               signature.qe_authentication_data.end());
  const Sha256Digest expected = Sha256Of(bound);
  const QeReportFacts qe = ReadQeReport(signature.qe_report);
  const std::span<const uint8_t> found(qe.report_data);
  if (std::ranges::equal(found.first(expected.size()), expected) &&
      IsZero(found.subspan(expected.size()))) {
    return {};
  }
  return InvalidInput(
      fmt::format("{}: the quoting enclave does not vouch for the attestation key", name));
}

}  // namespace

Result<SignatureVerdict> CheckTdQuoteSignature(const TdQuote& quote,
                                               std::span<const Certificate> roots,
                                               std::string_view name) {
  const TdQuoteSignature& signature = quote.signature;
  if (!VerifyEcdsa(signature.attestation_key, Sha256Of(quote.signed_bytes), signature.signature)) {
    return InvalidInput(fmt::format("{}: the attestation key did not sign this quote", name),
                        "the quote was changed");
  }
  SEALVM_TRY(CheckKeyBinding(signature, name));
  if (signature.certificate_type != kPckChainInPem) {
    return InvalidInput(fmt::format("{}: certificates of type {}, only a chain in PEM (5) is known",
                                    name, signature.certificate_type));
  }
  const std::vector<Certificate> chain =
      SEALVM_TRY(ParseCertificates(signature.certificates, name));
  const Certificate& pck = chain.front();
  const EcPublicKey pck_key = SEALVM_TRY(pck.EcKey());
  if (!VerifyEcdsa(pck_key, Sha256Of(signature.qe_report), signature.qe_report_signature)) {
    return InvalidInput(fmt::format(
        "{}: certificate '{}' did not sign the quoting enclave's report", name, pck.CommonName()));
  }
  SignatureVerdict verdict = {.signer = pck.CommonName(), .chain_checked = false, .root = {}};
  if (roots.empty()) return verdict;
  SEALVM_TRY(VerifyChain(pck, std::span(chain).subspan(1), roots, name));
  verdict.chain_checked = true;
  verdict.root =
      fmt::format("{}, SHA-256 {}", roots.front().CommonName(), roots.front().Fingerprint());
  return verdict;
}

}  // namespace sealvm::attestation
