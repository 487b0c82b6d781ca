// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/ghcb_termination.h"

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "guest-fw/measured/failure.h"

namespace sealvm::sev {
namespace {

constexpr uint64_t kInfoMask = 0xfff;
constexpr uint64_t kTerminationRequest = 0x100;
constexpr unsigned kReasonSetShift = 12;
constexpr uint64_t kReasonSetMask = 0xf;
constexpr unsigned kReasonShift = 16;
constexpr uint64_t kReasonMask = 0xff;

constexpr uint8_t kSetGeneral = 0;
constexpr uint8_t kSetLinux = 1;
// guest-fw's (guest-fw/measured/snp_isolation.cc).
constexpr uint8_t kSetGuestFw = 0xf;

// The standard's, table "Termination Reason Codes".
constexpr std::string_view kGeneralReasons[] = {
    "no reason given",
    "the host's version of the GHCB protocol is not one it can use",
    "the host lacks an SNP feature that it needs",
};

// Linux, arch/x86/include/asm/sev-common.h, GHCB_TERM_*.
constexpr std::string_view kLinuxReasons[] = {
    "registering the GHCB failed",
    "a page state change failed",
    "PVALIDATE failed",
    "it does not run at VMPL 0",
    "the CPUID page is not valid",
    "asking the host for CPUID failed",
    "the secrets page is not valid",
    "the secrets page names no SVSM",
    "an SVSM is there but leaves VMPL 0 to it",
    "the SVSM's calling area is not page-aligned",
    "Secure TSC could not be set up",
    "the SVSM's calling area could not be mapped again",
    "Secure AVIC failed",
};

std::string_view Find(std::span<const std::string_view> reasons, uint8_t code) {
  return code < reasons.size() ? reasons[code] : "a reason without a name";
}

}  // namespace

std::optional<GhcbTermination> ParseGhcbTermination(uint64_t ghcb_msr) {
  if ((ghcb_msr & kInfoMask) != kTerminationRequest) return std::nullopt;
  return GhcbTermination{
      .reason_set = static_cast<uint8_t>(ghcb_msr >> kReasonSetShift & kReasonSetMask),
      .reason = static_cast<uint8_t>(ghcb_msr >> kReasonShift & kReasonMask)};
}

std::string DescribeGhcbTermination(uint64_t ghcb_msr) {
  const std::optional<GhcbTermination> end = ParseGhcbTermination(ghcb_msr);
  if (!end) return fmt::format("the guest ended itself (GHCB MSR {:#x})", ghcb_msr);
  if (end->reason_set == kSetGeneral) {
    return fmt::format("the guest gave up: {} (code {})", Find(kGeneralReasons, end->reason),
                       end->reason);
  }
  if (end->reason_set == kSetLinux) {
    return fmt::format("the guest gave up: {} (Linux, code {})", Find(kLinuxReasons, end->reason),
                       end->reason);
  }
  if (end->reason_set == kSetGuestFw) {
    return fmt::format("the guest gave up: {} (guest-fw, code {})",
                       measured::FailureText(static_cast<measured::Failure>(end->reason)),
                       end->reason);
  }
  return fmt::format("the guest gave up: code {} of reason set {}, which has no names", end->reason,
                     end->reason_set);
}

}  // namespace sealvm::sev
