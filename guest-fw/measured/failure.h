// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_FAILURE_H_
#define SEALVM_GUEST_FW_MEASURED_FAILURE_H_

#include <stdint.h>

namespace sealvm::measured {

// Why the firmware ends the guest. The numbers are what a hypervisor sees of it, as the reason code
// of a GHCB termination request or the error code of a TD's fatal error; they do not change.
enum class [[nodiscard]] Failure : uint8_t{
    kNone = 0,
    // Of the platform.
    kGhcbVersion = 1,
    kNoSnpFeature = 2,
    kCBit = 3,
    kHypervisorAnswer = 4,
    kPageState = 5,
    kValidation = 6,
    kAlreadyValidated = 7,
    kCpuidPage = 8,
    kTdCall = 9,
    kAddressWidth = 10,
    kMapGpa = 11,
    kAccept = 12,
    kAlreadyAccepted = 13,
    // Of the machine's description.
    kTdHob = 20,
    kMemoryMap = 21,
    kNoFwCfg = 22,
    kFwCfgTransfer = 23,
    kFwCfgFile = 24,
    kAcpiScript = 25,
    kAcpiMemory = 26,
    kAcpiTables = 27,
    // Of what is booted.
    kNoKernel = 40,
    kKernelHeader = 41,
    kKernelSize = 42,
    kInitrdSize = 43,
    kCmdlineSize = 44,
    kNoHashes = 45,
    kHashTable = 46,
    kKernelMismatch = 47,
    kInitrdMismatch = 48,
    kCmdlineMismatch = 49,
};

// A clause for people, at most kMaxFailureText characters.
inline constexpr unsigned kMaxFailureText = 54;
const char* FailureText(Failure failure);

// Returns from the enclosing function unless `expression` gave kNone.
#define SEALVM_FW_TRY(expression)                                                    \
  do {                                                                               \
    const ::sealvm::measured::Failure sealvm_failure = (expression);                 \
    if (sealvm_failure != ::sealvm::measured::Failure::kNone) return sealvm_failure; \
  } while (false)

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_FAILURE_H_
