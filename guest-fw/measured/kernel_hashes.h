// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_KERNEL_HASHES_H_
#define SEALVM_GUEST_FW_MEASURED_KERNEL_HASHES_H_

#include <stddef.h>
#include <stdint.h>

#include "guest-fw/loader/sha256.h"
#include "guest-fw/measured/failure.h"

namespace sealvm::measured {

// What may be booted, by SHA-256 (edk2 OvmfPkg/AmdSev/BlobVerifierLibSevHashes).
struct KernelHashes {
  loader::Sha256Digest kernel = {};   // the file
  loader::Sha256Digest initrd = {};   // of nothing without one
  loader::Sha256Digest cmdline = {};  // with its terminating NUL
};

// Reads the table at the start of an area. `*present` is false when the area is all zeros.
// kHashTable for a table that is malformed, has an entry twice, one that is not known, or lacks one
// of the three: unlike OVMF, nothing is booted that has no entry.
Failure ParseKernelHashes(const uint8_t* area, size_t size, bool* present, KernelHashes* hashes);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_KERNEL_HASHES_H_
