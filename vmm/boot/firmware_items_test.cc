// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware_items.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

using Bytes = std::vector<uint8_t>;

std::shared_ptr<const ImageFile> File(const std::string& name, Bytes bytes) {
  return std::make_shared<const ImageFile>(ImageFile::FromBuffer(name, std::move(bytes)));
}

// With the stub's signature.
Bytes Kernel(uint8_t setup_sects) {
  Bytes bytes = BzImageBuilder{.setup_sects = setup_sects}.Build();
  bytes[0] = 'M';
  bytes[1] = 'Z';
  return bytes;
}

FwCfgItems Items(const FirmwareBootFiles& files, const std::string& cmdline = "",
                 uint64_t ram = 64 * kMiB) {
  PlatformDescription platform;
  platform.apic_ids = {0, 1, 2};
  auto items = MakeFirmwareItems(*GuestLayout::Create(ram), platform, files, cmdline);
  EXPECT_TRUE(items.has_value());
  return *std::move(items);
}

Bytes Content(const FwCfgSource* source) {
  if (source == nullptr) return {};
  Bytes bytes(source->size());
  EXPECT_TRUE(source->Read(0, bytes).has_value());
  return bytes;
}

uint64_t Number(const FwCfgItems& items, uint16_t key) {
  return LoadLeAny(Content(items.Find(key)));
}

TEST(FirmwareItemsTest, TellsOfCpusAndRam) {
  const FwCfgItems items = Items({});
  EXPECT_EQ(Content(items.Find(kFwCfgCpus)), (Bytes{3, 0}));
  EXPECT_EQ(Content(items.Find(kFwCfgMaxCpus)), (Bytes{3, 0}));
  EXPECT_EQ(Content(items.FindFile("etc/e820")),
            (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(FirmwareItemsTest, RamAbove4GiBIsARangeOfItsOwn) {
  const Bytes map = Content(Items({}, "", 5 * kGiB).FindFile("etc/e820"));
  ASSERT_EQ(map.size(), 40u);
  EXPECT_EQ(LoadLe<uint64_t>(map, 8), 3 * kGiB);
  EXPECT_EQ(LoadLe<uint64_t>(map, 20), 4 * kGiB);
  EXPECT_EQ(LoadLe<uint64_t>(map, 28), 2 * kGiB);
}

TEST(FirmwareItemsTest, AcpiComesAsFiles) {
  const FwCfgItems items = Items({});
  for (const char* name : {"etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader"}) {
    EXPECT_FALSE(Content(items.FindFile(name)).empty()) << name;
  }
}

// A measurement of the items is one of the file.
TEST(FirmwareItemsTest, TheKernelIsTheFileUnchanged) {
  for (const uint8_t sectors : {1, 4, 39}) {
    const Bytes kernel = Kernel(sectors);
    const FwCfgItems items = Items({.kernel = File("k", kernel)});
    const Bytes setup = Content(items.Find(kFwCfgSetupData));
    const Bytes rest = Content(items.Find(kFwCfgKernelData));
    EXPECT_EQ(setup.size(), (sectors + 1u) * 512);
    EXPECT_EQ(Number(items, kFwCfgSetupSize), setup.size());
    EXPECT_EQ(Number(items, kFwCfgKernelSize), rest.size());
    Bytes both = setup;
    both.insert(both.end(), rest.begin(), rest.end());
    EXPECT_EQ(both, kernel);
  }
}

TEST(FirmwareItemsTest, NoSetupSectorsMeansFour) {
  Bytes kernel = Kernel(4);
  kernel[0x1f1] = 0;
  EXPECT_EQ(Number(Items({.kernel = File("k", kernel)}), kFwCfgSetupSize), 5u * 512);
}

TEST(FirmwareItemsTest, EfiProgramsWithoutASetupPartAreOnePiece) {
  for (const size_t size : {size_t{2}, size_t{0x1f2}, size_t{4096}}) {
    Bytes program(size, 0x11);
    program[0] = 'M';
    program[1] = 'Z';
    const FwCfgItems items = Items({.kernel = File("k", program)});
    EXPECT_EQ(Number(items, kFwCfgSetupSize), 0u);
    EXPECT_EQ(Content(items.Find(kFwCfgKernelData)), program);
  }
}

TEST(FirmwareItemsTest, ASetupPartLongerThanTheFileIsNone) {
  Bytes kernel = Kernel(1);
  kernel[0x1f1] = 0xff;
  EXPECT_EQ(Number(Items({.kernel = File("k", kernel)}), kFwCfgSetupSize), 0u);
}

TEST(FirmwareItemsTest, InitrdAndCommandLineComeWithTheKernel) {
  const FwCfgItems items =
      Items({.kernel = File("k", Kernel(1)), .initrd = File("i", {5, 6, 7})}, "a=b");
  EXPECT_EQ(Number(items, kFwCfgInitrdSize), 3u);
  EXPECT_EQ(Content(items.Find(kFwCfgInitrdData)), (Bytes{5, 6, 7}));
  EXPECT_EQ(Number(items, kFwCfgCmdlineSize), 4u);
  EXPECT_EQ(Content(items.Find(kFwCfgCmdlineData)), (Bytes{'a', '=', 'b', 0}));
}

TEST(FirmwareItemsTest, WithoutAKernelThereIsNothingToLoad) {
  const FwCfgItems items = Items({}, "");
  for (const uint16_t key :
       {kFwCfgKernelSize, kFwCfgSetupSize, kFwCfgInitrdSize, kFwCfgCmdlineSize}) {
    EXPECT_EQ(items.Find(key), nullptr) << key;
  }
}

TEST(FirmwareBootFilesTest, OnlyEfiProgramsAndBzImagesAreStarted) {
  EXPECT_TRUE(CheckFirmwareBootFiles({}).has_value());
  EXPECT_TRUE(CheckFirmwareBootFiles({.kernel = File("k", {'M', 'Z'})}).has_value());
  EXPECT_TRUE(CheckFirmwareBootFiles({.kernel = File("k", Kernel(1))}).has_value());
  Bytes without_stub = Kernel(1);
  without_stub[0] = without_stub[1] = 0;
  EXPECT_TRUE(CheckFirmwareBootFiles({.kernel = File("k", without_stub)}).has_value());
  ExpectInvalidInput(CheckFirmwareBootFiles({.kernel = File("k", {0x7f, 'E', 'L', 'F'})}),
                     "k: is neither a bzImage nor an EFI program");
  ExpectInvalidInput(CheckFirmwareBootFiles({.kernel = File("k", {})}), "k: is neither a bzImage");
  ExpectInvalidInput(CheckFirmwareBootFiles({.kernel = File("k", {'M'})}), "k: is neither");
}

}  // namespace
}  // namespace sealvm
