// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/testing_vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>

namespace sealvm::attestation {

std::string VectorPath(const std::string& name) {
  return "vmm/isolation/attestation/testdata/" + name;
}

std::vector<uint8_t> ReadVector(const std::string& name) {
  std::ifstream file(VectorPath(name), std::ios::binary);
  if (!file) {
    fprintf(stderr, "no test vector %s\n", name.c_str());
    abort();
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace sealvm::attestation
