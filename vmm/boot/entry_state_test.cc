// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/entry_state.h"

#include <gtest/gtest.h>

#include "vmm/boot/page_tables.h"

namespace sealvm {
namespace {

TEST(EntryState, Linux64IsInLongModeWithPaging) {
  const BootLayout layout;

  const EntryState state = MakeLinux64Entry(layout, 0x1000200, 0);

  EXPECT_EQ(state.rip, 0x1000200u);
  EXPECT_EQ(state.rsi, layout.zero_page);
  EXPECT_EQ(state.cr3, layout.page_tables);
  EXPECT_EQ(state.cr0, 0x80050033u);
  EXPECT_EQ(state.cr4, 0x20u);
  EXPECT_EQ(state.efer, 0x500u);
  EXPECT_EQ(state.rflags, 2u);
  EXPECT_EQ(state.gdt_base, layout.gdt);
  EXPECT_EQ(state.gdt_limit, kBootGdtSize - 1);
}

TEST(EntryState, Linux64HasTheProtocolsSelectors) {
  const EntryState state = MakeLinux64Entry(BootLayout{}, 0x1000200, 0);

  EXPECT_EQ(state.code.selector, 0x10);
  EXPECT_EQ(state.code.l, 1);
  EXPECT_EQ(state.code.db, 0);
  EXPECT_EQ(state.code.type, 0xb);
  EXPECT_EQ(state.data.selector, 0x18);
  EXPECT_EQ(state.data.type, 0x3);
  EXPECT_EQ(state.data.limit, UINT32_MAX);
  EXPECT_EQ(state.task.type, 0xb);
  EXPECT_EQ(state.task.s, 0);
}

TEST(EntryState, Linux64PutsTheEncryptionBitIntoCr3) {
  constexpr uint64_t kCBit = uint64_t{1} << 39;
  const BootLayout layout;

  EXPECT_EQ(MakeLinux64Entry(layout, 0x1000200, kCBit).cr3, layout.page_tables | kCBit);
}

TEST(EntryState, PvhIsIn32BitModeWithoutPaging) {
  const BootLayout layout;

  const EntryState state = MakePvhEntry(layout, 0x1000850);

  EXPECT_EQ(state.protocol, BootProtocol::kPvh32);
  EXPECT_EQ(state.rip, 0x1000850u);
  EXPECT_EQ(state.rbx, layout.start_info);
  EXPECT_EQ(state.cr0, 0x11u);
  EXPECT_EQ(state.cr3, 0u);
  EXPECT_EQ(state.cr4, 0u);
  EXPECT_EQ(state.efer, 0u);
  EXPECT_EQ(state.code.l, 0);
  EXPECT_EQ(state.code.db, 1);
  EXPECT_EQ(state.task.limit, 0x67u);
}

TEST(EntryState, ProtocolsHaveNames) {
  EXPECT_EQ(BootProtocolName(BootProtocol::kLinux64), "linux64");
  EXPECT_EQ(BootProtocolName(BootProtocol::kPvh32), "pvh");
}

}  // namespace
}  // namespace sealvm
