// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_TESTING_VECTORS_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_TESTING_VECTORS_H_

#include <stdint.h>

#include <string>
#include <vector>

namespace sealvm::attestation {

// The path of a file that testdata/make_vectors.py made.
std::string VectorPath(const std::string& name);
// Its contents; aborts when it is not there.
std::vector<uint8_t> ReadVector(const std::string& name);

// fill() of make_vectors.py: bytes that count up from `start`.
template <typename T>
T Filled(uint8_t start) {
  T out = {};
  for (auto& byte : out) byte = start++;
  return out;
}

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_TESTING_VECTORS_H_
