// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_CERTIFICATE_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_CERTIFICATE_H_

#include <stdint.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/ecdsa.h"

struct x509_st;

namespace sealvm::attestation {

// An X.509 certificate (RFC 5280). Cheap to copy.
class Certificate {
 public:
  // The common name of the subject, printable ASCII; empty when it has none.
  std::string CommonName() const;
  // kInvalidInput for keys that are not of P-256 or P-384.
  Result<EcPublicKey> EcKey() const;
  // The contents of the extension with this dotted object identifier; nothing when it has none.
  std::optional<std::vector<uint8_t>> Extension(const char* oid) const;
  // Subject and issuer are one: a root.
  bool IsSelfIssued() const;
  // SHA-256 over the whole certificate.
  std::string Fingerprint() const;

  x509_st* get() const { return certificate_.get(); }

 private:
  friend Result<std::vector<Certificate>> ParseCertificates(std::span<const uint8_t> bytes,
                                                            std::string_view name);
  explicit Certificate(std::shared_ptr<x509_st> certificate)
      : certificate_(std::move(certificate)) {}

  std::shared_ptr<x509_st> certificate_;
};

// The most certificates that one file or quote may hold.
inline constexpr size_t kMaxCertificates = 16;

// One certificate in DER or some in PEM; at least one. Text between PEM blocks is skipped. Errors
// are kInvalidInput and begin with `name`.
Result<std::vector<Certificate>> ParseCertificates(std::span<const uint8_t> bytes,
                                                   std::string_view name);

// Checks signatures, validity in time and CA marks from `leaf` over `intermediates` to one of
// `roots`, which are trusted because they are given. kInvalidInput says what is wrong.
Result<> VerifyChain(const Certificate& leaf, std::span<const Certificate> intermediates,
                     std::span<const Certificate> roots, std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_CERTIFICATE_H_
