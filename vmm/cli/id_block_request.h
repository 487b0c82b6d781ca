// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_ID_BLOCK_REQUEST_H_
#define SEALVM_VMM_CLI_ID_BLOCK_REQUEST_H_

#include <stdint.h>

#include <array>
#include <optional>
#include <string>

namespace sealvm {

// The ID block that `sealvm measure` writes for the digest it computes. Paths are empty when they
// are not given; all but the author's key are, or none.
struct IdBlockRequest {
  std::string id_key = {};      // PEM
  std::string author_key = {};  // PEM
  std::string id_block = {};    // written
  std::string id_auth = {};     // written
  // The owner's own numbers for the guest; zero when they are not given.
  std::optional<std::array<uint8_t, 16>> family_id = {};
  std::optional<std::array<uint8_t, 16>> image_id = {};
  std::optional<uint32_t> guest_svn = {};

  bool wanted() const { return !id_block.empty(); }
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_ID_BLOCK_REQUEST_H_
