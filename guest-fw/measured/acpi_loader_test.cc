// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/acpi_loader.h"

#include <gtest/gtest.h>

#include <vector>

#include "guest-fw/measured/madt_wakeup.h"
#include "guest-fw/measured/no_isolation.h"
#include "guest-fw/measured/testing_host.h"
#include "guest-fw/measured/testing_machine.h"

namespace sealvm::measured {
namespace {

constexpr Range kArea = {.base = 16 * kOneMiB, .size = kAcpiAreaSize};
constexpr char kTables[] = "etc/acpi/tables";
constexpr char kRsdp[] = "etc/acpi/rsdp";
constexpr char kScript[] = "etc/table-loader";

class AcpiLoaderTest : public testing::Test {
 protected:
  AcpiLoaderTest() {
    // What a script must not reach.
    memory_.Write(kArea.end(), std::vector<uint8_t>(kSmallPage, 0x5a));
    memory_.Write(kArea.base - kSmallPage, std::vector<uint8_t>(kSmallPage, 0x5a));
  }
  ~AcpiLoaderTest() override {
    EXPECT_EQ(memory_.Bytes(kArea.end(), kSmallPage), std::vector<uint8_t>(kSmallPage, 0x5a));
    EXPECT_EQ(memory_.Bytes(kArea.base - kSmallPage, kSmallPage),
              std::vector<uint8_t>(kSmallPage, 0x5a));
  }

  Failure Run() {
    FwCfg fw_cfg(isolation_, memory_.guest());
    AcpiLoader loader(fw_cfg, memory_.guest(), kArea);
    const Failure failure = loader.Run(&rsdp_);
    free_ = loader.next();
    return failure;
  }

  // Runs a script that loads tables of 100 bytes and an RSDP, and goes on with `command`.
  Failure RunWith(const std::vector<uint8_t>& command) {
    host_.fw_cfg = {};
    host_.fw_cfg.AddFile(kTables, std::vector<uint8_t>(100));
    host_.fw_cfg.AddFile(kRsdp, std::vector<uint8_t>(36));
    std::vector<uint8_t> script = AllocateCommand(kTables);
    for (const auto& next : {AllocateCommand(kRsdp), command}) {
      script.insert(script.end(), next.begin(), next.end());
    }
    host_.fw_cfg.AddFile(kScript, script);
    return Run();
  }

  TestMemory memory_;
  TestHost host_{TestHost::Kind::kNone, memory_};
  NoIsolation isolation_{host_};
  uint64_t rsdp_ = 0;
  uint64_t free_ = 0;
};

TEST_F(AcpiLoaderTest, PutsTablesPointersAndSums) {
  AddAcpi(host_.fw_cfg);
  ASSERT_EQ(Run(), Failure::kNone);
  const GuestMemory guest = memory_.guest();
  EXPECT_EQ(guest.Load<uint64_t>(rsdp_ + 24), kArea.base);
  EXPECT_EQ(guest.Load<uint64_t>(kArea.base + 36), kArea.base + 44);
  const auto sum = [&](uint64_t base, uint64_t size) {
    uint8_t total = 0;
    for (uint64_t i = 0; i < size; ++i) total += *guest.At(base + i);
    return total;
  };
  EXPECT_EQ(sum(kArea.base, 44), 0);
  EXPECT_EQ(sum(kArea.base + 44, 52), 0);
  EXPECT_EQ(sum(rsdp_, 20), 0);
  EXPECT_EQ(sum(rsdp_, 36), 0);
  EXPECT_GE(free_, rsdp_ + 36);
}

TEST_F(AcpiLoaderTest, WithoutAScriptThereIsNoBoot) { EXPECT_EQ(Run(), Failure::kFwCfgFile); }

TEST_F(AcpiLoaderTest, RefusesScriptsOfImpossibleSizes) {
  for (const uint32_t size : {1u, 127u, 129u, 65536u + 128u, 0xffffff80u}) {
    host_.fw_cfg = {};
    AddAcpi(host_.fw_cfg);
    host_.fw_cfg.false_sizes[kScript] = size;
    EXPECT_EQ(Run(), Failure::kAcpiScript) << size;
  }
}

TEST_F(AcpiLoaderTest, RefusesCommandsThatItDoesNotKnow) {
  EXPECT_EQ(RunWith(std::vector<uint8_t>(128)), Failure::kAcpiScript);
  std::vector<uint8_t> write_pointer(128);
  write_pointer[0] = 4;
  EXPECT_EQ(RunWith(write_pointer), Failure::kAcpiScript);
}

TEST_F(AcpiLoaderTest, RefusesAFileThatIsMissingOrTwiceThere) {
  EXPECT_EQ(RunWith(AllocateCommand("etc/nothing")), Failure::kFwCfgFile);
  EXPECT_EQ(RunWith(AllocateCommand(kTables)), Failure::kAcpiScript);
}

TEST_F(AcpiLoaderTest, RefusesAlignmentsThatAreNone) {
  for (const uint32_t alignment : {0u, 3u, 8192u, 0x80000000u}) {
    EXPECT_EQ(RunWith(AllocateCommand(kScript, alignment)), Failure::kAcpiScript) << alignment;
  }
}

TEST_F(AcpiLoaderTest, RefusesANameWithoutEnd) {
  std::vector<uint8_t> command = AllocateCommand(kScript);
  std::fill(command.begin() + 4, command.begin() + 60, 'x');
  EXPECT_EQ(RunWith(command), Failure::kAcpiScript);
}

TEST_F(AcpiLoaderTest, RefusesFilesThatDoNotFit) {
  for (const uint32_t size : {uint32_t{0}, uint32_t{kAcpiAreaSize}, 0xffffffffu}) {
    host_.fw_cfg = {};
    AddAcpi(host_.fw_cfg);
    host_.fw_cfg.false_sizes[kTables] = size;
    EXPECT_EQ(Run(), Failure::kAcpiMemory) << size;
  }
}

TEST_F(AcpiLoaderTest, RefusesADirectoryThatIsTooLong) {
  AddAcpi(host_.fw_cfg);
  for (const uint32_t count : {512u, 0xffffffffu}) {
    host_.fw_cfg.false_file_count = count;
    EXPECT_EQ(Run(), Failure::kFwCfgFile) << count;
  }
}

TEST_F(AcpiLoaderTest, RefusesPointersOutOfTheirFile) {
  for (const uint32_t offset : {93u, 100u, 0xfffffffcu, 0xffffffffu}) {
    EXPECT_EQ(RunWith(PointerCommand(kTables, kRsdp, offset)), Failure::kAcpiScript) << offset;
  }
  EXPECT_EQ(RunWith(PointerCommand(kTables, kRsdp, 92)), Failure::kNone);
}

TEST_F(AcpiLoaderTest, RefusesPointersOfImpossibleWidths) {
  for (const uint8_t width : {0, 1, 3, 16, 255}) {
    EXPECT_EQ(RunWith(PointerCommand(kTables, kRsdp, 0, width)), Failure::kAcpiScript) << width;
  }
}

TEST_F(AcpiLoaderTest, RefusesPointersBetweenFilesThatWereNotLoaded) {
  EXPECT_EQ(RunWith(PointerCommand("x", kTables, 0)), Failure::kAcpiScript);
  EXPECT_EQ(RunWith(PointerCommand(kTables, "x", 0)), Failure::kAcpiScript);
}

TEST_F(AcpiLoaderTest, RefusesPointersToBehindTheirTarget) {
  AddAcpi(host_.fw_cfg);
  auto& tables = host_.fw_cfg.items[host_.fw_cfg.files[kTables]];
  tables[36 + 7] = 0x80;
  EXPECT_EQ(Run(), Failure::kAcpiScript);
}

TEST_F(AcpiLoaderTest, RefusesSumsOutOfTheirFile) {
  EXPECT_EQ(RunWith(ChecksumCommand(kTables, 100, 0, 10)), Failure::kAcpiScript);
  EXPECT_EQ(RunWith(ChecksumCommand(kTables, 0xffffffff, 0, 10)), Failure::kAcpiScript);
  EXPECT_EQ(RunWith(ChecksumCommand(kTables, 0, 101, 0)), Failure::kAcpiScript);
  EXPECT_EQ(RunWith(ChecksumCommand(kTables, 0, 1, 100)), Failure::kAcpiScript);
  EXPECT_EQ(RunWith(ChecksumCommand(kTables, 0, 10, 0xffffffff)), Failure::kAcpiScript);
  EXPECT_EQ(RunWith(ChecksumCommand("x", 0, 0, 10)), Failure::kAcpiScript);
  EXPECT_EQ(RunWith(ChecksumCommand(kTables, 99, 0, 100)), Failure::kNone);
}

TEST_F(AcpiLoaderTest, RefusesAnRsdpThatIsTooShort) {
  AddAcpi(host_.fw_cfg);
  host_.fw_cfg.false_sizes[kRsdp] = 35;
  EXPECT_EQ(Run(), Failure::kAcpiScript);
}

class MadtWakeupTest : public AcpiLoaderTest {
 protected:
  MadtWakeupTest() {
    AddAcpi(host_.fw_cfg);
    EXPECT_EQ(Run(), Failure::kNone);
  }
  Failure Add(const Range& tables = kArea) {
    return AddMadtWakeup(memory_.guest(), tables, free_, rsdp_, 0x1d000);
  }
};

TEST_F(MadtWakeupTest, IsAddedToACopy) {
  ASSERT_EQ(Add(), Failure::kNone);
  const GuestMemory guest = memory_.guest();
  const auto madt = guest.Load<uint64_t>(kArea.base + 36);
  EXPECT_GE(madt, free_);
  EXPECT_EQ(guest.Load<uint32_t>(madt), 0x43495041u);
  EXPECT_EQ(guest.Load<uint32_t>(madt + 4), 68u);
  EXPECT_EQ(guest.Load<uint64_t>(madt + 60), 0x1d000u);
}

TEST_F(MadtWakeupTest, RefusesTablesOutside) {
  const GuestMemory guest = memory_.guest();
  for (const uint64_t xsdt : {uint64_t{0}, kArea.base - 8, kArea.end() - 8, ~uint64_t{0} - 8}) {
    guest.Store<uint64_t>(rsdp_ + 24, xsdt);
    EXPECT_EQ(Add(), Failure::kAcpiTables) << xsdt;
  }
}

TEST_F(MadtWakeupTest, RefusesTablesOfImpossibleLengths) {
  for (const uint32_t length : {0u, 35u, uint32_t{kAcpiAreaSize} + 1, 0xffffffffu}) {
    memory_.guest().Store<uint32_t>(kArea.base + 4, length);
    EXPECT_EQ(Add(), Failure::kAcpiTables) << length;
  }
}

TEST_F(MadtWakeupTest, RefusesAMissingMadt) {
  memory_.guest().Store<uint32_t>(kArea.base + 44, 0);
  EXPECT_EQ(Add(), Failure::kAcpiTables);
}

TEST_F(MadtWakeupTest, RefusesAMadtThatLeavesNoRoom) {
  EXPECT_EQ(Add({.base = kArea.base, .size = free_ - kArea.base + 32}), Failure::kAcpiMemory);
}

}  // namespace
}  // namespace sealvm::measured
