// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/acpi_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/acpi/acpi_table.h"
#include "vmm/boot/acpi/acpi_tables.h"

namespace sealvm {
namespace {

constexpr size_t kCommandSize = 128;

// What a firmware does with the script, and it minds what firmware minds.
class Firmware {
 public:
  // `places`: where each file is put.
  Firmware(const AcpiLoaderFiles& files, std::map<std::string, uint64_t> places)
      : places_(std::move(places)) {
    files_["etc/acpi/tables"] = files.tables;
    files_["etc/acpi/rsdp"] = files.rsdp;
    EXPECT_EQ(files.script.size() % kCommandSize, 0u);
    for (size_t at = 0; at < files.script.size(); at += kCommandSize) {
      Run(std::span(files.script).subspan(at, kCommandSize));
    }
  }

  const std::vector<uint8_t>& file(const std::string& name) { return files_.at(name); }
  int pointers = 0;
  int sums = 0;
  int misaligned = 0;  // files that lie where the script does not want them

 private:
  static std::string Name(std::span<const uint8_t> bytes) {
    EXPECT_EQ(bytes[55], 0);
    return reinterpret_cast<const char*>(bytes.data());
  }

  void Run(std::span<const uint8_t> command) {
    const std::string name = Name(command.subspan(4, 56));
    ASSERT_TRUE(files_.contains(name)) << name;
    std::vector<uint8_t>& file = files_[name];
    switch (*LoadLe<uint32_t>(command)) {
      case 1: {
        const uint32_t alignment = *LoadLe<uint32_t>(command, 60);
        EXPECT_LE(alignment, 4096u);
        if (places_.at(name) % alignment != 0) ++misaligned;
        allocated_.push_back(name);
        return;
      }
      case 2: {
        const std::string target = Name(command.subspan(60, 56));
        EXPECT_TRUE(std::ranges::count(allocated_, name) == 1);
        EXPECT_TRUE(std::ranges::count(allocated_, target) == 1);
        const uint32_t offset = *LoadLe<uint32_t>(command, 116);
        const size_t width = command[120];
        ASSERT_LE(offset + width, file.size());
        const std::span field = std::span(file).subspan(offset, width);
        ASSERT_LT(LoadLeAny(field), files_.at(target).size());
        StoreLeAny(field, LoadLeAny(field) + places_.at(target));
        ++pointers;
        return;
      }
      case 3: {
        const uint32_t offset = *LoadLe<uint32_t>(command, 60);
        const uint32_t start = *LoadLe<uint32_t>(command, 64);
        const uint32_t length = *LoadLe<uint32_t>(command, 68);
        ASSERT_LE(uint64_t{start} + length, file.size());
        ASSERT_LT(offset, file.size());
        // As edk2 has it: what is there counts.
        file[offset] = AcpiChecksum(std::span(file).subspan(start, length));
        ++sums;
        return;
      }
      default:
        FAIL() << "unknown command";
    }
  }

  std::map<std::string, uint64_t> places_;
  std::map<std::string, std::vector<uint8_t>> files_;
  std::vector<std::string> allocated_;
};

PlatformDescription Description(bool fixed_hardware) {
  PlatformDescription platform;
  platform.apic_ids = {0, 1, 2, 3};
  platform.pci_host_bridge = PciHostBridge{.routes = {{.device = 2, .pin = 0, .gsi = 16}}};
  if (fixed_hardware) {
    platform.fixed_hardware = AcpiFixedHardware{.pm1_event_port = 0x620, .pm1_control_port = 0x624};
  }
  return platform;
}

class AcpiLoaderTest : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(Hardware, AcpiLoaderTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Fixed" : "Reduced"; });

// A firmware that loads them where the direct boot has them gets the same bytes.
TEST_P(AcpiLoaderTest, GivesTheTablesOfTheDirectBoot) {
  constexpr uint64_t kBase = 0x7f'0000;
  const PlatformDescription platform = Description(GetParam());
  const auto expected = BuildAcpiTables(platform, kBase, 128 * kKiB);
  const auto files = BuildAcpiLoader(platform);
  ASSERT_TRUE(expected.has_value() && files.has_value());
  const uint64_t first = expected->tables.front().gpa;
  Firmware firmware(*files, {{"etc/acpi/tables", first}, {"etc/acpi/rsdp", kBase}});
  const std::span all(expected->bytes);
  EXPECT_EQ(firmware.file("etc/acpi/rsdp"), std::vector(all.begin(), all.begin() + 36));
  EXPECT_EQ(firmware.file("etc/acpi/tables"),
            std::vector(all.begin() + static_cast<ptrdiff_t>(first - kBase), all.end()));
  // FADT, MADT and DSDT twice, the FACS, and from the RSDP.
  EXPECT_EQ(firmware.pointers, GetParam() ? 6 : 5);
  EXPECT_EQ(firmware.sums, 4 + 2);
}

TEST_P(AcpiLoaderTest, NothingDependsOnWhereTheTablesWereBuilt) {
  const auto files = BuildAcpiLoader(Description(GetParam()));
  ASSERT_TRUE(files.has_value());
  Firmware low(*files, {{"etc/acpi/tables", 0x1000}, {"etc/acpi/rsdp", 0xf0000}});
  Firmware high(*files, {{"etc/acpi/tables", 0xbfff'0000}, {"etc/acpi/rsdp", 0xbffe'0000}});
  EXPECT_EQ(LoadLe<uint64_t>(low.file("etc/acpi/rsdp"), kRsdpXsdt).value() - 0x1000,
            LoadLe<uint64_t>(high.file("etc/acpi/rsdp"), kRsdpXsdt).value() - 0xbfff'0000);
  for (Firmware* firmware : {&low, &high}) {
    EXPECT_EQ(firmware->misaligned, 0);
    const auto& rsdp = firmware->file("etc/acpi/rsdp");
    EXPECT_EQ(std::accumulate(rsdp.begin(), rsdp.end(), 0u) % 256, 0u);
  }
}

TEST(AcpiLoaderErrorsTest, ADescriptionThatMakesNoSenseIsRefused) {
  PlatformDescription platform;
  platform.apic_ids = {1, 1};
  EXPECT_FALSE(BuildAcpiLoader(platform).has_value());
}

}  // namespace
}  // namespace sealvm
