// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_IDENTITY_H_
#define SEALVM_GUEST_FW_DIAG_IDENTITY_H_

#include <stdint.h>

#include <string_view>

#include "guest-fw/diag/sev_face.h"

namespace sealvm::diag {

// Who this processor and its hypervisor say they are, by CPUID and MSRs.

// Whether the guest has a C-bit, and which.
SevFace ReadSevFace();

bool IsTdx();

// The vendor of the hypervisor leaf 0x40000000 (12 characters, kept in `storage`), or "none".
std::string_view HypervisorText(char (&storage)[16]);

// The brand string, or vendor, family, model and stepping when there is none.
std::string_view ProcessorText(char (&storage)[64]);

// TSC ticks per second from CPUID 0x40000010 or 0x15; 0 when neither is there.
uint64_t TscHertz();

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_IDENTITY_H_
