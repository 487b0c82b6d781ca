// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "vmm/api/config.h"

namespace sealvm {
namespace {

// SEV_FEATURES bit 0 (AMD APM vol. 2, table B-4).
constexpr uint64_t kSnpActive = 1;

// The sizes of SHA-256 and SHA-384.
constexpr size_t kSevDigestSize = 32;
constexpr size_t kDigestSize = 48;

// One option, whether it is given, and the modes that have it.
struct Given {
  std::string_view option;
  bool is_given = false;
  bool sev = false, sev_es = false, snp = false, tdx = false;

  bool Fits(IsolationMode mode) const {
    return (mode == IsolationMode::kSev && sev) || (mode == IsolationMode::kSevEs && sev_es) ||
           (mode == IsolationMode::kSnp && snp) || (mode == IsolationMode::kTdx && tdx);
  }
  std::string Modes() const {
    std::string modes;
    for (const auto& [has, name] : {std::pair(sev, "sev"), std::pair(sev_es, "sev-es"),
                                    std::pair(snp, "snp"), std::pair(tdx, "tdx")}) {
      if (!has) continue;
      if (!modes.empty()) modes += " or ";
      modes += name;
    }
    return modes;
  }
};

Result<> CheckModes(IsolationMode mode, const LaunchConfig& launch) {
  const Given options[] = {
      {"--expect-digest", !launch.expected_digest.empty(), true, true, true, true},
      {"--policy", launch.policy.has_value(), true, true, true, false},
      {"--cpu-model and --vcpu-signature", launch.vcpu_signature.has_value(), true, true, true,
       false},
      {"--allow-unenforced-hashes", launch.allow_unenforced_hashes, true, true, true, false},
      {"--guest-features", launch.guest_features != kSnpActive, false, false, true, false},
      {"--host-data", launch.host_data.has_value(), false, false, true, false},
      {"--id-block", !launch.id_block.empty(), false, false, true, false},
      {"--id-auth", !launch.id_auth.empty(), false, false, true, false},
      {"--author-key", launch.author_key, false, false, true, false},
      {"--vcek-disabled", launch.vcek_disabled, false, false, true, false},
      {"--certs", !launch.certificates.empty(), false, false, true, false},
      {"--sev-dh-cert", !launch.dh_certificate.empty(), true, true, false, false},
      {"--sev-session", !launch.session.empty(), true, true, false, false},
      {"--sev-measurement", !launch.measurement_file.empty(), true, true, false, false},
      {"--sev-secret", !launch.secret_file.empty(), true, true, false, false},
      {"--mrconfigid", launch.mr_config_id.has_value(), false, false, false, true},
      {"--mrowner", launch.mr_owner.has_value(), false, false, false, true},
      {"--mrownerconfig", launch.mr_owner_config.has_value(), false, false, false, true},
      {"--quote-service", !launch.quote_service.empty(), false, false, false, true},
  };
  for (const Given& option : options) {
    if (option.is_given && !option.Fits(mode)) {
      return InvalidInput(std::string(option.option) + " needs --isolation " + option.Modes());
    }
  }
  return {};
}

Result<> CheckPairs(const LaunchConfig& launch) {
  if (launch.id_block.empty() != launch.id_auth.empty()) {
    return InvalidInput("--id-block and --id-auth need each other");
  }
  if (launch.author_key && launch.id_auth.empty()) {
    return InvalidInput("--author-key on needs --id-auth");
  }
  if (launch.dh_certificate.empty() != launch.session.empty()) {
    return InvalidInput("--sev-dh-cert and --sev-session need each other");
  }
  return {};
}

Result<> CheckDigestSize(IsolationMode mode, const LaunchConfig& launch) {
  const bool is_sha256 = mode == IsolationMode::kSev || mode == IsolationMode::kSevEs;
  const size_t size = is_sha256 ? kSevDigestSize : kDigestSize;
  if (launch.expected_digest.empty() || launch.expected_digest.size() == size) return {};
  return InvalidInput("--expect-digest: " + std::to_string(launch.expected_digest.size()) +
                          " bytes, where the digest of " + std::string(IsolationModeName(mode)) +
                          " has " + std::to_string(size),
                      "`sealvm measure` prints it");
}

}  // namespace

Result<> ValidateLaunch(const MachineConfig& config) {
  SEALVM_TRY(CheckModes(config.isolation, config.launch));
  if (!IsConfidential(config.isolation)) return {};
  if (config.memory.huge_pages != HugePages::kDefault) {
    return InvalidInput("--hugepages: guests of --isolation " +
                            std::string(IsolationModeName(config.isolation)) +
                            " have no huge pages",
                        "use --hugepages off");
  }
  SEALVM_TRY(CheckPairs(config.launch));
  if (config.isolation == IsolationMode::kSnp && (config.launch.guest_features & kSnpActive) == 0) {
    return InvalidInput("--guest-features: bit 0 is missing, which every SNP guest has");
  }
  return CheckDigestSize(config.isolation, config.launch);
}

}  // namespace sealvm
