// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_EVIDENCE_FILE_H_
#define SEALVM_VMM_CLI_EVIDENCE_FILE_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/evidence.h"

namespace sealvm {

// All bytes of a file of 1 to `limit` bytes; errors are kInvalidInput and begin with `option`, if
// given, and `path`.
Result<std::vector<uint8_t>> ReadWholeFile(const std::string& path, std::string_view option,
                                           uint64_t limit);

// The evidence in a file; nothing when its start is that of none.
Result<std::optional<attestation::Evidence>> ReadEvidence(const std::string& path);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_EVIDENCE_FILE_H_
