// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/launch_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "vmm/cli/hex_text.h"
#include "vmm/cli/nearest_name.h"
#include "vmm/cli/value_text.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/measurement/cpu_models.h"

namespace sealvm {
namespace {

using Text = std::optional<std::string>;

template <std::string LaunchConfig::*kField>
Result<> ApplyPath(RunOptions& options, std::string_view text) {
  options.machine.launch.*kField = SEALVM_TRY(ParsePath(text));
  return {};
}

template <std::string LaunchConfig::*kField>
Text RenderPath(const RunOptions& options) {
  const std::string& path = options.machine.launch.*kField;
  return path.empty() ? Text() : Text(path);
}

template <bool LaunchConfig::*kField>
Result<> ApplySwitch(RunOptions& options, std::string_view text) {
  options.machine.launch.*kField = SEALVM_TRY(ParseSwitch(text));
  return {};
}

template <bool LaunchConfig::*kField>
Text RenderSwitch(const RunOptions& options) {
  return FormatSwitch(options.machine.launch.*kField);
}

template <auto kField>
Result<> ApplyBytes(RunOptions& options, std::string_view text) {
  std::remove_reference_t<decltype(*(options.machine.launch.*kField))> bytes;
  SEALVM_TRY(ParseHexBytes(text, bytes));
  options.machine.launch.*kField = bytes;
  return {};
}

template <auto kField>
Text RenderBytes(const RunOptions& options) {
  const auto& bytes = options.machine.launch.*kField;
  return bytes ? Text(HexText(*bytes)) : Text();
}

Result<> ApplyExpectedDigest(RunOptions& options, std::string_view text) {
  if (text.size() != 2 * sizeof(Sha256Digest) && text.size() != 2 * sizeof(Sha384Digest)) {
    return InvalidInput(fmt::format("'{}' has {} digits", text, text.size()),
                        "give the 96 of an snp or tdx guest's digest, or the 64 of a sev or sev-es "
                        "guest's");
  }
  std::vector<uint8_t> digest(text.size() / 2);
  SEALVM_TRY(ParseHexBytes(text, digest));
  options.machine.launch.expected_digest = std::move(digest);
  return {};
}

constexpr OptionSpec kOptions[] = {
    {"expect-digest", "HEX",
     "refuse to start unless this is the launch digest, as `sealvm measure` prints it",
     kLaunchGroup, ValueKind::kString, ApplyExpectedDigest,
     [](const RunOptions& o) -> Text {
       const auto& digest = o.machine.launch.expected_digest;
       return digest.empty() ? Text() : Text(HexText(digest));
     }},
    {"policy", "HEX", "the guest policy of sev, sev-es, snp (no debugging: 1, 5, 30000)",
     kLaunchGroup, ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.launch.policy =
           SEALVM_TRY(ParseHexNumber(text, std::numeric_limits<uint64_t>::max()));
       return {};
     },
     [](const RunOptions& o) -> Text {
       const auto policy = o.machine.launch.policy;
       return policy ? Text(fmt::format("{:#x}", *policy)) : Text();
     }},
    {"cpu-model", "NAME",
     "sev-es, snp: the vCPUs' signature, which is measured, by QEMU's name of a model, such as "
     "EPYC-Milan (the host's)",
     kLaunchGroup, ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.launch.vcpu_signature = SEALVM_TRY(ParseCpuModel(text));
       return {};
     },
     [](const RunOptions&) -> Text { return std::nullopt; }},
    {"vcpu-signature", "HEX", "or as CPUID(1).EAX", kLaunchGroup, ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.launch.vcpu_signature = static_cast<uint32_t>(
           SEALVM_TRY(ParseHexNumber(text, std::numeric_limits<uint32_t>::max())));
       return {};
     },
     [](const RunOptions& o) -> Text {
       const auto signature = o.machine.launch.vcpu_signature;
       return signature ? Text(fmt::format("{:#x}", *signature)) : Text();
     }},
    {"allow-unenforced-hashes", "on|off",
     "launch --kernel with a firmware that does not compare it with the measurement (off)",
     kLaunchGroup, ValueKind::kSwitch, ApplySwitch<&LaunchConfig::allow_unenforced_hashes>,
     RenderSwitch<&LaunchConfig::allow_unenforced_hashes>},
    {"guest-features", "HEX", "snp: SEV_FEATURES of the vCPUs (1)", kLaunchGroup,
     ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.launch.guest_features =
           SEALVM_TRY(ParseHexNumber(text, std::numeric_limits<uint64_t>::max()));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return fmt::format("{:#x}", o.machine.launch.guest_features);
     }},
    {"host-data", "HEX", "snp: 32 bytes that the guest's reports repeat", kLaunchGroup,
     ValueKind::kString, ApplyBytes<&LaunchConfig::host_data>,
     RenderBytes<&LaunchConfig::host_data>},
    {"id-block", "FILE", "snp: the owner's ID block; the CPU refuses another digest or policy",
     kLaunchGroup, ValueKind::kString, ApplyPath<&LaunchConfig::id_block>,
     RenderPath<&LaunchConfig::id_block>},
    {"id-auth", "FILE", "snp: the ID block's signatures and keys", kLaunchGroup, ValueKind::kString,
     ApplyPath<&LaunchConfig::id_auth>, RenderPath<&LaunchConfig::id_auth>},
    {"author-key", "on|off", "snp: --id-auth has an author key (off)", kLaunchGroup,
     ValueKind::kSwitch, ApplySwitch<&LaunchConfig::author_key>,
     RenderSwitch<&LaunchConfig::author_key>},
    {"vcek-disabled", "on|off", "snp: reports are not signed by the chip's own key (off)",
     kLaunchGroup, ValueKind::kSwitch, ApplySwitch<&LaunchConfig::vcek_disabled>,
     RenderSwitch<&LaunchConfig::vcek_disabled>},
    {"certs", "FILE", "snp: the certificate table for extended reports; Linux 7.0 and later",
     kLaunchGroup, ValueKind::kString, ApplyPath<&LaunchConfig::certificates>,
     RenderPath<&LaunchConfig::certificates>},
    {"sev-dh-cert", "FILE",
     "sev, sev-es: the owner's Diffie-Hellman certificate, as bytes or base64", kLaunchGroup,
     ValueKind::kString, ApplyPath<&LaunchConfig::dh_certificate>,
     RenderPath<&LaunchConfig::dh_certificate>},
    {"sev-session", "FILE", "sev, sev-es: the owner's launch session, as bytes or base64",
     kLaunchGroup, ValueKind::kString, ApplyPath<&LaunchConfig::session>,
     RenderPath<&LaunchConfig::session>},
    {"sev-measurement", "FILE",
     "sev, sev-es: write the launch's measurement to this file, or FIFO, as a line of JSON",
     kLaunchGroup, ValueKind::kString, ApplyPath<&LaunchConfig::measurement_file>,
     RenderPath<&LaunchConfig::measurement_file>},
    {"sev-secret", "FILE",
     "sev, sev-es: then read the owner's secret from this file, or FIFO: a header of 52 bytes and "
     "the packet",
     kLaunchGroup, ValueKind::kString, ApplyPath<&LaunchConfig::secret_file>,
     RenderPath<&LaunchConfig::secret_file>},
    {"mrconfigid", "HEX", "tdx: MRCONFIGID, 48 bytes", kLaunchGroup, ValueKind::kString,
     ApplyBytes<&LaunchConfig::mr_config_id>, RenderBytes<&LaunchConfig::mr_config_id>},
    {"mrowner", "HEX", "tdx: MROWNER, 48 bytes", kLaunchGroup, ValueKind::kString,
     ApplyBytes<&LaunchConfig::mr_owner>, RenderBytes<&LaunchConfig::mr_owner>},
    {"mrownerconfig", "HEX", "tdx: MROWNERCONFIG, 48 bytes", kLaunchGroup, ValueKind::kString,
     ApplyBytes<&LaunchConfig::mr_owner_config>, RenderBytes<&LaunchConfig::mr_owner_config>},
    {"quote-service", "ADDRESS", "tdx: who makes quotes: unix:PATH or vsock:CID:PORT", kLaunchGroup,
     ValueKind::kString, ApplyPath<&LaunchConfig::quote_service>,
     RenderPath<&LaunchConfig::quote_service>},
};

}  // namespace

std::span<const OptionSpec> LaunchOptionTable() { return kOptions; }

Result<uint32_t> ParseCpuModel(std::string_view text) {
  const auto model = std::ranges::find(CpuModels(), text, &CpuModel::name);
  if (model != CpuModels().end()) return model->signature;
  std::vector<std::string_view> names;
  for (const CpuModel& known : CpuModels()) names.push_back(known.name);
  std::string hint = Suggestion(text, names);
  return InvalidInput(fmt::format("'{}' is no CPU model known here", text),
                      hint.empty() ? "an EPYC model of QEMU's, or --vcpu-signature" : hint);
}

}  // namespace sealvm
