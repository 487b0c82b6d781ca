// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SIGNATURE_VERDICT_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SIGNATURE_VERDICT_H_

#include <string>

namespace sealvm::attestation {

// What a signature check that found nothing wrong is worth.
struct SignatureVerdict {
  // The certificate that vouches for the signing key.
  std::string signer;
  // A chain from it to a root that the user gave was checked. Without it, anybody could have made
  // both the signature and the certificate.
  bool chain_checked = false;
  // The common name and SHA-256 fingerprint of the root at the end of the chain; the root is only
  // as good as where the user had it from.
  std::string root;
};

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SIGNATURE_VERDICT_H_
