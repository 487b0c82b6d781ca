// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEV_GHCB_TERMINATION_H_
#define SEALVM_VMM_ISOLATION_SEV_GHCB_TERMINATION_H_

#include <stdint.h>

#include <optional>
#include <string>

namespace sealvm::sev {

// A guest's wish to end, as it lies in the GHCB MSR (SEV-ES Guest-Hypervisor Communication Block
// Standardization 2.04, section 2.3.1, "Termination Request").
struct GhcbTermination {
  uint8_t reason_set = 0;  // 0: the standard's, 1: Linux'
  uint8_t reason = 0;
};

// Nothing when `ghcb_msr`, the word of KVM's SEV_TERM event, asks for something else.
std::optional<GhcbTermination> ParseGhcbTermination(uint64_t ghcb_msr);

// "the guest gave up: page state change failed (Linux, code 1)".
std::string DescribeGhcbTermination(uint64_t ghcb_msr);

}  // namespace sealvm::sev

#endif  // SEALVM_VMM_ISOLATION_SEV_GHCB_TERMINATION_H_
