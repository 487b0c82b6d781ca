// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_EXCEPTIONS_H_
#define SEALVM_GUEST_FW_DIAG_EXCEPTIONS_H_

#include <stdint.h>

namespace sealvm::diag {

// Loads this program's GDT, IDT and TSS. From then on every exception that is not a call to ring 0
// prints what happened and ends the run as a guest panic.
void SetUpDescriptors();

// The GDT, for vCPUs that start later. Its address is below 4 GiB.
uint32_t GdtAddress();
uint16_t GdtLimit();

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_EXCEPTIONS_H_
