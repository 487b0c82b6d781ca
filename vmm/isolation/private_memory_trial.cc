// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/private_memory_trial.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <optional>
#include <string>
#include <utility>

#include "guest-fw/micro/private_probe_image.h"
#include "memory/guest_memory.h"
#include "memory/memfd_provider.h"
#include "vmm/boot/entry_state.h"
#include "vmm/boot/page_tables.h"
#include "vmm/machine/vcpu_setup.h"

namespace sealvm {
namespace {

constexpr Gpa kProbeCode = 0x100000;
constexpr Gpa kPrivateBase = 0x40000000;
constexpr uint64_t kPrivateSize = 16 * kPageSize;
// The probe makes eight; more means that it went astray.
constexpr int kMaxExits = 32;

// What the guest was about to do.
std::string_view StepText(uint8_t step) {
  switch (static_cast<PrivateProbeStep>(step)) {
    case PrivateProbeStep::kStore:
      return "a store to private memory";
    case PrivateProbeStep::kLoad:
      return "a load from private memory";
    case PrivateProbeStep::kExecute:
      return "a jump into private memory";
    case PrivateProbeStep::kCpuid:
      return "CPUID in private memory";
    case PrivateProbeStep::kMsr:
      return "RDMSR in private memory";
    case PrivateProbeStep::kControlRegister:
      return "moves of control registers in private memory";
    case PrivateProbeStep::kHalt:
      return "HLT in private memory";
  }
  return "its first instruction";
}

// What an exit that should not have come says about this KVM.
std::string ReasonOf(const kvm::VcpuExit& exit) {
  if (std::holds_alternative<kvm::MmioExit>(exit)) {
    return "KVM took it for MMIO: it reaches guest memory through the host's mapping, which "
           "private "
           "memory does not have";
  }
  if (std::holds_alternative<kvm::ShutdownExit>(exit)) {
    return "the guest got an exception: KVM had to read the instruction in order to emulate it, "
           "and "
           "private memory cannot be read (the CPU, or its emulation, lacks next-RIP or decode "
           "assists)";
  }
  if (std::holds_alternative<kvm::InternalErrorExit>(exit)) {
    return "KVM had to emulate the instruction and could not read it";
  }
  if (std::holds_alternative<kvm::MemoryFaultExit>(exit)) {
    return "KVM found no page of the right kind";
  }
  return fmt::format("an unexpected exit: {}", kvm::ExitName(exit));
}

// The trial's VM: 2 MiB of ordinary RAM with the probe's code, some private pages above it.
class Trial {
 public:
  static Result<Trial> Create(PrivateMemoryKind kind, const kvm::System& system, kvm::Vm vm) {
    const GuestLayout layout = SEALVM_TRY(GuestLayout::Create(kMinRamSize));
    GuestMemory ram = SEALVM_TRY(
        GuestMemory::Create(layout, SEALVM_TRY(MemfdProvider().Create(kMinRamSize, {}))));
    SEALVM_TRY(vm.SetUserMemoryRegion({.slot = 0,
                                       .gpa = 0,
                                       .size = kMinRamSize,
                                       .hva = ram.HostAddressForMemslot(layout.low_ram())}));
    Mapping unmapped =
        SEALVM_TRY(Mapping::Create(kPrivateSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
                                   "address range of private memory"));
    auto memory = SEALVM_TRY(CreatePrivateMemory(kind, vm, kPrivateSize, {.prefault = true}));
    SEALVM_TRY(BindPrivateMemory(kind, vm, *memory,
                                 {.slot = 1,
                                  .gpa = kPrivateBase,
                                  .size = kPrivateSize,
                                  .unmapped_hva = reinterpret_cast<uint64_t>(unmapped.data())}));
    kvm::Vcpu vcpu = SEALVM_TRY(vm.CreateVcpu(0));
    SEALVM_TRY(vcpu.SetCpuid(SEALVM_TRY(system.SupportedCpuid())));
    Trial trial(std::move(ram), std::move(unmapped), std::move(memory), std::move(vm),
                std::move(vcpu));
    SEALVM_TRY(trial.Load());
    return trial;
  }

  // Why the guest did not come to its end; nothing if it did.
  Result<std::optional<std::string>> Run() {
    uint8_t step = 0;
    for (int exits = 0; exits < kMaxExits; ++exits) {
      const Result<kvm::VcpuExit> exit = vcpu_.Run();
      if (!exit) return fmt::format("{}: {}", StepText(step), exit.error().message);
      if (std::holds_alternative<kvm::InterruptedExit>(*exit)) continue;
      const auto* io = std::get_if<kvm::IoExit>(&*exit);
      if (io != nullptr && io->is_write && io->port == kPrivateProbePort) {
        if (io->data[0] == kPrivateProbeWrongValue) {
          return fmt::format("{}: a wrong value came back", StepText(step));
        }
        step = io->data[0];
        continue;
      }
      const bool halted = std::holds_alternative<kvm::HaltExit>(*exit);
      if (halted && step == static_cast<uint8_t>(PrivateProbeStep::kHalt)) return std::nullopt;
      return fmt::format("{}: {}", StepText(step), ReasonOf(*exit));
    }
    return fmt::format("{}: the guest went astray", StepText(step));
  }

 private:
  Trial(GuestMemory ram, Mapping unmapped, std::shared_ptr<PrivateMemory> memory, kvm::Vm vm,
        kvm::Vcpu vcpu)
      : ram_(std::move(ram)),
        unmapped_(std::move(unmapped)),
        memory_(std::move(memory)),
        vm_(std::move(vm)),
        vcpu_(std::move(vcpu)) {}

  Result<> Load() {
    const BootLayout boot;
    SEALVM_TRY(ram_.Write(boot.gdt, BuildBootGdt(true)));
    SEALVM_TRY(ram_.Write(boot.page_tables, BuildIdentityPageTables(boot.page_tables, 0)));
    SEALVM_TRY(ram_.Write(kProbeCode, PrivateProbeImage()));
    const EntryState entry = MakeLinux64Entry(boot, kProbeCode, 0);
    SEALVM_TRY(SetUpEntry(vcpu_, entry));
    kvm_regs regs = SEALVM_TRY(vcpu_.GetRegs());
    regs.rdi = kPrivateBase;
    regs.r9 = entry.cr3;
    return vcpu_.SetRegs(regs);
  }

  GuestMemory ram_;
  Mapping unmapped_;
  std::shared_ptr<PrivateMemory> memory_;
  kvm::Vm vm_;
  kvm::Vcpu vcpu_;
};

}  // namespace

Result<PrivateMemoryReport> TryPrivateMemory(PrivateMemoryKind kind, const kvm::System& system) {
  PrivateMemoryReport report;
  report.provider = PrivateMemoryKindName(kind);
  Result<kvm::Vm> vm = CreateVmFor(kind, system);
  if (!vm) {
    if (vm.error().kind != ErrorKind::kRefused) return std::unexpected(std::move(vm).error());
    report.reason = vm.error().ToString();
    return report;
  }
  report.present = true;
  Trial trial = SEALVM_TRY(Trial::Create(kind, system, *std::move(vm)));
  const std::optional<std::string> failure = SEALVM_TRY(trial.Run());
  report.works = !failure;
  report.reason = failure ? "the micro guest failed at " + *failure
                          : std::string("a micro guest ran in it and the host could not reach it");
  return report;
}

std::vector<PrivateMemoryReport> TryAllPrivateMemory(const kvm::System& system) {
  std::vector<PrivateMemoryReport> reports;
  for (const PrivateMemoryKind kind : kPrivateMemoryKinds) {
    Result<PrivateMemoryReport> report = TryPrivateMemory(kind, system);
    if (!report) {
      report = PrivateMemoryReport{.provider = std::string(PrivateMemoryKindName(kind)),
                                   .reason = report.error().ToString()};
    }
    reports.push_back(*std::move(report));
  }
  return reports;
}

Result<PrivateMemoryKind> SelectPrivateMemory(const kvm::System& system,
                                              std::span<const PrivateMemoryKind> kinds) {
  std::string reasons;
  for (const PrivateMemoryKind kind : kinds) {
    const Result<PrivateMemoryReport> report = TryPrivateMemory(kind, system);
    if (report && report->works) return kind;
    if (!reasons.empty()) reasons += "; ";
    reasons += fmt::format("{}: {}", PrivateMemoryKindName(kind),
                           report ? report->reason : report.error().ToString());
  }
  return Refused("no private memory works on this host (" + reasons + ")");
}

}  // namespace sealvm
