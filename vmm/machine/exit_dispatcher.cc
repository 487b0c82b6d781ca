// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/exit_dispatcher.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "vmm/isolation/sev/ghcb_termination.h"
#include "vmm/isolation/tdx/fatal_error.h"

namespace sealvm {
namespace {

ExitReport FatalReport(std::string message, std::string hint = {}) {
  return {.reason = ExitReason::kError,
          .error = Error{ErrorKind::kHost, std::move(message), std::move(hint), 0}};
}

// A confidential guest ended itself.
ExitReport GaveUp(std::string words) {
  return {.reason = ExitReason::kPanic, .error = Error{ErrorKind::kHost, std::move(words), {}, 0}};
}

ExitReport DescribeEvent(const kvm::Vcpu& vcpu, const kvm::SystemEventExit& exit) {
  switch (exit.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
      return {.reason = ExitReason::kPowerOff};
    case KVM_SYSTEM_EVENT_RESET:
      return {.reason = ExitReason::kReset};
    case KVM_SYSTEM_EVENT_CRASH:
      return {.reason = ExitReason::kPanic};
    case KVM_SYSTEM_EVENT_SEV_TERM:
      return GaveUp(sev::DescribeGhcbTermination(exit.data[0]));
    case KVM_SYSTEM_EVENT_TDX_FATAL:
      return GaveUp(tdx::DescribeFatalError(tdx::ParseFatalError(
          std::span(exit.data).first(std::min(exit.words, exit.data.size())))));
    default:
      return FatalReport(fmt::format("vcpu {}: unknown system event {}", vcpu.id(), exit.type));
  }
}

}  // namespace

// Registers are the guest's secret where it has any.
std::string ExitDispatcher::WhereItStopped(kvm::Vcpu& vcpu) const {
  if (isolation_ == nullptr) {
    const Result<kvm_regs> regs = vcpu.GetRegs();
    if (regs) return fmt::format("vcpu {}, RIP {:#x}", vcpu.id(), uint64_t{regs->rip});
  }
  return fmt::format("vcpu {}", vcpu.id());
}

ExitReport ExitDispatcher::Describe(kvm::Vcpu& vcpu, const kvm::InternalErrorExit& exit) const {
  const std::string where = WhereItStopped(vcpu);
  if (exit.suberror != KVM_INTERNAL_ERROR_EMULATION) {
    return FatalReport(fmt::format("{}: KVM internal error {}", where, exit.suberror));
  }
  const std::span bytes = std::span(exit.instruction).first(exit.instruction_length);
  return FatalReport(fmt::format("{}: KVM cannot emulate the guest's instruction{}{:02x}", where,
                                 bytes.empty() ? "" : " ", fmt::join(bytes, " ")),
                     "the guest uses an instruction that this host's KVM emulates and does not "
                     "know, or it executes from where there is no memory");
}

std::optional<ExitReport> ExitDispatcher::Dispatch(kvm::Vcpu& vcpu, const kvm::VcpuExit& exit) {
  if (const auto* io = std::get_if<kvm::IoExit>(&exit)) {
    HandleIo(*io);
    return std::nullopt;
  }
  if (const auto* mmio = std::get_if<kvm::MmioExit>(&exit)) {
    HandleMmio(*mmio);
    return std::nullopt;
  }
  if (std::holds_alternative<kvm::InterruptedExit>(exit)) return std::nullopt;
  if (std::optional<Result<>> handled = HandleIsolation(vcpu, exit)) {
    if (*handled) return std::nullopt;
    Error error = std::move(*handled).error();
    error.message = fmt::format("{}: {}", WhereItStopped(vcpu), error.message);
    return ExitReport{.reason = ExitReason::kError, .error = std::move(error)};
  }
  if (std::holds_alternative<kvm::ShutdownExit>(exit)) {
    return ExitReport{.reason = ExitReason::kTripleFault};
  }
  if (const auto* event = std::get_if<kvm::SystemEventExit>(&exit)) {
    return DescribeEvent(vcpu, *event);
  }
  if (const auto* error = std::get_if<kvm::InternalErrorExit>(&exit)) {
    return Describe(vcpu, *error);
  }
  if (const auto* entry = std::get_if<kvm::FailEntryExit>(&exit)) {
    return FatalReport(fmt::format("{}: the CPU refused the vCPU's state, hardware reason {:#x}",
                                   WhereItStopped(vcpu), entry->reason));
  }
  if (const auto* other = std::get_if<kvm::UnexpectedExit>(&exit)) {
    return FatalReport(
        fmt::format("{}: unexpected KVM exit reason {}", WhereItStopped(vcpu), other->reason));
  }
  if (const auto* fault = std::get_if<kvm::MemoryFaultExit>(&exit)) {
    return FatalReport(fmt::format("{}: there is no {} memory at GPA {:#x}", WhereItStopped(vcpu),
                                   fault->is_private ? "private" : "shared", fault->gpa));
  }
  // HLT has a local APIC to wait in, and hypercalls and MSRs come only to machines that asked for
  // them.
  return FatalReport(
      fmt::format("{}: {} reached user space", WhereItStopped(vcpu), kvm::ExitName(exit)));
}

std::optional<Result<>> ExitDispatcher::HandleIsolation(kvm::Vcpu& vcpu,
                                                        const kvm::VcpuExit& exit) {
  if (isolation_ == nullptr) return std::nullopt;
  if (const auto* hypercall = std::get_if<kvm::HypercallExit>(&exit)) {
    isolation_->OnHypercall(*hypercall);
    return Result<>();
  }
  if (const auto* msr = std::get_if<kvm::MsrExit>(&exit)) {
    isolation_->OnMsr(*msr);
    return Result<>();
  }
  if (const auto* fault = std::get_if<kvm::MemoryFaultExit>(&exit)) {
    return isolation_->OnMemoryFault(*fault);
  }
  if (const auto* call = std::get_if<kvm::TdxExit>(&exit)) {
    isolation_->OnTdCall(*call, vcpu);
    return Result<>();
  }
  if (const auto* request = std::get_if<kvm::SnpCertsExit>(&exit)) {
    return isolation_->OnCertificateRequest(*request, vcpu);
  }
  return std::nullopt;
}

void ExitDispatcher::HandleIo(const kvm::IoExit& io) {
  // String I/O comes as several accesses to one port.
  for (uint32_t i = 0; i < io.count; ++i) {
    const std::span<uint8_t> access = io.data.subspan(size_t{i} * io.width, io.width);
    if (io.is_write) {
      pio_.Write(io.port, access);
    } else {
      pio_.Read(io.port, access);
    }
  }
}

void ExitDispatcher::HandleMmio(const kvm::MmioExit& mmio) {
  if (mmio.is_write) {
    mmio_.Write(mmio.gpa, mmio.data);
  } else {
    mmio_.Read(mmio.gpa, mmio.data);
  }
}

}  // namespace sealvm
