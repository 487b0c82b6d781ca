// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vcpu_exit.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>

namespace sealvm::kvm {
namespace {

// In the order of VcpuExit's alternatives.
constexpr std::array<std::string_view, kExitKinds> kNames = {
    "io",        "mmio",         "hlt", "shutdown", "system-event", "fail-entry",  "internal-error",
    "hypercall", "memory-fault", "msr", "tdx",      "snp-certs",    "interrupted", "unexpected"};

Result<VcpuExit> DecodeIo(kvm_run& run, size_t size) {
  const auto& io = run.io;
  const uint64_t bytes = uint64_t{io.size} * io.count;
  if (io.data_offset > size || bytes > size - io.data_offset) {
    return HostError(fmt::format("KVM_RUN: I/O data {:#x}+{:#x} lies outside the run page",
                                 uint64_t{io.data_offset}, bytes));
  }
  return IoExit{.port = io.port,
                .width = io.size,
                .count = io.count,
                .is_write = io.direction == KVM_EXIT_IO_OUT,
                .data = {reinterpret_cast<uint8_t*>(&run) + io.data_offset, bytes}};
}

Result<VcpuExit> DecodeMmio(kvm_run& run) {
  if (run.mmio.len > sizeof(run.mmio.data)) {
    return HostError(fmt::format("KVM_RUN: MMIO access of {} bytes", run.mmio.len));
  }
  return MmioExit{.gpa = run.mmio.phys_addr,
                  .is_write = run.mmio.is_write != 0,
                  .data = {run.mmio.data, run.mmio.len}};
}

SystemEventExit DecodeSystemEvent(const kvm_run& run) {
  SystemEventExit exit{.type = run.system_event.type};
  exit.words = std::min<size_t>(run.system_event.ndata, exit.data.size());
  std::copy_n(run.system_event.data, exit.words, exit.data.begin());
  return exit;
}

TdxExit DecodeTdx(kvm_run& run) {
  TdxExit exit{.number = run.tdx.nr, .result = reinterpret_cast<uint64_t*>(&run.tdx.unknown.ret)};
  switch (exit.number) {
    case TdxExit::kGetQuote:
      exit.operands = {run.tdx.get_quote.gpa, run.tdx.get_quote.size};
      break;
    case TdxExit::kSetupEventNotify:
      exit.operands = {run.tdx.setup_event_notify.vector, 0};
      break;
    case TdxExit::kGetVmCallInfo:
      exit.operands = {run.tdx.get_tdvmcall_info.leaf, 0};
      exit.info = {reinterpret_cast<uint64_t*>(&run.tdx.get_tdvmcall_info.r11), 4};
      break;
    default:
      break;
  }
  return exit;
}

SnpCertsExit DecodeSnpCerts(kvm_run& run) {
  return {.gpa = run.snp_req_certs.gpa,
          .pages = reinterpret_cast<uint64_t*>(&run.snp_req_certs.npages),
          .result = reinterpret_cast<uint64_t*>(&run.snp_req_certs.ret)};
}

InternalErrorExit DecodeInternalError(const kvm_run& run) {
  InternalErrorExit exit{.suberror = run.internal.suberror};
  const bool has_bytes =
      run.internal.suberror == KVM_INTERNAL_ERROR_EMULATION && run.emulation_failure.ndata >= 3 &&
      (run.emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0;
  if (has_bytes) {
    exit.instruction_length =
        std::min<size_t>(run.emulation_failure.insn_size, exit.instruction.size());
    memcpy(exit.instruction.data(), run.emulation_failure.insn_bytes, exit.instruction_length);
  }
  return exit;
}

HypercallExit DecodeHypercall(kvm_run& run) {
  HypercallExit exit{.number = run.hypercall.nr,
                     .result = reinterpret_cast<uint64_t*>(&run.hypercall.ret)};
  std::ranges::copy(run.hypercall.args, exit.arguments.begin());
  return exit;
}

MemoryFaultExit DecodeMemoryFault(const kvm_run& run) {
  return {.gpa = run.memory_fault.gpa,
          .size = run.memory_fault.size,
          .is_private = (run.memory_fault.flags & KVM_MEMORY_EXIT_FLAG_PRIVATE) != 0};
}

MsrExit DecodeMsr(kvm_run& run) {
  return {.index = run.msr.index,
          .is_write = run.exit_reason == KVM_EXIT_X86_WRMSR,
          .value = reinterpret_cast<uint64_t*>(&run.msr.data),
          .refused = &run.msr.error};
}

}  // namespace

Result<VcpuExit> DecodeExit(kvm_run& run, size_t size) {
  switch (run.exit_reason) {
    case KVM_EXIT_IO:
      return DecodeIo(run, size);
    case KVM_EXIT_MMIO:
      return DecodeMmio(run);
    case KVM_EXIT_HLT:
      return HaltExit{};
    case KVM_EXIT_SHUTDOWN:
      return ShutdownExit{};
    case KVM_EXIT_SYSTEM_EVENT:
      return DecodeSystemEvent(run);
    case KVM_EXIT_FAIL_ENTRY:
      return FailEntryExit{run.fail_entry.hardware_entry_failure_reason};
    case KVM_EXIT_INTERNAL_ERROR:
      return DecodeInternalError(run);
    case KVM_EXIT_HYPERCALL:
      return DecodeHypercall(run);
    case KVM_EXIT_MEMORY_FAULT:
      return DecodeMemoryFault(run);
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
      return DecodeMsr(run);
    case KVM_EXIT_TDX:
      return DecodeTdx(run);
    case KVM_EXIT_SNP_REQ_CERTS:
      return DecodeSnpCerts(run);
    case KVM_EXIT_INTR:
      return InterruptedExit{};
    default:
      return UnexpectedExit{run.exit_reason};
  }
}

std::string_view ExitName(const VcpuExit& exit) { return kNames[exit.index()]; }

std::string_view ExitNameByIndex(size_t index) { return kNames[index]; }

}  // namespace sealvm::kvm
