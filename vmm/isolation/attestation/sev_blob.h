// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SEV_BLOB_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SEV_BLOB_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"

namespace sealvm::attestation {

// The most bytes that a file for DecodeSevBlob can have: base64 in lines.
constexpr size_t MaxSevBlobFile(size_t size) { return 2 * size + 64; }

// `size` bytes that a file has as they are, or in base64 (RFC 4648, section 4) with any white
// space: sevctl writes keys in the one form, session and certificate in the other. kInvalidInput
// for another size or what is neither; `name` begins the message.
Result<std::vector<uint8_t>> DecodeSevBlob(std::span<const uint8_t> file, size_t size,
                                           std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SEV_BLOB_H_
