// SPDX-License-Identifier: Apache-2.0
// Whole boots of each kind, with hosts that keep to the rules and hosts that do not.
#include "guest-fw/measured/boot.h"

#include <gtest/gtest.h>

#include <functional>

#include "guest-fw/measured/console.h"
#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/no_isolation.h"
#include "guest-fw/measured/snp_isolation.h"
#include "guest-fw/measured/tdx_isolation.h"
#include "guest-fw/measured/testing_host.h"
#include "guest-fw/measured/testing_machine.h"

namespace sealvm::measured {
namespace {

constexpr uint64_t kRamSize = 256 * kOneMiB;
constexpr Range kHighRam = {.base = kFourGiB, .size = kOneGiB + 4 * kOneMiB};
constexpr char kCmdline[] = "console=ttyS0 quiet";

class BootTest : public testing::TestWithParam<IsolationKind> {
 protected:
  BootTest() {
    const std::vector<Range> ram = {{.base = 0, .size = kRamSize}, kHighRam};
    AddE820(host_.fw_cfg, ram);
    AddAcpi(host_.fw_cfg);
    AddBootFiles(host_.fw_cfg, kernel_, initrd_, kCmdline);
    if (kind() == IsolationKind::kTdx) memory_.Write(TD_HOB, MakeTdHob(ram));
    if (kind() == IsolationKind::kSnp) memory_.Write(CPUID_PAGE, MakeCpuidPage());
    // What the launch made private.
    for (uint64_t page = WORK_BASE; page < SHARED_BASE; page += kSmallPage) {
      host_.validated.insert(page / kSmallPage);
      host_.accepted.insert(page / kSmallPage);
    }
    SetHashes(MakeHashPage(kernel_, initrd_, kCmdline));
  }

  static IsolationKind kind() { return GetParam(); }
  static TestHost::Kind HostKind() {
    return kind() == IsolationKind::kNone  ? TestHost::Kind::kNone
           : kind() == IsolationKind::kSnp ? TestHost::Kind::kSnp
                                           : TestHost::Kind::kTdx;
  }

  // Where the VMM of such a guest has the table.
  void SetHashes(const std::vector<uint8_t>& page) {
    if (kind() == IsolationKind::kSnp) {
      memory_.Write(HASH_TABLE_AREA, {page.begin(), page.begin() + HASH_TABLE_AREA_SIZE});
    } else {
      image_hashes_ = page;
    }
  }

  Failure Boot() {
    NoIsolation none(host_);
    SnpIsolation snp(host_, memory_.guest());
    TdxIsolation tdx(host_, memory_.guest(), 48);
    Isolation& isolation = kind() == IsolationKind::kNone  ? static_cast<Isolation&>(none)
                           : kind() == IsolationKind::kSnp ? static_cast<Isolation&>(snp)
                                                           : static_cast<Isolation&>(tdx);
    return measured::Boot(
        {.kind = kind(), .ram_end = uint64_t{1} << 47, .image_hashes = image_hashes_.data()}, host_,
        isolation, memory_.guest(), &entry_);
  }

  template <typename T>
  T Param(uint64_t offset) const {
    return memory_.guest().Load<T>(BOOT_PARAMS + offset);
  }

  const std::vector<uint8_t> kernel_ = MakeBzImage();
  const std::vector<uint8_t> initrd_ = std::vector<uint8_t>(300'000, 0x3c);
  std::vector<uint8_t> image_hashes_ = std::vector<uint8_t>(kSmallPage);
  TestMemory memory_;
  TestHost host_{HostKind(), memory_};
  uint64_t entry_ = 0;
};

TEST_P(BootTest, LoadsWhatWasMeasured) {
  ASSERT_EQ(Boot(), Failure::kNone);

  EXPECT_EQ(entry_, 0x1000200u);
  const std::vector<uint8_t> proper(kernel_.begin() + kTestSetupSize, kernel_.end());
  EXPECT_EQ(memory_.Bytes(0x1000000, proper.size()), proper);
  EXPECT_EQ(memory_.Bytes(Param<uint32_t>(0x218), Param<uint32_t>(0x21c)), initrd_);
  EXPECT_EQ(Param<uint32_t>(0x228), uint32_t{CMDLINE});
  EXPECT_STREQ(reinterpret_cast<const char*>(memory_.guest().At(CMDLINE)), kCmdline);
  EXPECT_EQ(Param<uint32_t>(0x202), 0x53726448u);
  EXPECT_EQ(Param<uint8_t>(0x210), 0xff);
  EXPECT_EQ(memory_.Bytes(Param<uint64_t>(0x70), 4), (std::vector<uint8_t>{'R', 'S', 'D', ' '}));
}

TEST_P(BootTest, LeavesNothingShared) {
  ASSERT_EQ(Boot(), Failure::kNone);
  EXPECT_TRUE(host_.shared.empty());
}

TEST_P(BootTest, MakesAllOfTheKernelsRamPrivate) {
  ASSERT_EQ(Boot(), Failure::kNone);
  if (kind() == IsolationKind::kNone) GTEST_SKIP() << "all RAM is there from the start";
  const auto& ready = kind() == IsolationKind::kSnp ? host_.validated : host_.accepted;
  const uint8_t entries = Param<uint8_t>(0x1e8);
  ASSERT_GT(entries, 2);
  uint64_t usable = 0;
  for (unsigned i = 0; i < entries; ++i) {
    if (Param<uint32_t>(0x2d0 + i * 20 + 16) != 1) continue;
    const auto base = Param<uint64_t>(0x2d0 + i * 20);
    const auto size = Param<uint64_t>(0x2d0 + i * 20 + 8);
    usable += size;
    for (uint64_t page = base; page < base + size; page += kSmallPage) {
      ASSERT_TRUE(ready.contains(page / kSmallPage)) << page;
    }
  }
  EXPECT_GT(usable, kRamSize + kHighRam.size - 2 * kOneMiB);
  EXPECT_GT(host_.large_pages, 100u);
}

TEST_P(BootTest, ValidatesSmallPagesWhereTheHostHasNoLargeOnes) {
  if (kind() == IsolationKind::kNone) GTEST_SKIP() << "nothing is validated";
  for (uint64_t base = 0; base < kRamSize; base += kLargePage) {
    host_.small_backing.insert(base / kLargePage);
  }
  ASSERT_EQ(Boot(), Failure::kNone);
  EXPECT_EQ(host_.large_pages, kHighRam.size / kLargePage);
}

TEST_P(BootTest, RefusesAnotherKernel) {
  host_.fw_cfg.items[kFwCfgKernelData][5000] ^= 1;
  EXPECT_EQ(Boot(), Failure::kKernelMismatch);
}

TEST_P(BootTest, RefusesAnotherSetupPart) {
  host_.fw_cfg.items[kFwCfgSetupData][0x300] ^= 1;
  EXPECT_EQ(Boot(), Failure::kKernelMismatch);
}

TEST_P(BootTest, RefusesAnotherInitrd) {
  host_.fw_cfg.items[kFwCfgInitrdData].back() ^= 1;
  EXPECT_EQ(Boot(), Failure::kInitrdMismatch);
}

TEST_P(BootTest, RefusesAnInitrdThatIsLeftOut) {
  host_.fw_cfg.AddNumber(kFwCfgInitrdSize, 0);
  EXPECT_EQ(Boot(), Failure::kInitrdMismatch);
}

TEST_P(BootTest, RefusesAnotherCommandLine) {
  host_.fw_cfg.items[kFwCfgCmdlineData][0] ^= 1;
  EXPECT_EQ(Boot(), Failure::kCmdlineMismatch);
}

// The same bytes in both parts have the same digest, but other code would be entered.
TEST_P(BootTest, RefusesTheKernelCutElsewhere) {
  host_.fw_cfg.AddNumber(kFwCfgSetupSize, kTestSetupSize + 512);
  host_.fw_cfg.items[kFwCfgSetupData].assign(kernel_.begin(),
                                             kernel_.begin() + kTestSetupSize + 512);
  host_.fw_cfg.AddNumber(kFwCfgKernelSize,
                         static_cast<uint32_t>(kernel_.size()) - kTestSetupSize - 512);
  host_.fw_cfg.items[kFwCfgKernelData].assign(kernel_.begin() + kTestSetupSize + 512,
                                              kernel_.end());
  EXPECT_EQ(Boot(), Failure::kKernelSize);
}

TEST_P(BootTest, RefusesAKernelThatIsNot64Bit) {
  host_.fw_cfg.items[kFwCfgSetupData][0x236] = 0;
  EXPECT_EQ(Boot(), Failure::kKernelHeader);
}

TEST_P(BootTest, WithoutHashesStartsOnlyWhereNothingIsIsolated) {
  SetHashes(std::vector<uint8_t>(kSmallPage));
  EXPECT_EQ(Boot(), kind() == IsolationKind::kNone ? Failure::kNone : Failure::kNoHashes);
}

TEST_P(BootTest, RefusesATableWithoutEntryForTheInitrd) {
  std::vector<uint8_t> page = MakeHashPage(kernel_, initrd_, kCmdline);
  page[18 + 50] ^= 1;
  SetHashes(page);
  EXPECT_EQ(Boot(), Failure::kHashTable);
}

// A host's thread that overwrites the shared window whenever the guest is not looking: what is
// verified is what was copied, so either all is as measured or nothing is started.
TEST_P(BootTest, WhatTheHostWritesAfterTheCopyHasNoEffect) {
  if (kind() == IsolationKind::kNone) GTEST_SKIP() << "the host sees everything";
  const GuestMemory guest = memory_.guest();
  host_.before_io = [&] {
    memset(guest.At(SHARED_BASE + 0x2000), 0xee, SHARED_END - SHARED_BASE - 0x2000);
  };
  ASSERT_EQ(Boot(), Failure::kNone);
  const std::vector<uint8_t> proper(kernel_.begin() + kTestSetupSize, kernel_.end());
  EXPECT_EQ(memory_.Bytes(0x1000000, proper.size()), proper);
  EXPECT_EQ(memory_.Bytes(Param<uint32_t>(0x218), initrd_.size()), initrd_);
}

TEST_P(BootTest, TheKernelsMemoryMapHasNoOverlaps) {
  ASSERT_EQ(Boot(), Failure::kNone);
  uint64_t end = 0;
  for (unsigned i = 0; i < Param<uint8_t>(0x1e8); ++i) {
    const auto base = Param<uint64_t>(0x2d0 + i * 20);
    EXPECT_GE(base, end);
    EXPECT_GT(Param<uint64_t>(0x2d0 + i * 20 + 8), 0u);
    end = base + Param<uint64_t>(0x2d0 + i * 20 + 8);
    EXPECT_FALSE(base < 0x100000 && end > 0xa0000) << "the hole for video memory";
  }
  EXPECT_EQ(end, kHighRam.end());
}

TEST_P(BootTest, SnpAloneGetsACcBlob) {
  ASSERT_EQ(Boot(), Failure::kNone);
  const auto setup_data = Param<uint64_t>(0x250);
  if (kind() != IsolationKind::kSnp) {
    EXPECT_EQ(setup_data, 0u);
    return;
  }
  const GuestMemory guest = memory_.guest();
  EXPECT_EQ(guest.Load<uint32_t>(setup_data + 8), 7u);
  const auto blob = guest.Load<uint32_t>(setup_data + 16);
  EXPECT_EQ(guest.Load<uint32_t>(blob), 0x45444d41u);
  EXPECT_EQ(guest.Load<uint64_t>(blob + 8), uint64_t{SECRETS_PAGE});
  EXPECT_EQ(guest.Load<uint64_t>(blob + 24), uint64_t{CPUID_PAGE});
}

TEST_P(BootTest, ATdAloneGetsAWakeupMailbox) {
  ASSERT_EQ(Boot(), Failure::kNone);
  const GuestMemory guest = memory_.guest();
  const auto xsdt = guest.Load<uint64_t>(Param<uint64_t>(0x70) + 24);
  const auto madt = guest.Load<uint64_t>(xsdt + 36);
  const auto length = guest.Load<uint32_t>(madt + 4);
  EXPECT_EQ(length, kind() == IsolationKind::kTdx ? 68u : 52u);
  for (const uint64_t table : {xsdt, madt}) {
    uint8_t sum = 0;
    for (uint32_t i = 0; i < guest.Load<uint32_t>(table + 4); ++i) sum += *guest.At(table + i);
    EXPECT_EQ(sum, 0);
  }
  if (kind() != IsolationKind::kTdx) return;
  EXPECT_EQ(guest.Load<uint8_t>(madt + 52), 0x10);
  EXPECT_EQ(guest.Load<uint64_t>(madt + 60), uint64_t{MAILBOX_PAGE});
  EXPECT_TRUE(host_.gate_open);
}

TEST_P(BootTest, RefusesAMachineWithoutFwCfg) {
  host_.fw_cfg.present = false;
  EXPECT_EQ(Boot(), Failure::kNoFwCfg);
}

TEST_P(BootTest, RefusesFwCfgThatFails) {
  host_.fw_cfg.fails = true;
  EXPECT_EQ(Boot(), Failure::kFwCfgTransfer);
}

TEST(BootSizes, ThatDoNotFitAreRefused) {
  const struct {
    uint16_t key;
    uint32_t size;
    Failure failure;
  } kCases[] = {
      {kFwCfgKernelSize, 0, Failure::kNoKernel},
      {kFwCfgKernelSize, 0x1ff, Failure::kKernelSize},
      {kFwCfgKernelSize, 0xffffffff, Failure::kKernelSize},
      {kFwCfgSetupSize, 0, Failure::kKernelHeader},
      {kFwCfgSetupSize, 0xffffffff, Failure::kKernelHeader},
      {kFwCfgInitrdSize, 0xffffffff, Failure::kInitrdSize},
      {kFwCfgInitrdSize, kRamSize, Failure::kInitrdSize},
      {kFwCfgCmdlineSize, 0xffffffff, Failure::kCmdlineSize},
      {kFwCfgCmdlineSize, CMDLINE_SIZE + 1, Failure::kCmdlineSize},
      {kFwCfgCmdlineSize, 3, Failure::kCmdlineSize},  // no NUL there
  };
  const std::vector<uint8_t> no_hashes(kSmallPage);
  for (const auto& [key, size, failure] : kCases) {
    SCOPED_TRACE(testing::Message() << "item " << key << ", " << size);
    const TestMemory memory;
    TestHost host(TestHost::Kind::kNone, memory);
    AddE820(host.fw_cfg, {{.base = 0, .size = kRamSize}});
    AddAcpi(host.fw_cfg);
    AddBootFiles(host.fw_cfg, MakeBzImage(), {1, 2, 3}, kCmdline);
    host.fw_cfg.AddNumber(key, size);
    NoIsolation isolation(host);
    uint64_t entry = 0;
    EXPECT_EQ(measured::Boot({.kind = IsolationKind::kNone,
                              .ram_end = uint64_t{1} << 47,
                              .image_hashes = no_hashes.data()},
                             host, isolation, memory.guest(), &entry),
              failure);
  }
}

TEST(Console, SaysWhyAndEndsTheGuest) {
  const TestMemory memory;
  TestHost host(TestHost::Kind::kNone, memory);
  NoIsolation isolation(host);
  PrintFailure(isolation, Failure::kInitrdMismatch);
  isolation.Terminate(Failure::kInitrdMismatch);
  EXPECT_EQ(host.console, "guest-fw: the initrd is not the one that was measured\r\n");
  EXPECT_EQ(host.pvpanic, std::vector<uint8_t>{1});
  EXPECT_TRUE(host.halted);
}

TEST(Failures, HaveTextsThatFitIntoATdsRegisters) {
  for (unsigned i = 0; i <= 255; ++i) {
    EXPECT_LE(strlen(FailureText(static_cast<Failure>(i))), size_t{kMaxFailureText}) << i;
  }
}

std::string KindName(const testing::TestParamInfo<IsolationKind>& info) {
  return info.param == IsolationKind::kNone  ? "None"
         : info.param == IsolationKind::kSnp ? "Snp"
                                             : "Tdx";
}

INSTANTIATE_TEST_SUITE_P(Kinds, BootTest,
                         testing::Values(IsolationKind::kNone, IsolationKind::kSnp,
                                         IsolationKind::kTdx),
                         KindName);

}  // namespace
}  // namespace sealvm::measured
