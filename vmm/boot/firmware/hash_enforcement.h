// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_HASH_ENFORCEMENT_H_
#define SEALVM_VMM_BOOT_FIRMWARE_HASH_ENFORCEMENT_H_

#include <optional>
#include <string>
#include <string_view>

#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/sev_metadata.h"

namespace sealvm {

// Whether a firmware refuses a kernel, initrd or command line whose SHA-256 is not in the kernel
// hash table. That it has an area for the table says nothing: OVMF's generic builds advertise one
// and link the BlobVerifier library that verifies nothing, so that a host may swap the kernel of a
// guest whose launch digest is right.
enum class HashEnforcement { kYes, kNo, kUnknown };

// "yes", "no", "unknown".
std::string_view HashEnforcementName(HashEnforcement enforcement);

struct HashEnforcementVerdict {
  HashEnforcement enforcement = HashEnforcement::kUnknown;
  std::string reason;  // a clause: "its drivers hold the code that ..."
};

// Yes for this build's guest-fw, byte by byte; for an image on the list of those known to; and for
// one whose unpacked drivers hold what edk2's verifying library
// (OvmfPkg/AmdSev/BlobVerifierLibSevHashes) compares with. Reads the image's bytes, which takes up
// to a second for one that is not on the list.
HashEnforcementVerdict JudgeHashEnforcement(const FirmwareImage& image,
                                            const std::optional<SevArea>& hash_area);

// For who wants a kernel measured: kInvalidInput with a firmware that is not sure to enforce it,
// because that is a promise which nobody keeps. When such a one is `allowed` it is the sentence to
// warn of it; empty for a firmware that enforces.
Result<std::string> CheckHashesEnforced(const FirmwareImage& image,
                                        const HashEnforcementVerdict& verdict, bool allowed);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_HASH_ENFORCEMENT_H_
