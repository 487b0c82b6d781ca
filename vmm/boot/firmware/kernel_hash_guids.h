// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_KERNEL_HASH_GUIDS_H_
#define SEALVM_VMM_BOOT_FIRMWARE_KERNEL_HASH_GUIDS_H_

#include "vmm/base/guid.h"

namespace sealvm {

// The kernel hash table and its entries (edk2
// OvmfPkg/AmdSev/BlobVerifierLibSevHashes/BlobVerifierSevHashes.c; QEMU target/i386/sev.c).
inline constexpr Guid kKernelHashTableGuid = Guid::Of("9438d606-4f22-4cc9-b479-a793d411fd21");
inline constexpr Guid kCmdlineHashGuid = Guid::Of("97d02dd8-bd20-4c94-aa78-e7714d36ab2a");
inline constexpr Guid kInitrdHashGuid = Guid::Of("44baf731-3a2f-4bd7-9af1-41e29169781d");
inline constexpr Guid kKernelHashGuid = Guid::Of("4de79437-abd2-427f-b835-d5b172d2045b");

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_KERNEL_HASH_GUIDS_H_
