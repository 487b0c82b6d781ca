// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/sealed_launch.h"

#include <asm/kvm_para.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm_para.h>
#include <unistd.h>

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "memory/base/file_io.h"
#include "memory/memfd_provider.h"
#include "vmm/isolation/sealed/host_cpu.h"

namespace sealvm {
namespace {

constexpr uint64_t kMapGpaRangeExits = uint64_t{1} << KVM_HC_MAP_GPA_RANGE;

// SETUP_DTB of Linux' <asm/setup_data.h>.
constexpr uint32_t kSetupDtb = 2;

Result<> AskForExits(const MachineConfig& config, kvm::Vm& vm) {
  constexpr std::array kFiltered = {
      // Linux asks for SEV_STATUS once; no other MSR of SEV is there.
      kvm::Vm::FilteredMsr{.index = kMsrSevStatus, .accesses = KVM_MSR_FILTER_READ},
      // Belongs to the feature that makes Linux tell conversions; KVM leaves it to user space.
      kvm::Vm::FilteredMsr{.index = MSR_KVM_MIGRATION_CONTROL,
                           .accesses = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE},
  };
  SEALVM_TRY(vm.FilterMsrs(std::span(kFiltered).first(config.page_conversions ? 2 : 1)));
  const int hypercalls = SEALVM_TRY(vm.CheckExtension(KVM_CAP_EXIT_HYPERCALL));
  if ((static_cast<uint64_t>(hypercalls) & kMapGpaRangeExits) == 0) {
    return Refused("--isolation sealed: KVM does not leave KVM_HC_MAP_GPA_RANGE to user space",
                   "Linux 5.14 and later do");
  }
  return vm.EnableCap(KVM_CAP_EXIT_HYPERCALL, kMapGpaRangeExits);
}

// Regions by the names of the files that they came from, for what the loader may have to say.
std::vector<LoadedRegion> NameFiles(std::vector<LoadedRegion> regions, const BootSources& sources) {
  for (LoadedRegion& region : regions) {
    if (region.name.starts_with("kernel")) region.name = sources.kernel->name();
    if (region.name == "initrd") region.name = sources.initrd->name();
  }
  return regions;
}

Result<> WriteFile(const std::string& path, std::span<const uint8_t> bytes) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644));
  const auto failure = [&](const char* call) {
    std::unexpected<Error> error = SystemError(call, path, errno);
    error.error().kind = ErrorKind::kInvalidInput;
    return WithContext(std::move(error).error(), "--dump-fdt");
  };
  if (!file.valid()) return failure("open");
  if (WriteAll(file.get(), bytes) != 0) return failure("write");
  return {};
}

}  // namespace

Result<std::unique_ptr<SealedGuest>> CreateSealedGuest(const MachineConfig& config,
                                                       PrivateMemoryKind kind,
                                                       const kvm::System& system, kvm::Vm& vm) {
  if (config.page_conversions && ReadHostCpu().is_intel) {
    return Refused(
        "--page-conversions on: Linux tells its conversions by VMMCALL, which Intel's "
        "CPUs do not have",
        "use --page-conversions off");
  }
  const GuestLayout ram = SEALVM_TRY(GuestLayout::Create(config.memory_bytes));
  const auto address = SEALVM_TRY(PhysicalAddressBitsOf(SEALVM_TRY(system.SupportedCpuid())));
  const SealedLayout layout = SEALVM_TRY(SealedLayout::Create(ram, address, config.cpus));
  SEALVM_TRY(AskForExits(config, vm));
  return SealedGuest::Create({.kind = kind,
                              .policy = config.memory,
                              .memory_lock_limit = config.memory_lock_limit,
                              .guest_tells_conversions = config.page_conversions},
                             vm, layout);
}

Result<EntryState> LoadSealedGuest(SealedGuest& guest, BootSources& sources,
                                   const MachineConfig& config) {
  const SealedLayout& layout = guest.layout();
  sources.entry = EntryChoice::kLinux64;
  sources.encryption_mask = layout.c_mask();
  if (!config.kernel.empty()) {
    Handover handover;
    handover.ram = {layout.ram().ram().begin(), layout.ram().ram().end()};
    handover.c_bit = layout.c_bit();
    handover.cpus = config.cpus;
    sources.setup_data.push_back(
        {.type = kSetupDtb, .bytes = SEALVM_TRY(BuildKernelTree(handover, sources.cmdline))});
  }
  GuestMemory image = SEALVM_TRY(GuestMemory::Create(
      layout.ram(), SEALVM_TRY(MemfdProvider().Create(layout.ram().ram_size(), {}))));
  SEALVM_TRY(image.ExcludeFromDumps());
  const BootState state = SEALVM_TRY(LoadGuest(image, sources));
  const std::vector<LoadedRegion> regions = NameFiles(state.regions, sources);
  const EntryState entry = SEALVM_TRY(
      guest.Stage({.image = image, .regions = regions, .entry = state.entry, .cpus = config.cpus}));
  if (!config.dump_fdt.empty()) SEALVM_TRY(WriteFile(config.dump_fdt, guest.handover_tree()));
  return entry;
}

void AddMemoryStats(const SealedGuest& guest, MachineStats& stats) {
  const MemoryUsage::Snapshot private_half = guest.private_usage().Get();
  const MemoryUsage::Snapshot shared_half = guest.shared_usage().Get();
  const PageConversions::Counters counters = guest.conversions().counters();
  stats.memory_private_bytes = counters.private_bytes;
  stats.memory_shared_bytes = counters.shared_bytes;
  stats.memory_allocated_bytes = private_half.bytes + shared_half.bytes;
  stats.memory_provider = guest.private_memory().ProviderName();
  stats.private_memory = PrivateMemoryStats{.private_allocated_bytes = private_half.bytes,
                                            .private_peak_bytes = private_half.peak_bytes,
                                            .shared_allocated_bytes = shared_half.bytes,
                                            .shared_peak_bytes = shared_half.peak_bytes,
                                            .device_bytes = guest.guest_tells_conversions()
                                                                ? counters.shared_bytes
                                                                : guest.layout().ram().ram_size(),
                                            .refused_device_accesses = guest.view()->refused(),
                                            .conversions_to_shared = counters.to_shared,
                                            .conversions_to_private = counters.to_private,
                                            .conversions_refused = counters.refused};
}

SealedFace FaceOf(const SealedGuest& guest) {
  return {.c_bit = guest.layout().c_bit(),
          .conversions = true,
          .tell_conversions = guest.guest_tells_conversions(),
          .native_umip = ReadHostCpu().has_umip};
}

}  // namespace sealvm
