// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SNP_REPORT_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SNP_REPORT_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/crypto/digest.h"

namespace sealvm::attestation {

// An SNP guest's attestation report (AMD SEV-SNP Firmware ABI 1.58, section 7.3, table
// "ATTESTATION_REPORT Structure").
inline constexpr size_t kSnpReportSize = 0x4a0;
inline constexpr size_t kSnpReportSignedSize = 0x2a0;  // what lies before the signature
inline constexpr uint32_t kMinSnpReportVersion = 2;    // ABI 1.51
inline constexpr uint32_t kMaxSnpReportVersion = 5;    // ABI 1.58

// TCB_VERSION in its parts (section 2.2): 64 bits that are laid out differently from family 1Ah
// (Turin) on, where there is an FMC part as well.
struct SnpTcb {
  std::optional<uint8_t> fmc;
  uint8_t boot_loader = 0;
  uint8_t tee = 0;
  uint8_t snp = 0;
  uint8_t microcode = 0;

  bool operator==(const SnpTcb&) const = default;
};
SnpTcb ParseSnpTcb(uint64_t raw, bool has_fmc);
// "boot loader 3, TEE 0, SNP 20, microcode 209".
std::string DescribeSnpTcb(const SnpTcb& tcb);

// Which key signed.
enum class SnpSigningKey : uint8_t { kVcek = 0, kVlek = 1, kNone = 7 };

struct SnpCpuid {
  uint8_t family = 0;  // extended and base family added up
  uint8_t model = 0;   // extended and base model together
  uint8_t stepping = 0;

  bool operator==(const SnpCpuid&) const = default;
};

struct SnpFirmwareVersion {
  uint8_t major = 0;
  uint8_t minor = 0;
  uint8_t build = 0;

  bool operator==(const SnpFirmwareVersion&) const = default;
};

// The fields by their names in the specification. TCB words are raw; see Tcb().
struct SnpReport {
  uint32_t version = 0;
  uint32_t guest_svn = 0;
  uint64_t policy = 0;
  std::array<uint8_t, 16> family_id = {};
  std::array<uint8_t, 16> image_id = {};
  uint32_t vmpl = 0;
  uint32_t signature_algorithm = 0;
  uint64_t current_tcb = 0;
  uint64_t platform_info = 0;
  bool author_key_enabled = false;
  bool chip_key_masked = false;
  uint8_t signing_key = 0;  // SnpSigningKey or a value without meaning
  std::array<uint8_t, 64> report_data = {};
  Sha384Digest measurement = {};
  std::array<uint8_t, 32> host_data = {};
  Sha384Digest id_key_digest = {};
  Sha384Digest author_key_digest = {};
  std::array<uint8_t, 32> report_id = {};
  std::array<uint8_t, 32> report_id_ma = {};
  uint64_t reported_tcb = 0;
  std::optional<SnpCpuid> cpuid;  // version 3 and later
  std::array<uint8_t, 64> chip_id = {};
  uint64_t committed_tcb = 0;
  SnpFirmwareVersion current;
  SnpFirmwareVersion committed;
  uint64_t launch_tcb = 0;
  // Version 5 and later.
  std::optional<uint64_t> launch_mit_vector;
  std::optional<uint64_t> current_mit_vector;
  // The whole report, for the signature. kSnpReportSize bytes.
  std::vector<uint8_t> bytes;

  bool HasFmc() const { return cpuid && cpuid->family >= 0x1a; }
  SnpTcb Tcb(uint64_t raw) const { return ParseSnpTcb(raw, HasFmc()); }
};

// kInvalidInput for another size and for versions that are not known; `name` begins the message.
Result<SnpReport> ParseSnpReport(std::span<const uint8_t> bytes, std::string_view name);

// PLATFORM_INFO in words: "SMT on, ciphertext hiding on".
std::string DescribeSnpPlatformInfo(uint64_t platform_info);
// "VCEK", "VLEK", "none", "unknown (3)".
std::string SnpSigningKeyName(uint8_t key);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SNP_REPORT_H_
