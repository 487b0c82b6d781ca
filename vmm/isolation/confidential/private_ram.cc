// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/private_ram.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "memory/guest_memfd_provider.h"
#include "memory/lock_limit.h"
#include "memory/memfd_provider.h"
#include "memory/memory_cgroup.h"
#include "vmm/isolation/memslot_consumer.h"

namespace sealvm {
namespace {

constexpr Gpa kFirmwareTop = 4 * kGiB;

// A fault that was on its way when another vCPU converted the page comes once per vCPU and
// conversion; one that the kernel cannot resolve comes again and again.
constexpr unsigned kMaxIdleFaults = 1000;
// Bounds the memory for counting them.
constexpr size_t kMaxIdlePages = 4096;

bool Overlap(Gpa a, uint64_t a_size, Gpa b, uint64_t b_size) {
  return a < b ? b - a < a_size : a - b < b_size;
}

}  // namespace

Result<std::shared_ptr<PrivateMemory>> MakeGuestMemfd(kvm::Vm& vm, uint64_t size,
                                                      const MemoryPolicy& policy) {
  GuestMemfdProvider provider([&vm](uint64_t bytes) { return vm.CreateGuestMemfd(bytes, 0); });
  return provider.Create(size, policy);
}

Result<std::unique_ptr<PrivateRam>> PrivateRam::Create(const Options& options, kvm::Vm& vm) {
  const uint64_t bytes = options.layout.ram_size() + options.firmware_size;
  SEALVM_TRY(CheckMemoryLockLimit(bytes, options.memory_lock_limit));
  SEALVM_TRY(CheckMemoryCgroup(bytes, FindMemoryCgroup()));
  std::unique_ptr<PrivateRam> ram(new PrivateRam(options.layout, vm));
  SEALVM_TRY(ram->CreateMemory(options));
  const std::span<const RamRange> ranges = ram->layout_.ram();
  SEALVM_TRY(ram->BindRam(ranges));
  SEALVM_TRY(ram->BindFirmware(options.firmware_size, static_cast<uint32_t>(ranges.size())));
  return ram;
}

Result<> PrivateRam::CreateMemory(const Options& options) {
  const uint64_t size = layout_.ram_size();
  shared_ = std::make_shared<GuestMemory>(
      SEALVM_TRY(GuestMemory::Create(layout_, SEALVM_TRY(MemfdProvider().Create(size, {})))));
  SEALVM_TRY(shared_->ExcludeFromDumps());
  private_ = SEALVM_TRY(options.make_private(vm_, size, options.policy));
  firmware_ = SEALVM_TRY(options.make_private(vm_, options.firmware_size, {}));
  no_shared_firmware_ = SEALVM_TRY(Mapping::Create(options.firmware_size, PROT_NONE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                                   0, "address range of the firmware"));
  const std::shared_ptr<PrivateMemory> shared_half = shared_->backing_ptr();
  conversions_ = SEALVM_TRY(PageConversions::Create(layout_, private_, shared_half, 0));
  view_ = SEALVM_TRY(SharedView::Create(shared_, conversions_));
  private_usage_ = SEALVM_TRY(MemoryUsage::Watch(private_));
  shared_usage_ = SEALVM_TRY(MemoryUsage::Watch(shared_half));
  return {};
}

Result<> PrivateRam::BindRam(std::span<const RamRange> ranges) {
  std::vector<PrivateMemslot> memslots;
  for (const RamRange& range : ranges) {
    const auto slot = static_cast<uint32_t>(memslots.size());
    SEALVM_TRY(vm_.SetUserMemoryRegion({.slot = slot,
                                        .gpa = range.base,
                                        .size = range.size,
                                        .hva = shared_->HostAddressForMemslot(range),
                                        .private_fd = private_->fd(),
                                        .private_offset = range.backing_offset}));
    SEALVM_TRY(vm_.SetMemoryPrivate(range.base, range.size, true));
    memslots.push_back(
        {.slot = slot, .gpa = range.base, .size = range.size, .offset = range.backing_offset});
  }
  memslots_ = SEALVM_TRY(private_->notifier().Register(
      std::make_shared<MemslotConsumer>(true, vm_, std::move(memslots)), NewVmIdentity()));
  return {};
}

Result<> PrivateRam::BindFirmware(uint64_t size, uint32_t slot) {
  const Gpa base = kFirmwareTop - size;
  SEALVM_TRY(vm_.SetUserMemoryRegion({.slot = slot,
                                      .gpa = base,
                                      .size = size,
                                      .hva = reinterpret_cast<uint64_t>(no_shared_firmware_.data()),
                                      .private_fd = firmware_->fd(),
                                      .private_offset = 0}));
  return vm_.SetMemoryPrivate(base, size, true);
}

bool PrivateRam::HasMemory(Gpa gpa, uint64_t length) const {
  const bool in_ram = std::ranges::any_of(layout_.ram(), [&](const RamRange& range) {
    return Overlap(gpa, length, range.base, range.size);
  });
  return in_ram || Overlap(gpa, length, kFirmwareTop - firmware_->size(), firmware_->size());
}

Result<> PrivateRam::Convert(Gpa gpa, uint64_t length, bool to_private) {
  if (gpa > UINT64_MAX - length) {
    return InvalidInput(fmt::format("GPA {:#x}+{:#x} wraps", gpa, length));
  }
  {
    MutexLock lock(idle_faults_lock_);
    idle_faults_.erase(idle_faults_.lower_bound(PageFloor(gpa)),
                       idle_faults_.lower_bound(gpa + length));
  }
  // OVMF shares the PCI windows with MapGPA, which they are.
  if (!to_private && length > 0 && !HasMemory(gpa, length)) return {};
  return to_private ? conversions_->ToPrivate(gpa, length) : conversions_->ToShared(gpa, length);
}

unsigned PrivateRam::CountIdleFault(Gpa page) {
  MutexLock lock(idle_faults_lock_);
  if (idle_faults_.size() >= kMaxIdlePages) idle_faults_.clear();
  return ++idle_faults_[page];
}

Result<> PrivateRam::ResolveFault(Gpa gpa, uint64_t size, bool is_private) {
  const Gpa page = PageFloor(gpa);
  const uint64_t length = PageFloor(std::max(size, kPageSize));
  const std::string_view kind = is_private ? "private" : "shared";
  if (!layout_.BackingOf(page, length)) {
    return HostError(
        fmt::format("the guest touched GPA {:#x}, where it has no {} memory", gpa, kind));
  }
  if (conversions_->IsShared(page) == is_private) return Convert(page, length, is_private);
  if (CountIdleFault(page) <= kMaxIdleFaults) return {};
  return HostError(
      fmt::format("the host's kernel could not give the guest {} memory at GPA {:#x}", kind, gpa),
      "the host, or the memory cgroup of sealvm, is out of memory");
}

}  // namespace sealvm
