// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/firmware_boot.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "devices/platform_addresses.h"
#include "vmm/machine/isolation_choice.h"

namespace sealvm {
namespace {

std::string Write(const std::string& name, const std::string& bytes) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

MachineConfig Config() {
  MachineConfig config;
  config.firmware = Write("firmware", std::string(8192, 'x'));
  config.kernel = Write("kernel", "MZ");
  config.initrd = Write("initrd", "");
  return config;
}

// What OVMF computes for the same memory.
TEST(OvmfPciWindowsTest, TheMemoryWindowBeginsAtAPowerOfTwoBelow4GiB) {
  for (const auto& [ram, base] : {std::pair{64 * kMiB, 2 * kGiB},
                                  {2 * kGiB, 2 * kGiB},
                                  {2 * kGiB + kPageSize, 3 * kGiB},
                                  {3 * kGiB, 3 * kGiB},
                                  {64 * kGiB, 3 * kGiB}}) {
    const PciWindows windows = OvmfPciWindows(*GuestLayout::Create(ram));
    EXPECT_EQ(windows.memory_base, base) << ram;
    EXPECT_EQ(windows.memory_base + windows.memory_length, 0xfc000000u);
    EXPECT_EQ(windows.io_base, 0xc000);
    EXPECT_EQ(windows.io_base + windows.io_length, 0x10000u);
  }
}

TEST(OvmfPciWindowsTest, OtherDevicesAreOutside) {
  const PciWindows windows = OvmfPciWindows(*GuestLayout::Create(64 * kMiB));
  EXPECT_LE(kPiix4PmTimer + kAcpiPmTimerLength, windows.io_base);
  EXPECT_LE(windows.memory_base + windows.memory_length, kIoApicBase);
}

class FirmwareBootTest : public testing::Test {
 protected:
  void ExpectOpenFails(const MachineConfig& config, const std::string& start) {
    const auto boot = FirmwareBoot::Open(config, {});
    ASSERT_FALSE(boot.has_value());
    EXPECT_EQ(boot.error().kind, ErrorKind::kInvalidInput);
    EXPECT_TRUE(boot.error().message.starts_with(start)) << boot.error().message;
  }
};

TEST_F(FirmwareBootTest, OpensWhatTheConfigurationNames) {
  EXPECT_TRUE(FirmwareBoot::Open(Config(), {}).has_value());
  MachineConfig alone = Config();
  alone.kernel = alone.initrd = "";
  EXPECT_TRUE(FirmwareBoot::Open(alone, {}).has_value());
}

TEST_F(FirmwareBootTest, ErrorsNameTheirOption) {
  MachineConfig config = Config();
  config.firmware = "/nonexistent";
  ExpectOpenFails(config, "--firmware /nonexistent: ");
  config = Config();
  config.kernel = Write("no_kernel", "hello");
  ExpectOpenFails(config,
                  "--kernel " + config.kernel + ": is neither a bzImage nor an EFI program");
  config = Config();
  config.initrd = "/nonexistent";
  ExpectOpenFails(config, "--initrd /nonexistent: ");
  config = Config();
  config.firmware_log = "/nonexistent/log";
  ExpectOpenFails(config, "--firmware-log /nonexistent/log: ");
}

TEST(ChooseFirmwareIsolationTest, AutoIsNoneAndSaysWhy) {
  MachineConfig config = Config();
  const IsolationChoice automatic = ChooseFirmwareIsolation(config);
  EXPECT_EQ(automatic.mode, IsolationMode::kNone);
  EXPECT_NE(automatic.why_not_stronger.find("firmware"), std::string::npos);
  config.isolation = IsolationMode::kNone;
  EXPECT_EQ(ChooseFirmwareIsolation(config).why_not_stronger, "");
}

}  // namespace
}  // namespace sealvm
