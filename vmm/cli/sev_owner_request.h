// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_SEV_OWNER_REQUEST_H_
#define SEALVM_VMM_CLI_SEV_OWNER_REQUEST_H_

#include <string>
#include <vector>

#include "vmm/base/guid.h"

namespace sealvm {

// A secret for a guest, in the entry of this name.
struct SecretFile {
  Guid guid = {};
  std::string path = {};
};

// What the owner of a SEV or SEV-ES guest has for `sealvm measure --verify`: keys of 16 bytes, and
// the secrets that the guest gets when the measurement holds. Empty where they are not given.
struct SevOwnerRequest {
  std::string tik = {};
  std::string tek = {};
  std::vector<SecretFile> secrets = {};
  std::string packet = {};  // written
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_SEV_OWNER_REQUEST_H_
