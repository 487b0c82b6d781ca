// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_KERNEL_HASHES_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_KERNEL_HASHES_H_

#include <array>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/boot/image_file.h"
#include "vmm/crypto/digest.h"

namespace sealvm {

// What a firmware that verifies compares with what it loads (edk2
// OvmfPkg/AmdSev/BlobVerifierLibSevHashes).
struct KernelHashes {
  Sha256Digest kernel = {};   // the file, unmodified
  Sha256Digest initrd = {};   // the file; of nothing without one
  Sha256Digest cmdline = {};  // with its terminating NUL
};

// Reads the files in pieces. `initrd` may be null. kInvalidInput for a file of more than
// kMaxFirmwareLoadSize bytes, which no firmware could load.
Result<KernelHashes> HashKernelFiles(const ImageFile& kernel, const ImageFile* initrd,
                                     std::string_view cmdline);

// The table in the form that QEMU (target/i386/sev.c, PaddedSevHashTable) measures: GUID, u16
// length, an entry each for command line, initrd and kernel, zeros up to a multiple of 16. Always
// all three entries: the firmware takes whatever has none.
inline constexpr size_t kKernelHashTableSize = 176;
using KernelHashTable = std::array<uint8_t, kKernelHashTableSize>;
KernelHashTable MakeKernelHashTable(const KernelHashes& hashes);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_KERNEL_HASHES_H_
