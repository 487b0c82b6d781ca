// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/confidential_exits.h"

#include <errno.h>

#include <algorithm>

#include "vmm/isolation/confidential/map_gpa_range.h"

namespace sealvm {
namespace {

// TDG.VP.VMCALL<GetTdVmCallInfo>, leaf 1, R11: the calls beyond the base that there are (Intel TDX
// Guest-Hypervisor Communication Interface 1.5, section 3.1).
constexpr uint64_t kInfoLeaf = 1;
constexpr uint64_t kHasSetupEventNotify = 1u << 1;

}  // namespace

void ConfidentialExits::LogOnce(std::atomic<bool>& logged, std::string_view what,
                                const Error& error) const {
  if (logged.exchange(true)) return;
  options_.logger.Log(LogLevel::kWarning, "{}: {}; further ones are not logged", what,
                      error.ToString());
}

void ConfidentialExits::OnHypercall(const kvm::HypercallExit& exit) {
  if (options_.ram == nullptr) {
    *exit.result = EINVAL;
    return;
  }
  if (const Result<> mapped = HandleMapGpaRange(*options_.ram, exit); !mapped) {
    LogOnce(refusal_logged_, "a page conversion of the guest failed", mapped.error());
  }
}

Result<> ConfidentialExits::OnMemoryFault(const kvm::MemoryFaultExit& exit) {
  if (options_.ram == nullptr) return HostError("a memory fault of a guest without private memory");
  return options_.ram->ResolveFault(exit.gpa, exit.size, exit.is_private);
}

void ConfidentialExits::OnTdCall(const kvm::TdxExit& exit, const kvm::Vcpu& vcpu) {
  switch (exit.number) {
    case kvm::TdxExit::kGetVmCallInfo:
      if (exit.operands[0] != kInfoLeaf || exit.info.empty()) return;
      std::ranges::fill(exit.info, 0);
      if (options_.quotes) exit.info[0] = kHasSetupEventNotify;
      *exit.result = tdx::vmcall_status::kSuccess;
      return;
    case kvm::TdxExit::kGetQuote:
      if (options_.quotes) {
        *exit.result = options_.quotes->GetQuote(exit.operands[0], exit.operands[1]);
      }
      return;
    case kvm::TdxExit::kSetupEventNotify:
      if (options_.quotes) {
        *exit.result = options_.quotes->SetupEventNotify(exit.operands[0], vcpu.id());
      }
      return;
    default:
      return;
  }
}

Result<> ConfidentialExits::OnCertificateRequest(const kvm::SnpCertsExit& exit, kvm::Vcpu& vcpu) {
  if (!options_.certificates) return IsolationExits::OnCertificateRequest(exit, vcpu);
  return options_.certificates->Answer(
      exit, *options_.view, [&] { return vcpu.CompleteExit(); },
      [this](const Error& error) {
        LogOnce(certificates_logged_, "the guest got no certificates", error);
      });
}

}  // namespace sealvm
