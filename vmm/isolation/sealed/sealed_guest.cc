// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/sealed_guest.h"

#include <fmt/format.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "memory/lock_limit.h"
#include "memory/memfd_provider.h"
#include "memory/memory_cgroup.h"
#include "vmm/boot/handover_status.h"

namespace sealvm {
namespace {

uint64_t AddressOf(const Mapping& mapping) { return reinterpret_cast<uint64_t>(mapping.data()); }

// Above the first MiB, below where kernels are loaded; see BootLayout for what each is.
constexpr BootLayout kBootLayoutAboveFirstMiB = {.gdt = 0x100000,
                                                 .zero_page = 0x101000,
                                                 .start_info = 0x102000,
                                                 .page_tables = 0x103000,
                                                 .cmdline = 0x110000,
                                                 .setup_data = 0x120000,
                                                 .acpi = kAcpiAreaBase};

}  // namespace

Result<std::unique_ptr<SealedGuest>> SealedGuest::Create(const Options& options, kvm::Vm& vm,
                                                         const SealedLayout& layout) {
  const uint64_t size = layout.ram().ram_size();
  SEALVM_TRY(CheckMemoryLockLimit(size, options.memory_lock_limit));
  SEALVM_TRY(CheckMemoryCgroup(size, FindMemoryCgroup()));
  std::unique_ptr<SealedGuest> guest(new SealedGuest(options, vm, layout));
  SEALVM_TRY(guest->CreateMemory());
  SEALVM_TRY(guest->Watch());
  for (const SealedMemslot& slot : guest->layout_.memslots()) SEALVM_TRY(guest->Bind(slot));
  return guest;
}

SealedGuest::SealedGuest(const Options& options, kvm::Vm& vm, const SealedLayout& layout)
    : options_(options), vm_(vm), layout_(layout) {}

Result<> SealedGuest::CreateMemory() {
  const uint64_t size = layout_.ram().ram_size();
  shared_ = std::make_shared<GuestMemory>(
      SEALVM_TRY(GuestMemory::Create(layout_.ram(), SEALVM_TRY(MemfdProvider().Create(size, {})))));
  SEALVM_TRY(shared_->ExcludeFromDumps());
  private_ = SEALVM_TRY(CreatePrivateMemory(options_.kind, vm_, size, options_.policy));
  unmapped_ =
      SEALVM_TRY(Mapping::Create(size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                 0, "address range of private memory"));
  platform_ = SEALVM_TRY(Mapping::Create(kSealedPlatformSize, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "platform pages"));
  memset(platform_.data(), 0xff, kSealedOnesSize);
  return {};
}

// Registers the consumers of both halves' falloc notifiers.
Result<> SealedGuest::Watch() {
  const std::shared_ptr<PrivateMemory> shared_half = shared_->backing_ptr();
  conversions_ = SEALVM_TRY(
      PageConversions::Create(layout_.ram(), private_, shared_half, layout_.always_shared_end()));
  view_ = SEALVM_TRY(
      SharedView::Create(shared_, options_.guest_tells_conversions ? conversions_ : nullptr));
  private_usage_ = SEALVM_TRY(MemoryUsage::Watch(private_));
  shared_usage_ = SEALVM_TRY(MemoryUsage::Watch(shared_half));
  std::vector<PrivateMemslot> memslots;
  for (const SealedMemslot& slot : layout_.memslots()) {
    if (slot.source != SealedSource::kPrivate) continue;
    memslots.push_back(
        {.slot = slot.slot, .gpa = slot.gpa, .size = slot.size, .offset = slot.offset});
  }
  memslots_ = SEALVM_TRY(private_->notifier().Register(
      std::make_shared<MemslotConsumer>(options_.kind == PrivateMemoryKind::kSwProtected, vm_,
                                        std::move(memslots)),
      NewVmIdentity()));
  return {};
}

Result<> SealedGuest::Bind(const SealedMemslot& slot) {
  if (slot.source == SealedSource::kPrivate) {
    return BindPrivateMemory(options_.kind, vm_, *private_,
                             {.slot = slot.slot,
                              .gpa = slot.gpa,
                              .size = slot.size,
                              .offset = slot.offset,
                              .unmapped_hva = AddressOf(unmapped_) + slot.offset});
  }
  const uint64_t hva = slot.source == SealedSource::kPlatform
                           ? AddressOf(platform_)
                           : shared_->HostAddressForMemslot(layout_.ram().low_ram()) + slot.offset;
  return vm_.SetUserMemoryRegion(
      {.slot = slot.slot, .gpa = slot.gpa, .size = slot.size, .hva = hva});
}

BootLayout SealedGuest::BootLayoutFor(const SealedLayout& layout) {
  return layout.always_shared_end() > 0 ? kBootLayoutAboveFirstMiB : BootLayout();
}

std::optional<BackingRange> SealedGuest::PrivatePagesOf(Gpa gpa, uint64_t length) const {
  const Gpa begin = std::max(PageFloor(gpa), layout_.always_shared_end());
  const Gpa end = PageCeil(gpa + length);
  return begin < end ? layout_.ram().BackingOf(begin, end - begin) : std::nullopt;
}

Result<EntryState> SealedGuest::Stage(const StagingWindow::Guest& guest) {
  window_ = SEALVM_TRY(StagingWindow::Create(layout_, guest));
  SEALVM_TRY(vm_.SetUserMemoryRegion({.slot = layout_.window_slot(),
                                      .gpa = window_->base(),
                                      .size = window_->size(),
                                      .hva = window_->host_address()}));
  for (const HandoverPayload& payload : window_->handover().payloads) {
    const auto pages = PrivatePagesOf(payload.destination, payload.length);
    if (pages && !options_.policy.prefault) SEALVM_TRY(private_->Allocate(*pages));
  }
  return window_->entry();
}

Result<> SealedGuest::Prefault(kvm::Vcpu& boot_vcpu) {
  if (SEALVM_TRY(vm_.CheckExtension(KVM_CAP_PRE_FAULT_MEMORY)) == 0) {
    return Refused("KVM_CAP_PRE_FAULT_MEMORY is not there");
  }
  SEALVM_TRY(boot_vcpu.PreFaultMemory(window_->base(), PageCeil(window_->size())));
  for (const HandoverPayload& payload : window_->handover().payloads) {
    const Gpa begin = PageFloor(payload.destination);
    const Gpa end = PageCeil(payload.destination + payload.length);
    SEALVM_TRY(boot_vcpu.PreFaultMemory(layout_.c_mask() | begin, end - begin));
  }
  return {};
}

Result<> SealedGuest::FinishLaunch(uint32_t status) {
  if (!window_) return InvalidInput("the guest reports the end of a launch that has ended");
  SEALVM_TRY(ReadHandoverStatus(status, window_->handover()));
  SEALVM_TRY(vm_.SetUserMemoryRegion({.slot = layout_.window_slot()}));
  window_.reset();
  launched_.store(true);
  return {};
}

Result<> SealedGuest::ResolveFault(Gpa gpa, uint64_t size) {
  const Gpa page = PageFloor(gpa & ~layout_.c_mask());
  const bool has_c_bit = (gpa & layout_.c_mask()) != 0;
  const auto bytes = layout_.ram().BackingOf(page, std::max(size, kPageSize));
  if (!has_c_bit || !bytes) {
    return HostError(fmt::format("the guest touched GPA {:#x}, where it has no memory", gpa));
  }
  if (!conversions_->IsShared(page)) {
    return HostError(fmt::format("the host's kernel could not give the guest private memory at "
                                 "GPA {:#x}",
                                 gpa),
                     "the host, or the memory cgroup of sealvm, is out of memory");
  }
  return conversions_->ToPrivate(page, std::max(size, kPageSize));
}

}  // namespace sealvm
