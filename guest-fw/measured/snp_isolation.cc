// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/snp_isolation.h"

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

constexpr uint64_t kPrivateMask = uint64_t{1} << SNP_C_BIT;

// The GHCB is the first page of the shared window.
constexpr Range kGhcbPage = {.base = SHARED_BASE, .size = kSmallPage};
constexpr Range kRestOfWindow = {.base = SHARED_BASE + kSmallPage,
                                 .size = SHARED_END - SHARED_BASE - kSmallPage};

// The page state change request in the GHCB's buffer (GHCB standard 2.04 section 4.1.6): u16 first
// entry that is not done, u16 last entry, u32 reserved; entries of u64.
constexpr uint64_t kEntries = 8;
constexpr unsigned kOperationShift = 52;
constexpr uint64_t kMakePrivate = 1;
constexpr uint64_t kMakeShared = 2;
constexpr uint64_t kLarge = uint64_t{1} << 56;

static_assert(kEntries + 253 * 8 <= Ghcb::kSharedBufferSize);

}  // namespace

SnpIsolation::SnpIsolation(Cpu& cpu, const GuestMemory& memory)
    : cpu_(cpu),
      memory_(memory),
      page_tables_(memory, kPrivateMask, 0),
      ghcb_(cpu, memory, kGhcbPage.base),
      cpuid_page_(memory.At(CPUID_PAGE)) {}

Failure SnpIsolation::Start() {
  SEALVM_FW_TRY(ghcb_.Negotiate());
  // The window was not validated at launch, so there is nothing to take back before it is shared.
  page_tables_.SetShared({.base = SHARED_BASE, .size = SHARED_END - SHARED_BASE}, true);
  cpu_.FlushTlb();
  SEALVM_FW_TRY(ghcb_.ChangePageState(kGhcbPage.base, false));
  SEALVM_FW_TRY(ghcb_.Register());
  memory_.Zero(kGhcbPage.base, kSmallPage);
  io_works_ = true;
  SEALVM_FW_TRY(ChangeStates(kRestOfWindow, false));
  return cpuid_page_.Check();
}

Failure SnpIsolation::Out(uint16_t port, unsigned width, uint32_t value) {
  return io_works_ ? ghcb_.Out(port, width, value) : Failure::kHypervisorAnswer;
}

Failure SnpIsolation::In(uint16_t port, unsigned width, uint32_t* value) {
  return ghcb_.In(port, width, value);
}

CpuidResult SnpIsolation::Cpuid(uint32_t leaf, uint32_t subleaf) {
  return cpuid_page_.Find(leaf, subleaf);
}

size_t SnpIsolation::NextBatch(Range* range, Page (&batch)[kMaxBatch]) {
  size_t count = 0;
  for (; count < kMaxBatch && range->size != 0; ++count) {
    const bool large = range->base % kLargePage == 0 && range->size >= kLargePage;
    batch[count] = {.gpa = range->base, .large = large};
    const uint64_t size = large ? kLargePage : kSmallPage;
    range->base += size;
    range->size -= size;
  }
  return count;
}

Failure SnpIsolation::RequestStates(const Page (&batch)[kMaxBatch], size_t count,
                                    bool make_private) {
  const uint64_t buffer = ghcb_.page() + Ghcb::kSharedBuffer;
  const uint64_t operation = make_private ? kMakePrivate : kMakeShared;
  const auto last = static_cast<uint16_t>(count - 1);
  memory_.StoreShared<uint64_t>(buffer, uint64_t{last} << 16);
  for (size_t i = 0; i < count; ++i) {
    memory_.StoreShared<uint64_t>(buffer + kEntries + i * 8, batch[i].gpa |
                                                                 operation << kOperationShift |
                                                                 (batch[i].large ? kLarge : 0));
  }
  // The hypervisor may stop in between; it has to get on each time.
  for (uint32_t done = 0; done <= last;) {
    uint64_t result = 0;
    SEALVM_FW_TRY(ghcb_.PageStateChange(buffer, &result));
    if (result != 0) return Failure::kPageState;
    const auto header = memory_.LoadShared<uint32_t>(buffer);
    const uint32_t next = header & 0xffff;
    if (next <= done || next > count || header >> 16 != last) return Failure::kPageState;
    done = next;
  }
  return Failure::kNone;
}

// Entries are validated by our own list: the one in the shared buffer is the hypervisor's.
Failure SnpIsolation::ChangeStates(Range range, bool make_private) {
  Page batch[kMaxBatch];
  while (range.size != 0) {
    const size_t count = NextBatch(&range, batch);
    SEALVM_FW_TRY(RequestStates(batch, count, make_private));
    for (size_t i = 0; make_private && i < count; ++i) SEALVM_FW_TRY(Validate(batch[i]));
  }
  return Failure::kNone;
}

Failure SnpIsolation::Validate(const Page& page) {
  uint32_t status = 0;
  SEALVM_FW_TRY(ValidateOne(page.gpa, page.large, &status));
  if (status == PvalidateResult::kSuccess) return Failure::kNone;
  if (!page.large || status != PvalidateResult::kSizeMismatch) return Failure::kValidation;
  // The hypervisor backs them by small pages.
  for (uint64_t offset = 0; offset < kLargePage; offset += kSmallPage) {
    SEALVM_FW_TRY(ValidateOne(page.gpa + offset, false, &status));
    if (status != PvalidateResult::kSuccess) return Failure::kValidation;
  }
  return Failure::kNone;
}

Failure SnpIsolation::ValidateOne(uint64_t gpa, bool large, uint32_t* status) {
  const uint64_t address = Show(gpa);
  const PvalidateResult result = cpu_.Pvalidate(address, large, true);
  *status = result.status;
  if (result.status != PvalidateResult::kSuccess) return Failure::kNone;
  if (result.unchanged) return Failure::kAlreadyValidated;
  const uint64_t size = large ? kLargePage : kSmallPage;
  for (uint64_t offset = 0; offset < size; offset += kSmallPage) cpu_.EvictPage(address + offset);
  return Failure::kNone;
}

uint64_t SnpIsolation::Show(uint64_t gpa) {
  if (gpa < kFourGiB) return gpa;
  const uint64_t base = gpa & ~(kOneGiB - 1);
  if (base != shown_) {
    page_tables_.ShowHigh(base);
    cpu_.FlushTlb();
    shown_ = base;
  }
  return PageTables::kHighWindow + gpa % kOneGiB;
}

Failure SnpIsolation::Accept(const Range& range) { return ChangeStates(range, true); }

Failure SnpIsolation::CloseWindow() {
  page_tables_.SetShared(kRestOfWindow, false);
  cpu_.FlushTlb();
  SEALVM_FW_TRY(ChangeStates(kRestOfWindow, true));
  io_works_ = false;
  SEALVM_FW_TRY(ghcb_.ChangePageState(kGhcbPage.base, true));
  page_tables_.SetShared(kGhcbPage, false);
  cpu_.FlushTlb();
  return Validate({.gpa = kGhcbPage.base});
}

void SnpIsolation::Terminate(Failure failure) {
  ghcb_.Terminate(static_cast<uint8_t>(failure));
  cpu_.Halt();
}

}  // namespace sealvm::measured
