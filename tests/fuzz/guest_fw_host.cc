// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/guest_fw_host.h"

#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/page_tables.h"
#include "guest-fw/measured/ram_map.h"

namespace sealvm::measured {
namespace {

constexpr uint64_t kFence = kLargePage;
constexpr uint64_t kPagesPerLargePage = kLargePage / kSmallPage;
constexpr uint64_t kFrameMask = 0x000ffffffffff000;
constexpr uint64_t kControlError = 1;

// GHCB standard 2.04, section 2.6: offsets in the page.
constexpr uint64_t kRax = 0x1f8;
constexpr uint64_t kExitCode = 0x390;
constexpr uint64_t kExitInfo1 = 0x398;
constexpr uint64_t kExitInfo2 = 0x3a0;
constexpr uint64_t kBuffer = 0x800;
constexpr uint64_t kStateEntries = 253;

// A TD whose addresses have 48 bits.
constexpr uint64_t kAddressWidth = 48;
constexpr uint64_t kSharedBit = uint64_t{1} << (kAddressWidth - 1);
constexpr uint64_t kTdcallError = uint64_t{1} << 63;

bool IsInWindow(uint64_t address, uint64_t size) {
  return address >= SHARED_BASE && address < SHARED_END && size <= SHARED_END - address;
}

}  // namespace

FencedMemory::FencedMemory() {
  void* all = mmap(nullptr, kFourGiB + 2 * kFence, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  SEALVM_FUZZ_CHECK(all != MAP_FAILED);
  base_ = static_cast<uint8_t*>(all) + kFence;
}

void FencedMemory::Reset(IsolationKind kind) const {
  SEALVM_FUZZ_CHECK(madvise(base_, kFourGiB, MADV_DONTNEED) == 0);
  SEALVM_FUZZ_CHECK(mprotect(base_, kFourGiB, PROT_NONE) == 0);
  if (kind == IsolationKind::kNone) {
    // The page tables are left as entry.S made them.
    Allow(0, PAGE_TABLES);
    Allow(PAGE_TABLES + PAGE_TABLES_SIZE, STACK_BASE);
    Allow(STACK_TOP, kVideoHole.base);
    Allow(kVideoHole.end(), kDeviceHole.base);
  } else {
    Allow(WORK_BASE, STACK_BASE);
    Allow(STACK_TOP, SHARED_END);
  }
}

void FencedMemory::Allow(uint64_t begin, uint64_t end) const {
  SEALVM_FUZZ_CHECK(mprotect(base_ + begin, end - begin, PROT_READ | PROT_WRITE) == 0);
}

FuzzHost::FuzzHost(IsolationKind kind, const FencedMemory& memory, const TestFwCfg& fw_cfg,
                   std::vector<Lie> lies)
    : kind_(kind),
      memory_(memory),
      guest_(memory.guest()),
      items_(fw_cfg.items),
      lies_(std::move(lies)) {
  std::ranges::reverse(lies_);
  items_[kFwCfgFileDirectory] = fw_cfg.Directory();
  if (kind == IsolationKind::kNone) return;
  for (uint64_t page = WORK_BASE; page < SHARED_BASE; page += kSmallPage) {
    private_.insert(page / kSmallPage);
  }
}

std::vector<FuzzHost::Lie> FuzzHost::TakeLies(FuzzInput& input) {
  std::vector<Lie> lies(input.TakeByte() % 16);
  for (Lie& lie : lies) {
    lie.after = static_cast<uint16_t>(input.TakeNumber(2));
    lie.kind = input.TakeByte();
    lie.value = input.TakeNumber(8);
  }
  return lies;
}

std::vector<uint8_t>& FuzzHost::directory() { return items_.at(kFwCfgFileDirectory); }

bool FuzzHost::IsPrivate(uint64_t address, uint64_t size) const {
  for (uint64_t page = address / kSmallPage; page * kSmallPage < address + size; ++page) {
    if (!private_.contains(page)) return false;
  }
  return true;
}

std::optional<FuzzHost::Lie> FuzzHost::NextLie() {
  if (lies_.empty()) return std::nullopt;
  if (lies_.back().after > 0) {
    --lies_.back().after;
    return std::nullopt;
  }
  const Lie lie = lies_.back();
  lies_.pop_back();
  return lie;
}

uint32_t FuzzHost::In(uint16_t, unsigned) { return 0x554d4551; }

void FuzzHost::Out(uint16_t port, unsigned, uint32_t value) {
  if (port == 0x518) RunDma(__builtin_bswap32(value));
}

void FuzzHost::RunDma(uint64_t block) {
  SEALVM_FUZZ_CHECK(IsInWindow(block, 16));
  const uint32_t control = __builtin_bswap32(guest_.Load<uint32_t>(block));
  const uint32_t length = __builtin_bswap32(guest_.Load<uint32_t>(block + 4));
  const uint64_t address = __builtin_bswap64(guest_.Load<uint64_t>(block + 8));
  if (!IsInWindow(address, length)) {
    SEALVM_FUZZ_CHECK(tampered_);
    return guest_.Store<uint32_t>(block, __builtin_bswap32(kControlError));
  }
  if ((control & 8) != 0) {
    selected_ = static_cast<uint16_t>(control >> 16);
    offset_ = 0;
  }
  const std::vector<uint8_t>& item = items_[selected_];
  const uint64_t left = item.size() - std::min<uint64_t>(offset_, item.size());
  const uint64_t there = std::min<uint64_t>(length, left);
  if (there != 0) memcpy(guest_.At(address), item.data() + offset_, there);
  memset(guest_.At(address + there), 0, length - there);
  offset_ += length;
  guest_.Store<uint32_t>(block, 0);
}

void FuzzHost::Scribble(uint64_t value) {
  // But for the word that tells of the transfer's end: waiting for it takes long.
  constexpr uint64_t kBegin = SHARED_BASE + kSmallPage + 4;
  const uint64_t address = kBegin + (value >> 32) % (SHARED_END - kBegin - 4);
  guest_.Store(address, guest_.Load<uint32_t>(address) ^ static_cast<uint32_t>(value));
}

void FuzzHost::SetShared(uint64_t first, uint64_t count, bool shared) {
  SEALVM_FUZZ_CHECK(count <= kFourGiB / kSmallPage);
  for (uint64_t page = first; page < first + count; ++page) {
    if (!shared) {
      shared_.erase(page);
      continue;
    }
    SEALVM_FUZZ_CHECK(IsInWindow(page * kSmallPage, kSmallPage) && !private_.contains(page));
    shared_.insert(page);
  }
}

void FuzzHost::MakePrivate(uint64_t gpa, bool large) {
  const uint64_t first = gpa / kSmallPage;
  const uint64_t count = large ? kPagesPerLargePage : 1;
  SEALVM_FUZZ_CHECK(first % count == 0);
  for (uint64_t page = first; page < first + count; ++page) {
    SEALVM_FUZZ_CHECK(!private_.contains(page));
    SEALVM_FUZZ_CHECK(tampered_ || !shared_.contains(page));
    private_.insert(page);
  }
  if (gpa < kFourGiB) memory_.Allow(gpa, gpa + count * kSmallPage);
}

uint64_t FuzzHost::ReadMsr(uint32_t msr) {
  SEALVM_FUZZ_CHECK(msr == 0xc0010130);
  return msr_;
}

void FuzzHost::WriteMsr(uint32_t msr, uint64_t value) {
  SEALVM_FUZZ_CHECK(msr == 0xc0010130);
  msr_ = value;
}

void FuzzHost::Vmgexit() {
  SEALVM_FUZZ_CHECK(kind_ == IsolationKind::kSnp);
  const bool by_page = (msr_ & 0xfff) == 0;
  if (IsTired()) {
    if (by_page) guest_.Store<uint64_t>(SHARED_BASE + kExitInfo1, 1);
    msr_ = 0;
    return;
  }
  by_page ? AnswerGhcb(msr_) : AnswerMsr();
  if (const std::optional<Lie> lie = NextLie()) TellSnp(*lie);
}

void FuzzHost::AnswerMsr() {
  const uint64_t frame = msr_ & kFrameMask;
  switch (msr_ & 0xfff) {
    case 0x002:
      msr_ = uint64_t{2} << 48 | uint64_t{1} << 32 | uint64_t{SNP_C_BIT} << 24 | 0x001;
      return;
    case 0x012:
      SEALVM_FUZZ_CHECK(shared_.contains(frame / kSmallPage));
      msr_ = frame | 0x013;
      return;
    case 0x014:
      SetShared(frame / kSmallPage, 1, (msr_ >> 52 & 0xf) == 2);
      msr_ = 0x015;
      return;
    case 0x080:
      msr_ = 0x1081;
      return;
    default:
      SEALVM_FUZZ_CHECK(false);
  }
}

void FuzzHost::AnswerGhcb(uint64_t page) {
  SEALVM_FUZZ_CHECK(page == SHARED_BASE);
  SEALVM_FUZZ_CHECK(guest_.Load<uint16_t>(page + 0xffa) == 2);
  const auto code = guest_.Load<uint64_t>(page + kExitCode);
  const auto info = guest_.Load<uint64_t>(page + kExitInfo1);
  guest_.Store<uint64_t>(page + kExitInfo1, 0);
  if (code == 0x7b) {
    const auto port = static_cast<uint16_t>(info >> 16);
    const auto width = static_cast<unsigned>(info >> 4 & 7);
    if ((info & 1) != 0) {
      guest_.Store<uint64_t>(page + kRax, In(port, width));
    } else {
      Out(port, width, guest_.Load<uint32_t>(page + kRax));
    }
    return;
  }
  SEALVM_FUZZ_CHECK(code == 0x80000010);
  ChangeStates(page + kBuffer);
  guest_.Store<uint64_t>(page + kExitInfo2, 0);
}

void FuzzHost::ChangeStates(uint64_t buffer) {
  const auto last = guest_.Load<uint16_t>(buffer + 2);
  SEALVM_FUZZ_CHECK(tampered_ || last < kStateEntries);
  for (uint64_t next = guest_.Load<uint16_t>(buffer); !tampered_ && next <= last; ++next) {
    const auto entry = guest_.Load<uint64_t>(buffer + 8 + next * 8);
    const bool large = (entry >> 56 & 1) != 0;
    SetShared((entry & kFrameMask) / kSmallPage, large ? kPagesPerLargePage : 1,
              (entry >> 52 & 0xf) == 2);
  }
  guest_.Store<uint16_t>(buffer, static_cast<uint16_t>(last + 1));
}

void FuzzHost::TellSnp(const Lie& lie) {
  const auto change = [&](uint64_t offset) {
    guest_.Store(SHARED_BASE + offset, guest_.Load<uint64_t>(SHARED_BASE + offset) ^ lie.value);
  };
  // The page is there once the guest has shared it.
  const unsigned kinds = shared_.contains(SHARED_BASE / kSmallPage) ? 7 : 1;
  switch (lie.kind % kinds) {
    case 0:
      msr_ ^= lie.value;
      return;
    case 1:
      return change(kExitInfo1);
    case 2:
      return change(kExitInfo2);
    case 3:
      return change(kRax);
    case 4:
      tampered_ = true;
      return change(kBuffer);
    case 5:
      tampered_ = true;
      return change(kBuffer + 8 + lie.value % kStateEntries * 8);
    default:
      tampered_ = true;
      return Scribble(lie.value);
  }
}

// Follows the tables where they are not the identity.
uint64_t FuzzHost::PhysicalOf(uint64_t address) const {
  if (address < kFourGiB) return address;
  SEALVM_FUZZ_CHECK(address < PageTables::kHighWindow + kOneGiB);
  const auto entry = guest_.Load<uint64_t>(PAGE_TABLES + HIGH_PD +
                                           (address - PageTables::kHighWindow) / kLargePage * 8);
  SEALVM_FUZZ_CHECK((entry >> SNP_C_BIT & 1) != 0);
  return (entry & ((uint64_t{1} << SNP_C_BIT) - kLargePage)) + address % kLargePage;
}

PvalidateResult FuzzHost::Pvalidate(uint64_t address, bool large, bool validate) {
  SEALVM_FUZZ_CHECK(kind_ == IsolationKind::kSnp && validate);
  SEALVM_FUZZ_CHECK(address % (large ? kLargePage : kSmallPage) == 0);
  PvalidateResult result;
  if (IsTired()) return {.status = 1};
  if (const std::optional<Lie> lie = NextLie()) {
    switch (lie->kind % 3) {
      case 0:
        // Most hosts that do not have large pages do not have any.
        result.status = PvalidateResult::kSizeMismatch;
        break;
      case 1:
        result.status = static_cast<uint32_t>(lie->value);
        break;
      default:
        result.unchanged = true;
    }
  }
  if (result.status == PvalidateResult::kSuccess && !result.unchanged) {
    MakePrivate(PhysicalOf(address), large);
  }
  return result;
}

void FuzzHost::EvictPage(uint64_t address) {
  SEALVM_FUZZ_CHECK(private_.contains(PhysicalOf(address) / kSmallPage));
}

void FuzzHost::Tdcall(TdcallRegisters& registers) {
  SEALVM_FUZZ_CHECK(kind_ == IsolationKind::kTdx);
  if (IsTired()) {
    registers.rax = kTdcallError;
    return;
  }
  if (registers.rax == 6) return AcceptPage(registers);
  if (registers.rax == 0) {
    AnswerVmcall(registers);
  } else {
    SEALVM_FUZZ_CHECK(registers.rax == 1);
    registers = {.rcx = kAddressWidth};
  }
  const std::optional<Lie> lie = NextLie();
  if (!lie) return;
  switch (lie->kind % 5) {
    case 0:
      registers.r10 ^= lie->value;
      return;
    case 1:
      registers.r11 ^= lie->value;
      return;
    case 2:
      // "Retry", from somewhere in the window on.
      registers.r10 = 1;
      registers.r11 = SHARED_BASE + lie->value % (SHARED_END - SHARED_BASE);
      return;
    case 3:
      registers.rax ^= lie->value;
      registers.rcx ^= lie->value;
      return;
    default:
      tampered_ = true;
      Scribble(lie->value);
  }
}

void FuzzHost::AcceptPage(TdcallRegisters& registers) {
  constexpr uint64_t kStatuses[] = {0xc0000b0b00000001, 0x00000b0a00000000, kTdcallError};
  const bool large = (registers.rcx & 7) == 1;
  registers.rax = 0;
  if (const std::optional<Lie> lie = NextLie()) {
    registers.rax = lie->kind % 4 == 3 ? lie->value : kStatuses[lie->kind % 4];
  }
  if (registers.rax >> 32 == 0) MakePrivate(registers.rcx & kFrameMask, large);
}

void FuzzHost::AnswerVmcall(TdcallRegisters& registers) {
  SEALVM_FUZZ_CHECK(registers.r10 == 0 && (registers.rcx & 0xfc00) == 0xfc00);
  const auto port = static_cast<uint16_t>(registers.r14);
  const auto width = static_cast<unsigned>(registers.r12);
  switch (registers.r11) {
    case 30:
      if (registers.r13 == 0) {
        registers.r11 = In(port, width);
      } else {
        Out(port, width, static_cast<uint32_t>(registers.r15));
      }
      return;
    case 0x10001:
      SEALVM_FUZZ_CHECK((registers.r12 | registers.r13) % kSmallPage == 0);
      SEALVM_FUZZ_CHECK(IsInWindow(registers.r12 & ~kSharedBit, registers.r13));
      SetShared((registers.r12 & ~kSharedBit) / kSmallPage, registers.r13 / kSmallPage,
                (registers.r12 & kSharedBit) != 0);
      return;
    default:
      SEALVM_FUZZ_CHECK(false);
  }
}

}  // namespace sealvm::measured
