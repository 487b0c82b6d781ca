// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/boot_info.h"

#include <asm/bootparam.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sealvm::diag {
namespace {

constexpr uint64_t kZeroPage = 0x1000;
constexpr uint64_t kCmdline = 0x3000;

// A machine of 16 KiB with a zero page, written through the kernel's own struct.
class BootInfoTest : public testing::Test {
 protected:
  boot_params& params() { return *reinterpret_cast<boot_params*>(&ram_[kZeroPage]); }
  PhysicalMemory memory() {
    return PhysicalMemory(reinterpret_cast<uintptr_t>(ram_.data()), ram_.size());
  }
  void SetCmdline(uint64_t address, std::string_view text) {
    params().hdr.cmd_line_ptr = static_cast<uint32_t>(address);
    params().ext_cmd_line_ptr = static_cast<uint32_t>(address >> 32);
    std::copy(text.begin(), text.end(), ram_.begin() + static_cast<ptrdiff_t>(address));
  }
  void AddRange(uint64_t base, uint64_t size, uint32_t type) {
    params().e820_table[params().e820_entries++] = {base, size, type};
  }

  std::vector<uint8_t> ram_ = std::vector<uint8_t>(0x4000);
  BootInfo info_;
};

TEST_F(BootInfoTest, ReadsRangesInOrder) {
  AddRange(0, 0x9fc00, 1);
  AddRange(0x9fc00, 0x60400, 2);
  AddRange(0x100000, 0x7f00000, 1);
  ASSERT_TRUE(info_.Load(memory(), kZeroPage));
  const MemoryRange expected[] = {{0, 0x9fc00, RangeType::kUsable},
                                  {0x9fc00, 0x60400, RangeType::kReserved},
                                  {0x100000, 0x7f00000, RangeType::kUsable}};
  EXPECT_TRUE(std::ranges::equal(info_.ranges(), expected));
  EXPECT_EQ(info_.UsableBytes(), 0x9fc00u + 0x7f00000u);
}

TEST_F(BootInfoTest, LeavesOutEmptyAndWrappingRanges) {
  AddRange(0x1000, 0, 1);
  AddRange(0xffff'ffff'ffff'f000, 0x2000, 1);
  AddRange(0x2000, 0x1000, 1);
  ASSERT_TRUE(info_.Load(memory(), kZeroPage));
  ASSERT_EQ(info_.ranges().size(), 1u);
  EXPECT_EQ(info_.ranges()[0].base, 0x2000u);
}

TEST_F(BootInfoTest, ReadsNoMoreEntriesThanTheZeroPageHolds) {
  for (unsigned i = 0; i < E820_MAX_ENTRIES_ZEROPAGE; ++i) {
    AddRange(i * 0x1000, 0x1000, 1);
  }
  params().e820_entries = 255;
  ASSERT_TRUE(info_.Load(memory(), kZeroPage));
  EXPECT_EQ(info_.ranges().size(), size_t{E820_MAX_ENTRIES_ZEROPAGE});
}

TEST_F(BootInfoTest, CopiesCommandLineAndRsdp) {
  SetCmdline(kCmdline, "diag=quick console=ttyS0");
  params().acpi_rsdp_addr = 0xe0000;
  ASSERT_TRUE(info_.Load(memory(), kZeroPage));
  std::fill(ram_.begin(), ram_.end(), uint8_t{0xff});
  EXPECT_EQ(info_.cmdline(), "diag=quick console=ttyS0");
  EXPECT_EQ(info_.rsdp(), 0xe0000u);
}

TEST_F(BootInfoTest, NoCommandLineIsAnEmptyOne) {
  ASSERT_TRUE(info_.Load(memory(), kZeroPage));
  EXPECT_EQ(info_.cmdline(), "");
}

TEST_F(BootInfoTest, CutsOffAnEndlessCommandLine) {
  SetCmdline(kCmdline, std::string(0x1000, 'a'));
  ASSERT_TRUE(info_.Load(memory(), kZeroPage));
  EXPECT_EQ(info_.cmdline(), std::string(BootInfo::kMaxCmdline, 'a'));
}

TEST_F(BootInfoTest, RefusesACommandLineThatRunsOutOfMemory) {
  SetCmdline(ram_.size() - 2, "ab");
  EXPECT_FALSE(info_.Load(memory(), kZeroPage));
}

TEST_F(BootInfoTest, UsesTheUpperHalfOfTheCommandLinesAddress) {
  SetCmdline(kCmdline, "text");
  params().ext_cmd_line_ptr = 1;
  EXPECT_FALSE(info_.Load(memory(), kZeroPage));
}

TEST_F(BootInfoTest, RefusesAZeroPageOutsideMemory) {
  EXPECT_FALSE(info_.Load(memory(), ram_.size() - 4095));
  EXPECT_FALSE(info_.Load(memory(), UINT64_MAX - 10));
}

TEST(RangeTypeName, KnowsTypesThatItWasNotToldOf) {
  EXPECT_EQ(RangeTypeName(RangeType::kUsable), "usable");
  EXPECT_EQ(RangeTypeName(RangeType{1234}), "unknown type");
}

}  // namespace
}  // namespace sealvm::diag
