// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/sealed_guest.h"

#include <string.h>
#include <sys/mman.h>

#include <utility>

#include "memory/memfd_provider.h"
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

Result<std::unique_ptr<SealedGuest>> SealedGuest::Create(PrivateMemoryKind kind, kvm::Vm& vm,
                                                         const SealedLayout& layout,
                                                         const MemoryPolicy& policy) {
  const uint64_t size = layout.ram().ram_size();
  GuestMemory shared =
      SEALVM_TRY(GuestMemory::Create(layout.ram(), SEALVM_TRY(MemfdProvider().Create(size, {}))));
  // All private memory is taken at once: the loader would otherwise fault page by page.
  MemoryPolicy private_policy = policy;
  private_policy.prefault = true;
  auto private_memory = SEALVM_TRY(CreatePrivateMemory(kind, vm, size, private_policy));
  Mapping unmapped =
      SEALVM_TRY(Mapping::Create(size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                 0, "address range of private memory"));
  Mapping ones = SEALVM_TRY(Mapping::Create(kPageSize, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "page of ones"));
  memset(ones.data(), 0xff, ones.size());
  std::unique_ptr<SealedGuest> guest(new SealedGuest(kind, vm, layout, std::move(shared),
                                                     std::move(private_memory), std::move(unmapped),
                                                     std::move(ones)));
  for (const SealedMemslot& slot : guest->layout_.memslots()) SEALVM_TRY(guest->Bind(slot));
  return guest;
}

SealedGuest::SealedGuest(PrivateMemoryKind kind, kvm::Vm& vm, const SealedLayout& layout,
                         GuestMemory shared, std::shared_ptr<PrivateMemory> private_memory,
                         Mapping unmapped, Mapping ones)
    : kind_(kind),
      vm_(vm),
      layout_(layout),
      shared_(std::move(shared)),
      private_(std::move(private_memory)),
      unmapped_(std::move(unmapped)),
      ones_(std::move(ones)) {}

Result<> SealedGuest::Bind(const SealedMemslot& slot) {
  if (slot.source == SealedSource::kPrivate) {
    return BindPrivateMemory(kind_, vm_, *private_,
                             {.slot = slot.slot,
                              .gpa = slot.gpa,
                              .size = slot.size,
                              .offset = slot.offset,
                              .unmapped_hva = AddressOf(unmapped_) + slot.offset});
  }
  const uint64_t hva = slot.source == SealedSource::kAllOnes
                           ? AddressOf(ones_)
                           : shared_.HostAddressForMemslot(layout_.ram().low_ram()) + slot.offset;
  return vm_.SetUserMemoryRegion(
      {.slot = slot.slot, .gpa = slot.gpa, .size = slot.size, .hva = hva});
}

BootLayout SealedGuest::BootLayoutFor(const SealedLayout& layout) {
  return layout.always_shared_end() > 0 ? kBootLayoutAboveFirstMiB : BootLayout();
}

Result<EntryState> SealedGuest::Stage(const StagingWindow::Guest& guest) {
  window_ = SEALVM_TRY(StagingWindow::Create(layout_, guest));
  SEALVM_TRY(vm_.SetUserMemoryRegion({.slot = layout_.window_slot(),
                                      .gpa = window_->base(),
                                      .size = window_->size(),
                                      .hva = window_->host_address()}));
  return window_->entry();
}

Result<> SealedGuest::FinishLaunch(uint32_t status) {
  if (!window_) return InvalidInput("the guest reports the end of a launch that has ended");
  SEALVM_TRY(ReadHandoverStatus(status, window_->handover()));
  SEALVM_TRY(vm_.SetUserMemoryRegion({.slot = layout_.window_slot()}));
  window_.reset();
  return {};
}

}  // namespace sealvm
