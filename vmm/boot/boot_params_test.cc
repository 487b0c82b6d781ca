// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/boot_params.h"

#include <gtest/gtest.h>

#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/boot_layout.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

const std::vector<MemoryMapEntry> kMap = {{0, 0x9fc00, MemoryType::kRam},
                                          {0xe0000, 0x20000, MemoryType::kAcpi}};

// A page built with these inputs; offsets below are those of zero-page.rst and boot.rst.
std::vector<uint8_t> Build(BootParamsInputs inputs) {
  inputs.memory_map = kMap;
  auto page = BuildBootParams(inputs);
  EXPECT_TRUE(page.has_value());
  return page ? *page : std::vector<uint8_t>(kZeroPageSize);
}

TEST(BootParams, IsOnePage) { EXPECT_EQ(Build({}).size(), 4096u); }

TEST(BootParams, SynthesizesAHeaderForElf) {
  const auto page = Build({});

  EXPECT_EQ(LoadLe<uint16_t>(page, 0x1fe), 0xaa55);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x202), 0x53726448u);
  EXPECT_EQ(LoadLe<uint16_t>(page, 0x206), 0x020f);
  EXPECT_EQ(LoadLe<uint8_t>(page, 0x211), 1);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x238), 2047u);
}

TEST(BootParams, CopiesTheFilesHeader) {
  std::vector<uint8_t> header(0x268 - 0x1f1, 0);
  header[0x206 - 0x1f1] = 0x0d;
  header[0x207 - 0x1f1] = 0x02;
  header[0x264 - 0x1f1] = 0x77;  // handover_offset

  const auto page = Build({.setup_header = header});

  EXPECT_EQ(LoadLe<uint16_t>(page, 0x206), 0x020d);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x264), 0x77u);
}

TEST(BootParams, OverlongHeaderDoesNotReachTheE820Table) {
  const std::vector<uint8_t> header(0x1000, 0xee);

  const auto page = Build({.setup_header = header});

  EXPECT_EQ(page[0x28f], 0xee);
  EXPECT_EQ(page[0x290], 0);
  EXPECT_EQ(LoadLe<uint64_t>(page, 0x2d0 + 8), 0x9fc00u);
}

TEST(BootParams, NamesAnUndefinedLoader) { EXPECT_EQ(Build({})[0x210], 0xff); }

TEST(BootParams, SplitsAddressesAbove4GiB) {
  const auto page = Build({.kernel = 0x1000000,
                           .cmdline = 0x1'0000'2000,
                           .initrd = 0x2'3000'0000,
                           .initrd_size = 0x1'0000'0010});

  EXPECT_EQ(LoadLe<uint32_t>(page, 0x214), 0x1000000u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x228), 0x2000u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x0c8), 1u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x218), 0x30000000u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x0c0), 2u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x21c), 0x10u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x0c4), 1u);
}

TEST(BootParams, HandsOverRsdpAndSetupData) {
  const auto page = Build({.rsdp = 0xe0000, .setup_data = 0x30000});

  EXPECT_EQ(LoadLe<uint64_t>(page, 0x070), 0xe0000u);
  EXPECT_EQ(LoadLe<uint64_t>(page, 0x250), 0x30000u);
}

TEST(BootParams, WritesTheE820Table) {
  const auto page = Build({});

  EXPECT_EQ(page[0x1e8], 2);
  EXPECT_EQ(LoadLe<uint64_t>(page, 0x2d0), 0u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x2d0 + 16), 1u);
  EXPECT_EQ(LoadLe<uint64_t>(page, 0x2d0 + 20), 0xe0000u);
  EXPECT_EQ(LoadLe<uint64_t>(page, 0x2d0 + 28), 0x20000u);
  EXPECT_EQ(LoadLe<uint32_t>(page, 0x2d0 + 36), 3u);
}

TEST(BootParams, TakesAFullE820Table) {
  const std::vector<MemoryMapEntry> map(128, {.base = 0, .size = 1});

  const auto page = BuildBootParams({.memory_map = map});

  ASSERT_TRUE(page.has_value());
  EXPECT_EQ((*page)[0x1e8], 128);
}

TEST(BootParams, RefusesAnOverfullE820Table) {
  const std::vector<MemoryMapEntry> map(129, {.base = 0, .size = 1});

  ExpectInvalidInput(BuildBootParams({.memory_map = map}),
                     "memory map has 129 entries, boot_params holds 128");
}

TEST(SetupData, ChainsItsNodes) {
  const std::vector<SetupDataItem> items = {{.type = 2, .bytes = {1, 2, 3}},
                                            {.type = 9, .bytes = {4}}};

  const auto chain = BuildSetupData(items, 0x30000);

  ASSERT_EQ(chain.size(), 24u + 24);
  EXPECT_EQ(LoadLe<uint64_t>(chain, 0), 0x30018u);
  EXPECT_EQ(LoadLe<uint32_t>(chain, 8), 2u);
  EXPECT_EQ(LoadLe<uint32_t>(chain, 12), 3u);
  EXPECT_EQ(chain[18], 3);
  EXPECT_EQ(LoadLe<uint64_t>(chain, 24), 0u);
  EXPECT_EQ(LoadLe<uint32_t>(chain, 32), 9u);
  EXPECT_EQ(chain[40], 4);
}

TEST(SetupData, NothingMakesNoBytes) { EXPECT_TRUE(BuildSetupData({}, 0x30000).empty()); }

}  // namespace
}  // namespace sealvm
