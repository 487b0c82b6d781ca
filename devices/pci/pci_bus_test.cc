// SPDX-License-Identifier: Apache-2.0
#include "devices/pci/pci_bus.h"

#include <gtest/gtest.h>

#include "devices/pci/host_bridges.h"
#include "devices/platform_addresses.h"
#include "memory/base/endian.h"

namespace sealvm {
namespace {

// One memory BAR of 4 KiB and one I/O BAR of 256 bytes that remember what was written.
class Gadget : public PciFunction {
 public:
  Gadget() {
    config_.AddBar(0, PciSpace::kMemory, 0x1000, 0xc0000000);
    config_.AddBar(1, PciSpace::kIo, 0x100, 0x1000);
  }
  std::string_view Name() const override { return "gadget"; }
  void ReadConfig(uint32_t offset, std::span<uint8_t> out) override { config_.Read(offset, out); }
  void WriteConfig(uint32_t offset, std::span<const uint8_t> bytes) override {
    config_.Write(offset, bytes);
  }
  std::optional<PciBarWindow> BarWindow(uint8_t bar) const override { return config_.Window(bar); }
  void OnBarForwarded(uint8_t bar, const std::optional<PciBarWindow>& window) override {
    forwarded[bar] = window;
    ++changes;
  }
  void ReadBar(uint8_t bar, uint64_t offset, std::span<uint8_t> out) override {
    StoreLeAny(out, (bar + 1u) << 16 | offset);
  }
  void WriteBar(uint8_t bar, uint64_t offset, std::span<const uint8_t> bytes) override {
    last_write = {bar, offset, LoadLeAny(bytes)};
  }

  std::array<std::optional<PciBarWindow>, kPciBars> forwarded;
  int changes = 0;
  std::tuple<uint8_t, uint64_t, uint64_t> last_write;

 private:
  PciConfigSpace config_{{.vendor_id = 0x1234,
                          .device_id = 0x5678,
                          .revision = 0,
                          .class_code = 0xff0000,
                          .subsystem_vendor_id = 0,
                          .subsystem_id = 0}};
};

class PciBusTest : public testing::Test {
 protected:
  static constexpr uint8_t kDevice = 3;

  PciBusTest() {
    EXPECT_TRUE(bus_.Add(kDevice, gadget_).has_value());
    EXPECT_TRUE(bus_.AttachTo(pio_, mmio_).has_value());
  }

  static uint64_t Read(Bus& bus, uint64_t address, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    bus.Read(address, std::span(bytes).first(width));
    return LoadLeAny(std::span(bytes).first(width));
  }
  static void Write(Bus& bus, uint64_t address, uint64_t value, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    StoreLeAny(bytes, value);
    bus.Write(address, std::span(bytes).first(width));
  }
  void Select(uint32_t device, uint32_t offset, uint32_t function = 0, uint32_t number = 0) {
    Write(pio_, kPciConfigAddressPort,
          1u << 31 | number << 16 | device << 11 | function << 8 | offset, 4);
  }
  void WriteConfig(uint32_t offset, uint64_t value, size_t width) {
    Select(kDevice, offset & ~3u);
    Write(pio_, kPciConfigDataPort + offset % 4, value, width);
  }

  Bus pio_{"I/O port"};
  Bus mmio_{"MMIO"};
  std::shared_ptr<Gadget> gadget_ = std::make_shared<Gadget>();
  PciBus bus_;
};

TEST_F(PciBusTest, FindsFunctionsByAddress) {
  Select(kDevice, 0);
  EXPECT_EQ(Read(pio_, kPciConfigDataPort, 4), 0x56781234u);
  EXPECT_EQ(Read(pio_, kPciConfigDataPort + 2, 2), 0x5678u);
  EXPECT_EQ(Read(pio_, kPciConfigDataPort + 3, 1), 0x56u);
  Select(0, 0);
  EXPECT_EQ(Read(pio_, kPciConfigDataPort, 2), 0x1b36u);
}

TEST_F(PciBusTest, NothingAnswersForWhatIsNotThere) {
  for (const auto [device, function, bus] :
       {std::array{4u, 0u, 0u}, std::array{3u, 1u, 0u}, std::array{3u, 0u, 1u}}) {
    Select(device, 0, function, bus);
    EXPECT_EQ(Read(pio_, kPciConfigDataPort, 4), 0xffffffffu);
  }
  Write(pio_, kPciConfigAddressPort, uint32_t{kDevice} << 11, 4);
  EXPECT_EQ(Read(pio_, kPciConfigDataPort, 4), 0xffffffffu);
}

TEST_F(PciBusTest, TheAddressRegisterTakesWholeDwords) {
  Select(kDevice, 8);
  Write(pio_, kPciConfigAddressPort + 1, 0xff, 1);
  Write(pio_, kPciConfigAddressPort, 0xffff, 2);
  EXPECT_EQ(Read(pio_, kPciConfigAddressPort, 4), 1u << 31 | kDevice << 11 | 8);
  EXPECT_EQ(Read(pio_, kPciConfigAddressPort, 1), 0xffu);
}

TEST_F(PciBusTest, BarsFollowTheGuest) {
  EXPECT_EQ(Read(mmio_, 0xc0000010, 4), 0xffffffffu);
  WriteConfig(kPciCommand, kPciCommandMemory | kPciCommandIo, 2);
  EXPECT_EQ(Read(mmio_, 0xc0000010, 4), 0x10010u);
  EXPECT_EQ(Read(pio_, 0x1020, 4), 0x20020u);
  WriteConfig(kPciBar0, 0xd0000000, 4);
  EXPECT_EQ(Read(mmio_, 0xc0000010, 4), 0xffffffffu);
  Write(mmio_, 0xd0000ffc, 7, 4);
  EXPECT_EQ(gadget_->last_write, std::tuple(0, 0xffc, 7));
  WriteConfig(kPciCommand, 0, 2);
  EXPECT_EQ(Read(mmio_, 0xd0000010, 4), 0xffffffffu);
  EXPECT_FALSE(gadget_->forwarded[0].has_value());
}

TEST_F(PciBusTest, AFunctionHearsOfChangesAlone) {
  WriteConfig(kPciCommand, kPciCommandMemory, 2);
  EXPECT_EQ(gadget_->changes, 1);
  WriteConfig(kPciCommand, kPciCommandMemory | kPciCommandBusMaster, 2);
  WriteConfig(kPciInterruptLine, 9, 1);
  EXPECT_EQ(gadget_->changes, 1);
  WriteConfig(kPciBar0, 0xc8000000, 4);
  EXPECT_EQ(gadget_->changes, 2);
  EXPECT_EQ(gadget_->forwarded[0]->base, 0xc8000000u);
}

// Other devices' registers, RAM and interrupt controllers stay out of a BAR's reach.
TEST_F(PciBusTest, ABarOutsideTheWindowsIsNotForwarded) {
  WriteConfig(kPciCommand, kPciCommandMemory | kPciCommandIo, 2);
  for (const uint32_t base : {0x1000u, 0xfec00000u, 0xfee00000u, 0xfffff000u, 0xbffff000u}) {
    WriteConfig(kPciBar0, base, 4);
    EXPECT_FALSE(gadget_->forwarded[0].has_value()) << std::hex << base;
  }
  for (const uint32_t base : {0x300u, 0x10000u, 0xffffff00u}) {
    WriteConfig(kPciBar0 + 4, base, 4);
    EXPECT_FALSE(gadget_->forwarded[1].has_value()) << std::hex << base;
  }
  WriteConfig(kPciBar0, 0xfebff000, 4);
  EXPECT_TRUE(gadget_->forwarded[0].has_value());
}

TEST_F(PciBusTest, AccessesThatRunOverABarReachNothing) {
  WriteConfig(kPciCommand, kPciCommandMemory, 2);
  EXPECT_EQ(Read(mmio_, 0xc0000ffe, 4), 0xffffffffu);
}

TEST_F(PciBusTest, ADeviceMayHaveSeveralFunctions) {
  const auto second = std::make_shared<Gadget>();
  EXPECT_TRUE(bus_.Add(kDevice, 7, second).has_value());
  Select(kDevice, 0, 7);
  EXPECT_EQ(Read(pio_, kPciConfigDataPort, 4), 0x56781234u);
  Select(kDevice, kPciCommand, 7);
  Write(pio_, kPciConfigDataPort, kPciCommandMemory, 2);
  EXPECT_EQ(second->changes, 1);
  EXPECT_EQ(gadget_->changes, 0);
  EXPECT_FALSE(bus_.Add(kDevice, 7, second).has_value());
  EXPECT_FALSE(bus_.Add(kDevice, PciBus::kFunctions, second).has_value());
}

TEST_F(PciBusTest, ADeviceNumberIsGivenOnce) {
  EXPECT_FALSE(bus_.Add(kDevice, gadget_).has_value());
  EXPECT_FALSE(bus_.Add(0, gadget_).has_value());
  EXPECT_FALSE(bus_.Add(PciBus::kDevices, gadget_).has_value());
}

// A bus as OVMF expects it, with windows of its own.
class FirmwarePciBusTest : public PciBusTest {
 protected:
  static constexpr PciWindows kWindows = {.io_base = 0xc000,
                                          .io_length = 0x4000,
                                          .memory_base = 0x80000000,
                                          .memory_length = 0x7c000000};

  FirmwarePciBusTest() {
    EXPECT_TRUE(firmware_bus_.Add(1, MakePiix3IsaBridge()).has_value());
    EXPECT_TRUE(
        firmware_bus_.Add(1, kPiix4PmFunction, MakePiix4PowerManagement(0xb000)).has_value());
    EXPECT_TRUE(firmware_bus_.Add(kDevice, mine_).has_value());
    EXPECT_TRUE(firmware_bus_.AttachTo(ports_, memory_).has_value());
  }

  uint64_t ReadAt(uint32_t device, uint32_t function, uint32_t offset) {
    Write(ports_, kPciConfigAddressPort, 1u << 31 | device << 11 | function << 8 | offset, 4);
    return Read(ports_, kPciConfigDataPort, 4);
  }
  void WriteAt(uint32_t device, uint32_t function, uint32_t offset, uint64_t value) {
    Write(ports_, kPciConfigAddressPort, 1u << 31 | device << 11 | function << 8 | offset, 4);
    Write(ports_, kPciConfigDataPort, value, 4);
  }

  Bus ports_{"I/O port"};
  Bus memory_{"MMIO"};
  std::shared_ptr<Gadget> mine_ = std::make_shared<Gadget>();
  PciBus firmware_bus_{MakeI440fxHostBridge(), kWindows};
};

TEST_F(FirmwarePciBusTest, HasTheChipsThatOvmfKnows) {
  EXPECT_EQ(ReadAt(0, 0, 0), 0x12378086u);
  EXPECT_EQ(ReadAt(1, 0, 0), 0x70008086u);
  EXPECT_EQ(ReadAt(1, 0, 8) >> 8, 0x060100u);
  EXPECT_EQ(ReadAt(1, 0, 0xc) >> 16 & 0xff, 0x80u);
  EXPECT_EQ(ReadAt(1, 3, 0), 0x71138086u);
  EXPECT_EQ(ReadAt(1, 1, 0), 0xffffffffu);
}

// Else OVMF would move the registers, or its timer would stand still.
TEST_F(FirmwarePciBusTest, PowerManagementIsSetUpAndStays) {
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(ReadAt(1, 3, 0x40), 0xb001u);
    EXPECT_EQ(ReadAt(1, 3, 0x80) & 0xff, 1u);
    WriteAt(1, 3, 0x40, 0x600);
    WriteAt(1, 3, 0x80, 0);
  }
}

TEST_F(FirmwarePciBusTest, TheFirmwarePlacesBarsInItsWindows) {
  WriteAt(kDevice, 0, kPciCommand, kPciCommandMemory | kPciCommandIo);
  for (const auto& [base, inside] : {std::pair{0x80000000u, true},
                                     {0xfbfff000u, true},
                                     {0x7ffff000u, false},
                                     {0xfc000000u, false}}) {
    WriteAt(kDevice, 0, kPciBar0, base);
    EXPECT_EQ(mine_->forwarded[0].has_value(), inside) << std::hex << base;
  }
  for (const auto& [base, inside] :
       {std::pair{0xc000u, true}, {0xff00u, true}, {0xb000u, false}, {0x1000u, false}}) {
    WriteAt(kDevice, 0, kPciBar0 + 4, base);
    EXPECT_EQ(mine_->forwarded[1].has_value(), inside) << std::hex << base;
  }
  WriteAt(kDevice, 0, kPciBar0 + 4, 0xc100);
  EXPECT_EQ(Read(ports_, 0xc104, 4), 0x20004u);
}

}  // namespace
}  // namespace sealvm
