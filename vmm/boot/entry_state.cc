// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/entry_state.h"

#include "vmm/boot/page_tables.h"

namespace sealvm {
namespace {

// Intel SDM vol. 3A section 2.5 and vol. 4 (IA32_EFER).
constexpr uint64_t kCr0Pe = 1u << 0;
constexpr uint64_t kCr0Mp = 1u << 1;
constexpr uint64_t kCr0Et = 1u << 4;
constexpr uint64_t kCr0Ne = 1u << 5;
constexpr uint64_t kCr0Wp = 1u << 16;
constexpr uint64_t kCr0Am = 1u << 18;
constexpr uint64_t kCr0Pg = 1u << 31;
constexpr uint64_t kCr4Pae = 1u << 5;
constexpr uint64_t kEferLme = 1u << 8;
constexpr uint64_t kEferLma = 1u << 10;
constexpr uint64_t kRflagsReserved = 1u << 1;  // reads as one

// Segment types (Intel SDM vol. 3A section 3.4.5.1 and 3.5), accessed or busy.
constexpr uint8_t kTypeCode = 0xb;
constexpr uint8_t kTypeData = 0x3;
constexpr uint8_t kTypeBusyTss = 0xb;
constexpr uint32_t kTssLimit = 0x67;  // pvh.pandoc: "TR must have a limit of 0x67"

SegmentState Flat(uint16_t selector, uint8_t type) {
  return {.base = 0,
          .limit = UINT32_MAX,
          .selector = selector,
          .type = type,
          .present = 1,
          .dpl = 0,
          .db = 1,
          .s = 1,
          .l = 0,
          .g = 1};
}

EntryState MakeCommon(const BootLayout& layout, Gpa entry) {
  EntryState state;
  state.rip = entry;
  state.rflags = kRflagsReserved;
  state.code = Flat(kBootCodeSelector, kTypeCode);
  state.data = Flat(kBootDataSelector, kTypeData);
  state.task.selector = kBootTaskSelector;
  state.task.type = kTypeBusyTss;
  state.task.limit = kTssLimit;
  state.task.present = 1;
  state.gdt_base = layout.gdt;
  state.gdt_limit = kBootGdtSize - 1;
  return state;
}

}  // namespace

std::string_view BootProtocolName(BootProtocol protocol) {
  return protocol == BootProtocol::kLinux64 ? "linux64" : "pvh";
}

EntryState MakeLinux64Entry(const BootLayout& layout, Gpa entry, uint64_t encryption_mask) {
  EntryState state = MakeCommon(layout, entry);
  state.protocol = BootProtocol::kLinux64;
  state.rsi = layout.zero_page;
  state.cr0 = kCr0Pe | kCr0Mp | kCr0Et | kCr0Ne | kCr0Wp | kCr0Am | kCr0Pg;
  state.cr3 = layout.page_tables | encryption_mask;
  state.cr4 = kCr4Pae;
  state.efer = kEferLme | kEferLma;
  state.code.l = 1;
  state.code.db = 0;
  return state;
}

EntryState MakePvhEntry(const BootLayout& layout, Gpa entry) {
  EntryState state = MakeCommon(layout, entry);
  state.protocol = BootProtocol::kPvh32;
  state.rbx = layout.start_info;
  state.cr0 = kCr0Pe | kCr0Et;  // ET is fixed to one
  return state;
}

}  // namespace sealvm
