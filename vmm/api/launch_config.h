// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_LAUNCH_CONFIG_H_
#define SEALVM_VMM_API_LAUNCH_CONFIG_H_

#include <stdint.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace sealvm {

// What a launch in mode sev, sev-es, snp or tdx takes besides the machine itself. Plain data, each
// field for some of the modes: ValidateConfig refuses what the mode does not have. Paths of files
// are empty for none.
struct LaunchConfig {
  // A register of a TD's measurement that its owner fills (Intel TDX Module ABI, TD_PARAMS).
  using TdRegister = std::array<uint8_t, 48>;

  // The digest that the launch must have: the machine is refused with another.
  std::vector<uint8_t> expected_digest;
  // SEV, SEV-ES, SNP: the guest policy; nothing: the mode's default.
  std::optional<uint64_t> policy;
  // CPUID(1).EAX of the vCPUs, which SEV-ES and SNP measure; nothing: the host's.
  std::optional<uint32_t> vcpu_signature;
  // A kernel is launched even by a firmware that does not compare it with the measurement.
  bool allow_unenforced_hashes = false;

  // SNP: SEV_FEATURES of the vCPUs, with bit 0, which every SNP guest has.
  uint64_t guest_features = 1;
  std::optional<std::array<uint8_t, 32>> host_data;
  // The owner's ID block (96 bytes) and ID authentication (4096 bytes): both or none.
  std::string id_block;
  std::string id_auth;
  bool author_key = false;     // the ID authentication has an author key
  bool vcek_disabled = false;  // reports are not signed by the chip's own key
  // The certificate table that the guest gets with its extended reports.
  std::string certificates;

  // SEV, SEV-ES: the owner's key and session, both or none.
  std::string dh_certificate;
  std::string session;
  // Files, or FIFOs: one that the launch's measurement is written to, and one that the owner's
  // secret is then read from (vmm/isolation/sev/launch_owner.h).
  std::string measurement_file;
  std::string secret_file;

  // TDX.
  std::optional<TdRegister> mr_config_id;
  std::optional<TdRegister> mr_owner;
  std::optional<TdRegister> mr_owner_config;
  // Who makes quotes of the guest's reports: "unix:PATH", "vsock:CID:PORT"; empty: nobody.
  std::string quote_service;

  friend bool operator==(const LaunchConfig&, const LaunchConfig&) = default;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_API_LAUNCH_CONFIG_H_
