// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/firmware_boot.h"

#include <linux/kvm.h>

#include <bit>
#include <string_view>

#include "devices/acpi_pm1.h"
#include "devices/acpi_pm_timer.h"
#include "devices/fw_cfg/fw_cfg_device.h"
#include "devices/platform_addresses.h"

namespace sealvm {
namespace {

// I/O ports that OVMF gives to PCI devices on a 82440FX, and the end of its memory window.
constexpr uint16_t kPciIo = 0xc000;
constexpr uint32_t kPciIoSize = 0x4000;
constexpr uint64_t kPciMemoryEnd = 0xfc00'0000;

Result<std::shared_ptr<const ImageFile>> OpenIfNamed(const std::string& path,
                                                     std::string_view option) {
  if (path.empty()) return nullptr;
  return std::make_shared<const ImageFile>(SEALVM_TRY(ImageFile::Open(path, option)));
}

}  // namespace

// One memory type register covers what lies between low RAM and 4 GiB, so its size is a power of
// two, and the window begins where it does.
PciWindows OvmfPciWindows(const GuestLayout& layout) {
  const uint64_t base = 4 * kGiB - std::bit_floor(4 * kGiB - layout.low_ram().end());
  return {.io_base = kPciIo,
          .io_length = kPciIoSize,
          .memory_base = base,
          .memory_length = kPciMemoryEnd - base};
}

Result<std::unique_ptr<FirmwareBoot>> FirmwareBoot::Open(const MachineConfig& config,
                                                         Logger logger) {
  FirmwareImage firmware = SEALVM_TRY(FirmwareImage::Open(config.firmware, "--firmware"));
  SEALVM_TRY(CheckHasCode(firmware));
  FirmwareBootFiles files;
  files.kernel = SEALVM_TRY(OpenIfNamed(config.kernel, "--kernel"));
  files.initrd = SEALVM_TRY(OpenIfNamed(config.initrd, "--initrd"));
  SEALVM_TRY(CheckFirmwareBootFiles(files));
  FirmwareLog log = SEALVM_TRY(FirmwareLog::Open(config.firmware_log, logger));
  return std::unique_ptr<FirmwareBoot>(
      new FirmwareBoot(std::move(firmware), std::move(files), std::move(log), std::move(logger)));
}

FirmwareBoot::FirmwareBoot(FirmwareImage firmware, FirmwareBootFiles files, FirmwareLog log,
                           Logger logger)
    : firmware_(std::move(firmware)),
      files_(std::move(files)),
      log_(std::move(log)),
      logger_(std::move(logger)),
      debug_port_(std::make_shared<FirmwareDebugPort>(
          [this](std::string_view line) { log_.Write(line); })) {}

Result<> FirmwareBoot::MapRom(kvm::Vm& vm, uint32_t slot) {
  logger_.Log(LogLevel::kDebug, "{:#x}+{:#x} firmware", firmware_.base(), firmware_.size());
  return vm.SetUserMemoryRegion({.slot = slot,
                                 .gpa = firmware_.base(),
                                 .size = firmware_.size(),
                                 .hva = reinterpret_cast<uintptr_t>(firmware_.bytes().data()),
                                 .flags = KVM_MEM_READONLY});
}

Result<> FirmwareBoot::InsertDevices(Bus& pio, GuestRequestSink& requests,
                                     std::shared_ptr<SharedView> memory,
                                     const PlatformDescription& platform,
                                     const std::string& cmdline) {
  FwCfgItems items =
      SEALVM_TRY(MakeFirmwareItems(memory->memory().layout(), platform, files_, cmdline));
  SEALVM_TRY(
      pio.Insert(kFwCfgBase, kFwCfgLength,
                 std::make_shared<FwCfgDevice>(std::move(items), std::move(memory), logger_)));
  SEALVM_TRY(pio.Insert(kFirmwareDebugPort, kFirmwareDebugPortLength, debug_port_));
  SEALVM_TRY(pio.Insert(kPiix4PmBase, kAcpiPm1Length,
                        std::make_shared<AcpiPm1>(requests, kPiix4S5SleepType)));
  return pio.Insert(kPiix4PmTimer, kAcpiPmTimerLength, std::make_shared<AcpiPmTimer>());
}

void FirmwareBoot::FlushLog() { debug_port_->Flush(); }

}  // namespace sealvm
