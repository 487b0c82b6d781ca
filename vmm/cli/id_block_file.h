// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_ID_BLOCK_FILE_H_
#define SEALVM_VMM_CLI_ID_BLOCK_FILE_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <string>

#include "memory/base/result.h"
#include "vmm/cli/id_block_request.h"
#include "vmm/isolation/attestation/snp_id_block.h"

namespace sealvm {

// Signs the ID block for a launch with this digest (48 bytes) and policy, and writes it and its
// authentication: each file whole or not at all. Returns the digests of the keys, which the guest's
// reports will have. kInvalidInput for keys and paths that cannot be used; the file of a key is
// never overwritten.
Result<attestation::IdAuthFacts> WriteIdBlock(const IdBlockRequest& request,
                                              std::span<const uint8_t> digest, uint64_t policy);

// What `sealvm inspect` says of an ID block or an ID authentication, as text or JSON; nothing when
// the file is neither by its size and fields. No signature is checked.
Result<std::optional<std::string>> InspectIdBlock(const std::string& path, bool json);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_ID_BLOCK_FILE_H_
