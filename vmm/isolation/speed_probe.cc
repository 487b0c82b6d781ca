// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/speed_probe.h"

#include <fmt/format.h>

#include <chrono>

#include "guest-fw/speed_probe_image.h"
#include "memory/guest_memory.h"
#include "memory/memfd_provider.h"
#include "vmm/boot/entry_state.h"
#include "vmm/boot/page_tables.h"
#include "vmm/machine/vcpu_setup.h"

namespace sealvm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Gpa kProbeCode = 0x100000;
// Short enough for the slowest KVM, and steep enough to reach a measurable time in a few rounds.
constexpr uint64_t kFirstIterations = 1000;
constexpr uint64_t kGrowth = 10;
constexpr uint64_t kMaxIterations = 100'000'000;
constexpr std::chrono::milliseconds kLongEnough{2};

// The probe's VM: 2 MiB of RAM, one vCPU in long mode.
class SpeedProbe {
 public:
  static Result<SpeedProbe> Create(const kvm::System& system) {
    const GuestLayout layout = SEALVM_TRY(GuestLayout::Create(kMinRamSize));
    GuestMemory memory = SEALVM_TRY(
        GuestMemory::Create(layout, SEALVM_TRY(MemfdProvider().Create(kMinRamSize, {}))));
    kvm::Vm vm = SEALVM_TRY(system.CreateVm());
    SEALVM_TRY(vm.SetUserMemoryRegion({.slot = 0,
                                       .gpa = 0,
                                       .size = kMinRamSize,
                                       .hva = memory.HostAddressForMemslot(layout.low_ram())}));
    kvm::Vcpu vcpu = SEALVM_TRY(vm.CreateVcpu(0));
    SEALVM_TRY(vcpu.SetCpuid(SEALVM_TRY(system.SupportedCpuid())));
    const BootLayout boot;
    SEALVM_TRY(memory.Write(boot.gdt, BuildBootGdt(true)));
    SEALVM_TRY(memory.Write(boot.page_tables, BuildIdentityPageTables(boot.page_tables, 0)));
    SEALVM_TRY(memory.Write(kProbeCode, SpeedProbeImage()));
    return SpeedProbe(std::move(memory), std::move(vm), std::move(vcpu));
  }

  // How long the guest takes for `iterations` of its loop.
  Result<Clock::duration> Time(uint64_t iterations) {
    SEALVM_TRY(SetUpEntry(vcpu_, MakeLinux64Entry(BootLayout(), kProbeCode, 0)));
    kvm_regs regs = SEALVM_TRY(vcpu_.GetRegs());
    regs.rcx = iterations;
    SEALVM_TRY(vcpu_.SetRegs(regs));
    SEALVM_TRY(RunToWrite(kSpeedProbeStarted));
    const Clock::time_point begin = Clock::now();
    SEALVM_TRY(RunToWrite(kSpeedProbeFinished));
    return Clock::now() - begin;
  }

 private:
  SpeedProbe(GuestMemory memory, kvm::Vm vm, kvm::Vcpu vcpu)
      : memory_(std::move(memory)), vm_(std::move(vm)), vcpu_(std::move(vcpu)) {}

  Result<> RunToWrite(uint8_t value) {
    kvm::VcpuExit exit = kvm::InterruptedExit{};
    while (std::holds_alternative<kvm::InterruptedExit>(exit)) exit = SEALVM_TRY(vcpu_.Run());
    const auto* io = std::get_if<kvm::IoExit>(&exit);
    if (io != nullptr && io->is_write && io->port == kSpeedProbePort && io->data[0] == value) {
      return {};
    }
    return HostError(
        fmt::format("the speed probe guest made an unexpected exit: {}", kvm::ExitName(exit)));
  }

  GuestMemory memory_;
  kvm::Vm vm_;
  kvm::Vcpu vcpu_;
};

}  // namespace

Result<GuestSpeed> MeasureGuestSpeed(const kvm::System& system) {
  SpeedProbe probe = SEALVM_TRY(SpeedProbe::Create(system));
  uint64_t iterations = kFirstIterations;
  Clock::duration elapsed = SEALVM_TRY(probe.Time(iterations));
  while (elapsed < kLongEnough && iterations < kMaxIterations) {
    iterations *= kGrowth;
    elapsed = SEALVM_TRY(probe.Time(iterations));
  }
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double instructions = static_cast<double>(iterations * kSpeedProbeLoopInstructions);
  const double per_second = seconds > 0 ? instructions / seconds : instructions / 1e-9;
  return GuestSpeed{.kernel_mode_instructions_per_second = per_second,
                    .hardware_speed = per_second >= kHardwareSpeedThreshold};
}

}  // namespace sealvm
