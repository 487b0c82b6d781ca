// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/measure_arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <initializer_list>
#include <limits>
#include <vector>

#include "vmm/cli/argument_list.h"
#include "vmm/cli/hex_text.h"
#include "vmm/cli/id_block_options.h"
#include "vmm/cli/launch_options.h"
#include "vmm/cli/sev_owner_options.h"
#include "vmm/cli/value_text.h"
#include "vmm/isolation/attestation/sev_policy.h"
#include "vmm/isolation/attestation/snp_policy.h"
#include "vmm/isolation/measurement/sev_launch.h"
#include "vmm/isolation/measurement/snp_launch.h"

namespace sealvm {
namespace {

Result<> SetIsolation(MeasureRequest& request, std::string_view text) {
  request.isolation = SEALVM_TRY(ParseIsolationMode(text));
  return {};
}

template <std::string MeasureRequest::*kMember>
Result<> SetPath(MeasureRequest& request, std::string_view text) {
  request.*kMember = SEALVM_TRY(ParsePath(text));
  return {};
}

Result<> SetCmdline(MeasureRequest& request, std::string_view text) {
  request.cmdline = text;
  return {};
}

Result<> SetCpus(MeasureRequest& request, std::string_view text) {
  request.cpus = static_cast<uint32_t>(SEALVM_TRY(ParseNumber(text, 1, kMaxMeasuredVcpus)));
  return {};
}

Result<> SetCpuModel(MeasureRequest& request, std::string_view text) {
  request.vcpu_signature = SEALVM_TRY(ParseCpuModel(text));
  return {};
}

Result<> SetVcpuSignature(MeasureRequest& request, std::string_view text) {
  request.vcpu_signature =
      static_cast<uint32_t>(SEALVM_TRY(ParseHexNumber(text, std::numeric_limits<uint32_t>::max())));
  return {};
}

Result<> SetGuestFeatures(MeasureRequest& request, std::string_view text) {
  request.guest_features = SEALVM_TRY(ParseHexNumber(text, std::numeric_limits<uint64_t>::max()));
  return {};
}

Result<> SetVmmType(MeasureRequest& request, std::string_view text) {
  request.vmm_type = SEALVM_TRY(ParseVmmType(text));
  return {};
}

Result<> SetSeedDigest(MeasureRequest& request, std::string_view text) {
  Sha384Digest digest;
  SEALVM_TRY(ParseHexBytes(text, digest));
  request.seed_digest = digest;
  return {};
}

Result<> SetMrtdOrder(MeasureRequest& request, std::string_view text) {
  request.mrtd_order = SEALVM_TRY(ParseMrtdOrder(text));
  return {};
}

Result<> SetPolicy(MeasureRequest& request, std::string_view text) {
  request.policy = SEALVM_TRY(ParseHexNumber(text, std::numeric_limits<uint64_t>::max()));
  return {};
}

Result<> SetAllowUnenforcedHashes(MeasureRequest& request, std::string_view text) {
  request.allow_unenforced_hashes = SEALVM_TRY(ParseSwitch(text));
  return {};
}

constexpr unsigned Modes(std::initializer_list<IsolationMode> modes) {
  unsigned bits = 0;
  for (const IsolationMode mode : modes) bits |= 1u << static_cast<unsigned>(mode);
  return bits;
}
constexpr unsigned kSnp = Modes({IsolationMode::kSnp});
constexpr unsigned kWithVmsa = Modes({IsolationMode::kSnp, IsolationMode::kSevEs});
constexpr unsigned kTdx = Modes({IsolationMode::kTdx});

constexpr MeasureOption kOptions[] = {
    {"isolation", "MODE", "snp, sev-es, sev or tdx", SetIsolation},
    {"firmware", "FILE",
     "the guest's firmware, an OVMF image, or guest-fw, the default of snp and tdx with --kernel",
     SetPath<&MeasureRequest::firmware>},
    {"kernel", "FILE",
     "a kernel that the firmware gets, and whose hash is measured (tdx: guest-fw alone)",
     SetPath<&MeasureRequest::kernel>},
    {"initrd", "FILE", "an initrd for the kernel", SetPath<&MeasureRequest::initrd>},
    {"cmdline", "STR", "the kernel's command line", SetCmdline},
    {"cpus", "N", "snp, sev-es: vCPUs, 1 to 4096; default 1", SetCpus, kWithVmsa},
    {"cpu-model", "NAME", "snp, sev-es: the vCPUs' model as QEMU names it, such as EPYC-Milan",
     SetCpuModel, kWithVmsa},
    {"vcpu-signature", "HEX", "snp, sev-es: or their CPUID(1).EAX", SetVcpuSignature, kWithVmsa},
    {"guest-features", "HEX", "snp: SEV_FEATURES; default 1", SetGuestFeatures, kSnp},
    {"vmm-type", "TYPE",
     "snp, sev-es: whose guest it is: qemu (and sealvm), ec2, gce or krun; default qemu",
     SetVmmType, kWithVmsa},
    {"seed-digest", "HEX", "snp: the digest after the firmware, instead of the firmware's pages",
     SetSeedDigest},
    {"mrtd-order", "ORDER", "tdx: one-pass (Linux 6.16 and later) or two-pass; default one-pass",
     SetMrtdOrder, kTdx},
    {"policy", "HEX", "the guest policy: checked and reported, no part of a digest", SetPolicy},
    {"allow-unenforced-hashes", "on|off",
     "measure a kernel for a firmware that will not compare it; default off",
     SetAllowUnenforcedHashes},
    {"id-key", "FILE", "snp: sign an ID block for this digest with this key (PEM, P-384)",
     SetIdBlockPath<&IdBlockRequest::id_key>},
    {"author-key", "FILE", "snp: sign the ID key with this one",
     SetIdBlockPath<&IdBlockRequest::author_key>},
    {"write-id-block", "FILE", "snp: where the ID block is written",
     SetIdBlockPath<&IdBlockRequest::id_block>},
    {"write-id-auth", "FILE", "snp: where its keys and signatures are written",
     SetIdBlockPath<&IdBlockRequest::id_auth>},
    {"family-id", "HEX", "snp: 16 bytes of the ID block; default 0", SetFamilyId},
    {"image-id", "HEX", "snp: 16 bytes of the ID block; default 0", SetImageId},
    {"guest-svn", "N", "snp: the guest's version in the ID block; default 0", SetGuestSvn},
    {"tik", "FILE", "sev, sev-es: with --verify, the owner's key that authenticates",
     SetSevOwnerPath<&SevOwnerRequest::tik>},
    {"tek", "FILE", "sev, sev-es: the owner's key that enciphers, for --write-secret",
     SetSevOwnerPath<&SevOwnerRequest::tek>},
    {.name = "secret",
     .placeholder = "GUID=FILE",
     .help = "sev, sev-es: a secret for the guest, in the entry of this name; repeat for more",
     .apply = AddSecret,
     .may_repeat = true},
    {"write-secret", "FILE",
     "sev, sev-es: where the secrets are written for 'run --sev-secret', once all of --verify "
     "holds",
     SetSevOwnerPath<&SevOwnerRequest::packet>},
};

bool IsSevFamily(IsolationMode mode) { return HasLaunchOwner(mode) || mode == IsolationMode::kSnp; }

Result<> CheckMode(IsolationMode mode) {
  if (IsSevFamily(mode) || mode == IsolationMode::kTdx) return {};
  constexpr std::string_view kHint = "one of snp, sev-es, sev, tdx";
  if (mode == IsolationMode::kSealed) {
    return InvalidInput(
        "--isolation: a sealed guest has no launch digest: its loader checks what is loaded, and "
        "no hardware vouches for the loader",
        std::string(kHint));
  }
  return InvalidInput(
      fmt::format("--isolation: nothing is measured in mode {}", IsolationModeName(mode)),
      std::string(kHint));
}

Result<> CheckPolicy(IsolationMode mode, uint64_t policy) {
  constexpr std::string_view kOption = "--policy";
  if (mode == IsolationMode::kTdx) {
    return InvalidInput(fmt::format("{}: a TD has attributes, no policy", kOption));
  }
  if (mode == IsolationMode::kSnp) return attestation::CheckSnpPolicy(policy, kOption);
  SEALVM_TRY(attestation::CheckSevPolicy(policy, mode == IsolationMode::kSevEs, kOption));
  return {};
}

// A launch measurement has none of the fields of a report.
Result<> CheckLaunchMeasurement(const VerifyRequest& verify) {
  for (const VerifyOption& option : VerifyOptions()) {
    if (option.text == &VerifyRequest::path || (verify.*option.text).empty()) continue;
    return InvalidInput(
        fmt::format("--{} is for reports and quotes, not for a launch measurement", option.name),
        option.text == &VerifyRequest::report_policy ? "give --policy" : "");
  }
  return {};
}

// What is given with --verify, which is compared by the word.
Result<> CheckVerify(MeasureRequest& request) {
  VerifyRequest& verify = request.verify;
  if (verify.path.empty()) {
    for (const VerifyOption& option : VerifyOptions()) {
      if (!(verify.*option.text).empty()) {
        return InvalidInput(fmt::format("--{} needs --verify", option.name));
      }
    }
    return {};
  }
  if (request.explain) {
    return InvalidInput("--explain shows a calculation and --verify a comparison: give one");
  }
  verify.json = request.json;
  verify.isolation = request.isolation;
  if (HasLaunchOwner(request.isolation)) return CheckLaunchMeasurement(verify);
  if (request.policy) {
    if (!verify.report_policy.empty()) {
      return InvalidInput("--policy and --report-policy say the same: give one");
    }
    verify.report_policy = fmt::format("{:#x}", *request.policy);
  }
  return {};
}

Result<> CheckVcpus(const MeasureRequest& request) {
  const bool measured =
      request.isolation == IsolationMode::kSnp || request.isolation == IsolationMode::kSevEs;
  if (measured && request.vmm_type == VmmType::kQemu && !request.vcpu_signature) {
    return InvalidInput(
        "--cpu-model or --vcpu-signature is needed: the vCPUs' registers, with "
        "their CPU's signature, are measured",
        "such as --cpu-model EPYC-Milan");
  }
  if (request.isolation == IsolationMode::kSnp &&
      (request.guest_features & kSevFeatureSnpActive) == 0) {
    return InvalidInput(
        fmt::format("--guest-features: {:#x} lacks bit 0, which every SNP guest has",
                    request.guest_features),
        fmt::format("{:#x}?", request.guest_features | kSevFeatureSnpActive));
  }
  return {};
}

Result<> Check(const MeasureRequest& request) {
  SEALVM_TRY(CheckMode(request.isolation));
  if (request.firmware.empty()) {
    return InvalidInput("measure: --firmware is needed: it is what is measured first",
                        "such as OVMF.amdsev.fd of Debian's ovmf-amdsev");
  }
  if (request.kernel.empty() && !request.initrd.empty()) {
    return InvalidInput("--initrd needs --kernel");
  }
  if (request.kernel.empty() && !request.cmdline.empty()) {
    return InvalidInput("--cmdline needs --kernel");
  }
  if (request.seed_digest && request.isolation != IsolationMode::kSnp) {
    return InvalidInput(
        fmt::format("--seed-digest is for snp, not for {}", IsolationModeName(request.isolation)));
  }
  if (request.policy) SEALVM_TRY(CheckPolicy(request.isolation, *request.policy));
  SEALVM_TRY(CheckIdBlockOptions(request));
  SEALVM_TRY(CheckSevOwnerOptions(request));
  return CheckVcpus(request);
}

bool MayRepeat(std::string_view name) {
  const auto option = std::ranges::find(kOptions, name, &MeasureOption::name);
  return option != std::end(kOptions) && option->may_repeat;
}

// Of an option that was given and does nothing.
void AddNote(const MeasureOption& option, MeasureRequest& request) {
  const auto note = [&](std::string_view where) {
    request.notes.push_back(fmt::format("note: --{} has no effect {}", option.name, where));
  };
  if ((option.modes & Modes({request.isolation})) == 0) {
    note(fmt::format("in mode {}", IsolationModeName(request.isolation)));
  } else if (request.vmm_type != VmmType::kQemu &&
             (option.apply == SetCpuModel || option.apply == SetVcpuSignature)) {
    // Those VMMs do not set the register that has it.
    note(fmt::format("with --vmm-type {}", VmmTypeName(request.vmm_type)));
  }
}

}  // namespace

std::span<const MeasureOption> MeasureOptionTable() { return kOptions; }

Result<std::optional<MeasureRequest>> ParseMeasureArguments(
    std::span<const char* const> arguments) {
  std::vector<std::string_view> names;
  for (const MeasureOption& option : kOptions) names.push_back(option.name);
  for (const VerifyOption& option : VerifyOptions()) names.push_back(option.name);
  NormalArguments normal = SEALVM_TRY(NormalizeArguments(arguments, names, MayRepeat));
  if (normal.asks_for_help) return std::nullopt;
  CLI::App app("", "measure");
  app.set_help_flag();
  std::vector<CLI::Option*> values, verify_values;
  for (const MeasureOption& option : kOptions) values.push_back(AddValueOption(app, option.name));
  for (const VerifyOption& option : VerifyOptions()) {
    verify_values.push_back(AddValueOption(app, option.name));
  }
  MeasureRequest request;
  app.add_flag("--json", request.json);
  app.add_flag("--explain", request.explain);
  names.insert(names.end(), {"json", "explain", "help"});
  SEALVM_TRY(ParseWith(app, std::move(normal.list), names));
  const auto given = [&](std::string_view name) { return app.count("--" + std::string(name)) > 0; };
  if (!given("isolation")) {
    return InvalidInput("measure: --isolation is needed: digests differ from mode to mode",
                        "one of snp, sev-es, sev, tdx");
  }
  if (given("cpu-model") && given("vcpu-signature")) {
    return InvalidInput("--cpu-model and --vcpu-signature say the same: give one");
  }
  for (size_t i = 0; i < values.size(); ++i) {
    for (const std::string& text : values[i]->results()) {
      Result<> applied = kOptions[i].apply(request, text);
      if (!applied) {
        return WithContext(std::move(applied).error(), fmt::format("--{}", kOptions[i].name));
      }
    }
  }
  for (size_t i = 0; i < verify_values.size(); ++i) {
    if (verify_values[i]->count() == 0) continue;
    const VerifyOption& option = VerifyOptions()[i];
    const std::string& text = verify_values[i]->results().front();
    if (text.empty()) return InvalidInput(fmt::format("--{}: is empty", option.name));
    request.verify.*option.text = text;
  }
  // As `run` does.
  if (request.firmware.empty() && !request.kernel.empty()) {
    request.firmware = DefaultFirmware(request.isolation);
  }
  SEALVM_TRY(Check(request));
  SEALVM_TRY(CheckVerify(request));
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i]->count() != 0) AddNote(kOptions[i], request);
  }
  return request;
}

}  // namespace sealvm
