// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/acpi_tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/boot_layout.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

AcpiTables Build(const PlatformDescription& platform) {
  auto tables = BuildAcpiTables(platform, kAcpiAreaBase, kAcpiAreaSize);
  EXPECT_TRUE(tables.has_value()) << tables.error().ToString();
  return *std::move(tables);
}

std::span<const uint8_t> Table(const AcpiTables& tables, std::string_view signature) {
  for (const AcpiTablePlace& place : tables.tables) {
    if (place.signature == signature) {
      return std::span(tables.bytes).subspan(place.gpa - tables.base, place.size);
    }
  }
  return {};
}

uint8_t Sum(std::span<const uint8_t> bytes) {
  return static_cast<uint8_t>(std::accumulate(bytes.begin(), bytes.end(), 0u));
}

std::string Text(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

PlatformDescription Vcpus(uint32_t count, uint32_t first_id = 0) {
  PlatformDescription platform;
  platform.apic_ids.resize(count);
  std::iota(platform.apic_ids.begin(), platform.apic_ids.end(), first_id);
  return platform;
}

PlatformDescription FixedHardware() {
  PlatformDescription platform;
  platform.fixed_hardware =
      AcpiFixedHardware{.pm1_event_port = 0x620, .pm1_control_port = 0x624, .pm_timer_port = 0x628};
  return platform;
}

// FNV-1a, to pin the bytes without writing them down.
uint64_t Hash(std::span<const uint8_t> bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

TEST(AcpiTables, RsdpIsFirstAndCorrect) {
  const AcpiTables tables = Build({});
  const auto rsdp = std::span(tables.bytes).first(36);

  EXPECT_EQ(Text(rsdp.first(8)), "RSD PTR ");
  EXPECT_EQ(rsdp[15], 2);
  EXPECT_EQ(Sum(rsdp.first(20)), 0);
  EXPECT_EQ(Sum(rsdp), 0);
  EXPECT_EQ(LoadLe<uint32_t>(rsdp, 16), 0u);
  EXPECT_EQ(LoadLe<uint32_t>(rsdp, 20), 36u);
  EXPECT_EQ(LoadLe<uint64_t>(rsdp, 24), tables.tables.back().gpa);
}

TEST(AcpiTables, EveryTableHasSignatureLengthAndChecksum) {
  const AcpiTables tables = Build({});

  ASSERT_EQ(tables.tables.size(), 4u);
  for (const AcpiTablePlace& place : tables.tables) {
    const auto table = Table(tables, place.signature);
    EXPECT_EQ(Text(table.first(4)), place.signature);
    EXPECT_EQ(LoadLe<uint32_t>(table, 4), table.size());
    EXPECT_EQ(Sum(table), 0) << place.signature;
    EXPECT_EQ(Text(table.subspan(10, 6)), "SEALVM");
  }
}

TEST(AcpiTables, TablesAreAlignedAndApart) {
  const AcpiTables tables = Build(FixedHardware());

  for (size_t i = 0; i < tables.tables.size(); ++i) {
    EXPECT_EQ(tables.tables[i].gpa % 16, 0u);
    if (i > 0) {
      EXPECT_GE(tables.tables[i].gpa, tables.tables[i - 1].gpa + tables.tables[i - 1].size);
    }
  }
}

TEST(AcpiTables, XsdtListsFadtAndMadt) {
  const AcpiTables tables = Build({});
  const auto xsdt = Table(tables, "XSDT");

  ASSERT_EQ(xsdt.size(), 36u + 16);
  EXPECT_EQ(LoadLe<uint64_t>(xsdt, 36), tables.tables[1].gpa);
  EXPECT_EQ(LoadLe<uint64_t>(xsdt, 44), tables.tables[2].gpa);
}

TEST(Fadt, PointsToTheDsdt) {
  const AcpiTables tables = Build({});
  const auto fadt = Table(tables, "FACP");

  ASSERT_EQ(fadt.size(), 276u);
  EXPECT_EQ(fadt[8], 6);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 40), tables.tables[0].gpa);
  EXPECT_EQ(LoadLe<uint64_t>(fadt, 140), tables.tables[0].gpa);
}

TEST(Fadt, HardwareReducedPlatformHasSleepRegistersAndNoPm1) {
  const AcpiTables tables = Build({});
  const auto fadt = Table(tables, "FACP");

  EXPECT_NE(*LoadLe<uint32_t>(fadt, 112) & (1u << 20), 0u);
  EXPECT_EQ(LoadLe<uint64_t>(fadt, 244 + 4), kAcpiSleepControlPort);
  EXPECT_EQ(LoadLe<uint64_t>(fadt, 256 + 4), kAcpiSleepStatusPort);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 36), 0u);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 56), 0u);
}

TEST(Fadt, FixedHardwareHasPm1AndFacsAndNoSleepRegisters) {
  const AcpiTables tables = Build(FixedHardware());
  const auto fadt = Table(tables, "FACP");

  EXPECT_EQ(*LoadLe<uint32_t>(fadt, 112) & (1u << 20), 0u);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 56), 0x620u);
  EXPECT_EQ(fadt[88], 4);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 64), 0x624u);
  EXPECT_EQ(fadt[89], 2);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 76), 0x628u);
  EXPECT_EQ(LoadLe<uint16_t>(fadt, 46), 9);
  EXPECT_EQ(LoadLe<uint64_t>(fadt, 244 + 4), 0u);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 36), tables.tables[0].gpa);
  EXPECT_EQ(Text(Table(tables, "FACS").first(4)), "FACS");
  EXPECT_EQ(tables.tables[0].gpa % 64, 0u);
}

TEST(Fadt, AbsentDevicesAreNotProbed) {
  const AcpiTables tables = Build({.serial = false, .pvpanic = false});

  // No VGA, no CMOS clock; neither legacy devices nor an 8042.
  EXPECT_EQ(LoadLe<uint16_t>(Table(tables, "FACP"), 109), 0x24);
}

TEST(Fadt, PresentDevicesAreAnnounced) {
  const AcpiTables tables = Build({.serial = true, .rtc = true, .i8042 = true});

  EXPECT_EQ(LoadLe<uint16_t>(Table(tables, "FACP"), 109), 0x07);
}

TEST(Fadt, ResetRegisterIsThePlatforms) {
  const AcpiTables tables = Build({});
  const auto fadt = Table(tables, "FACP");

  EXPECT_NE(*LoadLe<uint32_t>(fadt, 112) & (1u << 10), 0u);
  EXPECT_EQ(fadt[116], 1);  // I/O space
  EXPECT_EQ(LoadLe<uint64_t>(fadt, 120), kAcpiResetPort);
  EXPECT_EQ(fadt[128], 1);
}

// The interrupt controller structures of a MADT as (type, bytes).
std::vector<std::vector<uint8_t>> Structures(std::span<const uint8_t> madt) {
  std::vector<std::vector<uint8_t>> all;
  for (size_t at = 44; at + 2 <= madt.size() && madt[at + 1] != 0; at += madt[at + 1]) {
    const auto one = madt.subspan(at, madt[at + 1]);
    all.emplace_back(one.begin(), one.end());
  }
  return all;
}

TEST(Madt, ListsLocalApicsAndTheIoApic) {
  const auto structures = Structures(Table(Build(Vcpus(2)), "APIC"));

  ASSERT_EQ(structures.size(), 3u);
  EXPECT_EQ(structures[0], (std::vector<uint8_t>{0, 8, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(structures[1], (std::vector<uint8_t>{0, 8, 1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(structures[2], (std::vector<uint8_t>{1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0}));
}

TEST(Madt, ApicIdsFrom255OnUseX2Apic) {
  const auto structures = Structures(Table(Build(Vcpus(2, 254)), "APIC"));

  ASSERT_EQ(structures.size(), 3u);
  EXPECT_EQ(structures[0], (std::vector<uint8_t>{0, 8, 0, 254, 1, 0, 0, 0}));
  EXPECT_EQ(structures[1],
            (std::vector<uint8_t>{9, 16, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(Madt, WithoutIoApicThereMayBeThe8259s) {
  const AcpiTables tables = Build({.io_apic = false, .dual_8259 = true});
  const auto madt = Table(tables, "APIC");

  EXPECT_EQ(LoadLe<uint32_t>(madt, 40), 1u);
  EXPECT_EQ(Structures(madt).size(), 1u);
}

TEST(Madt, SciIsLevelTriggered) {
  const auto structures = Structures(Table(Build(FixedHardware()), "APIC"));

  EXPECT_EQ(structures.back(), (std::vector<uint8_t>{2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0}));
}

TEST(AcpiTables, SixtyFourVcpusFit) {
  const AcpiTables tables = Build(Vcpus(64));

  EXPECT_EQ(Structures(Table(tables, "APIC")).size(), 65u);
  EXPECT_LT(tables.bytes.size(), 4096u);
}

TEST(AcpiTables, TooManyVcpusForTheAreaAreRefused) {
  ExpectError(BuildAcpiTables(Vcpus(10000), kAcpiAreaBase, kAcpiAreaSize), ErrorKind::kHost,
              "do not fit into 131072");
}

TEST(AcpiTables, TwoVcpusWithOneApicIdAreRefused) {
  ExpectError(BuildAcpiTables({.apic_ids = {3, 1, 3}}, kAcpiAreaBase, kAcpiAreaSize),
              ErrorKind::kHost, "no APIC identifier twice");
}

TEST(AcpiTables, NoVcpusAreRefused) {
  ExpectError(BuildAcpiTables({.apic_ids = {}}, kAcpiAreaBase, kAcpiAreaSize), ErrorKind::kHost,
              "at least one vCPU");
}

TEST(AcpiTables, BaseAbove4GiBIsRefused) {
  ExpectError(BuildAcpiTables({}, 4 * kGiB, kAcpiAreaSize), ErrorKind::kHost, "cannot lie");
}

// Launch measurements cover these bytes: a change here changes every guest's.
TEST(AcpiTables, BytesDoNotVary) {
  PlatformDescription full = Vcpus(64);
  full.rtc = true;
  full.i8042 = true;
  full.pci_host_bridge = PciHostBridge{.routes = {{.device = 1, .pin = 0, .gsi = 11}}};

  EXPECT_EQ(Hash(Build(Vcpus(1)).bytes), 0xb7f3c66f093fbf57u);
  EXPECT_EQ(Hash(Build(full).bytes), 0x2666a2df42fec53du);
  EXPECT_EQ(Build(full).bytes, Build(full).bytes);
}

TEST(Dsdt, BridgeIsThereOnlyWhenAsked) {
  const AcpiTables without = Build({});
  PlatformDescription platform;
  platform.pci_host_bridge = PciHostBridge{};
  const AcpiTables with = Build(platform);

  EXPECT_EQ(Text(Table(without, "DSDT")).find("PCI0"), std::string::npos);
  EXPECT_NE(Text(Table(with, "DSDT")).find("PCI0"), std::string::npos);
}

TEST(Dsdt, RoutesMakeARoutingTable) {
  PlatformDescription platform;
  platform.pci_host_bridge = PciHostBridge{};
  EXPECT_EQ(Text(Table(Build(platform), "DSDT")).find("_PRT"), std::string::npos);

  platform.pci_host_bridge->routes = {{.device = 3, .pin = 1, .gsi = 10}};
  EXPECT_NE(Text(Table(Build(platform), "DSDT")).find("_PRT"), std::string::npos);
}

TEST(Dsdt, DevicesAreThereOnlyWhenAsked) {
  const PlatformDescription none = {
      .serial = false, .rtc = false, .pvpanic = false, .power_button = false};
  const std::string bare = Text(Table(Build(none), "DSDT"));
  const std::string usual = Text(Table(Build({.rtc = true}), "DSDT"));

  for (const char* name : {"COM1", "RTC_", "PEVT", "PWRB", "GED_"}) {
    EXPECT_EQ(bare.find(name), std::string::npos) << name;
    EXPECT_NE(usual.find(name), std::string::npos) << name;
  }
  EXPECT_NE(bare.find("_S5_"), std::string::npos);
}

// Generic address structures, ACPI 6.5 section 5.2.3.2: space, bits, offset, access size, address.
TEST(AcpiTables, EventBlockMayLieInMemory) {
  PlatformDescription platform = FixedHardware();
  platform.fixed_hardware->pm1_event_memory = 0xfed82000;
  const AcpiTables tables = Build(platform);
  const auto fadt = Table(tables, "FACP");
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 56), 0u);
  EXPECT_EQ(fadt[148], 0);
  EXPECT_EQ(fadt[149], 32);
  EXPECT_EQ(LoadLe<uint64_t>(fadt, 152), 0xfed82000u);
  EXPECT_EQ(LoadLe<uint32_t>(fadt, 64), 0x624u) << "the control block stays at its port";
}

}  // namespace
}  // namespace sealvm
