// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_GARBAGE_H_
#define SEALVM_GUEST_FW_DIAG_GARBAGE_H_

#include "guest-fw/diag/acpi.h"

namespace sealvm::diag {

enum class GarbagePorts {
  kHarmless,  // without those by which a guest ends its run: the machine must survive it
  kAll,       // in order from 0: ends when the first of them is hit
};

// Writes and reads pseudo-random values of 1, 2 and 4 bytes at every I/O port, always the same
// ones. Afterwards the console works again and how many accesses were made is printed.
void WriteGarbage(GarbagePorts ports, const AcpiInfo& acpi);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_GARBAGE_H_
