// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_CERT_TABLE_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_CERT_TABLE_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/base/guid.h"

namespace sealvm::attestation {

// The certificate table that a host hands an SNP guest with an extended guest request (SEV-ES
// Guest-Hypervisor Communication Block Standardization 2.04, section 4.1.8.1): entries of GUID,
// offset and length of 24 bytes, one of zeroes, and the certificates.
inline constexpr Guid kGuidVcek = Guid::Of("63da758d-e664-4564-adc5-f4b93be8accd");
inline constexpr Guid kGuidVlek = Guid::Of("a8074bc2-a25a-483e-aae6-39c045a0b8a1");
inline constexpr Guid kGuidAsk = Guid::Of("4ab7b379-bbac-4fe4-a02f-05aef327c782");
inline constexpr Guid kGuidArk = Guid::Of("c0b406a4-a803-4952-9743-3fb6014cd0ae");
inline constexpr Guid kGuidCrl = Guid::Of("92f81bc3-5811-4d3d-97ff-d19f88dc67ea");

struct CertTableEntry {
  Guid guid = {};
  std::vector<uint8_t> certificate;
};

// A table may fill this many pages of the guest at most; ours, not the specification's.
inline constexpr size_t kMaxCertTableSize = 16 * 4096;
inline constexpr size_t kMaxCertTableEntries = 32;

// The table, zero-padded to whole pages of 4 KiB. kInvalidInput for empty certificates, too many
// or too large ones, and a zero GUID; `name` begins the message.
Result<std::vector<uint8_t>> BuildCertTable(std::span<const CertTableEntry> entries,
                                            std::string_view name);

// Reads a table; GUIDs of the names above are taken in either byte order, for both are met.
// kInvalidInput when there is no end, or a certificate does not lie inside `bytes` behind the
// entries.
Result<std::vector<CertTableEntry>> ParseCertTable(std::span<const uint8_t> bytes,
                                                   std::string_view name);

// "VCEK"; the GUID itself for others.
std::string CertTableEntryName(const Guid& guid);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_CERT_TABLE_H_
