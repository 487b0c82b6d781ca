// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SECRET_TABLE_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SECRET_TABLE_H_

#include <stdint.h>

#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/base/guid.h"

namespace sealvm::attestation {

// The table that a launch secret carries, as OVMF hands it on and Linux' efi_secret module reads it
// (Linux Documentation/security/secrets/coco.rst; drivers/virt/coco/efi_secret/efi_secret.c): a
// header of GUID and total length, entries of GUID, length with this header, and secret.
inline constexpr Guid kSecretTableHeaderGuid = Guid::Of("1e74f542-71dd-4d66-963e-ef4287ff173b");
// The entry in which OVMF's boot loader looks for a disk's passphrase.
inline constexpr Guid kDiskPassphraseGuid = Guid::Of("736869e5-84f0-4973-92ec-06879ce3da0b");

struct SecretEntry {
  Guid guid = {};
  std::vector<uint8_t> secret;
};

// The table, padded with zeroes to a multiple of 16 bytes, for BuildSevSecretPacket. kInvalidInput
// when it is larger than `area_size`, the firmware's secret area.
Result<std::vector<uint8_t>> BuildSecretTable(std::span<const SecretEntry> entries,
                                              uint32_t area_size);

// kInvalidInput for what is no such table; `name` begins the message.
Result<std::vector<SecretEntry>> ParseSecretTable(std::span<const uint8_t> bytes,
                                                  std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SECRET_TABLE_H_
