// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/pci_devices.h"

#include <array>
#include <utility>

#include "devices/pci/host_bridges.h"
#include "devices/platform_addresses.h"

namespace sealvm {
namespace {

// Inputs of the I/O APIC above those of the ISA devices.
constexpr uint32_t kFirstPciGsi = 16;
constexpr uint32_t kPciGsis = kIoApicPins - kFirstPciGsi;

// Inputs of the 8259s that no device of the machine has, and no driver looks for unasked: not the
// keyboard's and mouse's, the clock's, the FPU's, nor 7, which spurious interrupts come by.
constexpr std::array<uint32_t, 6> kFree8259Inputs = {11, 10, 15, 14, 3, 6};

}  // namespace

Result<std::unique_ptr<PciDevices>> PciDevices::Create(Options options, kvm::Vm& vm,
                                                       InterruptLines& lines,
                                                       const std::shared_ptr<SharedView>& memory,
                                                       std::vector<NamedDevice> devices, Bus& pio,
                                                       Bus& mmio) {
  std::unique_ptr<PciDevices> created(new PciDevices(std::move(options), vm, lines));
  SEALVM_TRY(created->AddChipset());
  uint8_t number = created->first_device();
  for (const NamedDevice& device : devices) SEALVM_TRY(created->Add(number++, device, memory));
  SEALVM_TRY(created->bus_.AttachTo(pio, mmio));
  return created;
}

PciDevices::PciDevices(Options options, kvm::Vm& vm, InterruptLines& lines)
    : options_(std::move(options)),
      controllers_(lines),
      msi_(vm, options_.logger, options_.lines_in_kernel),
      doorbells_(vm, options_.logger),
      next_bar_(options_.bars == PciSpace::kIo
                    ? uint32_t{options_.windows.io_base}
                    : static_cast<uint32_t>(options_.windows.memory_base)),
      bus_(options_.chipset == Chipset::kI440fx ? MakeI440fxHostBridge() : MakeGenericHostBridge(),
           options_.windows) {}

Result<> PciDevices::AddChipset() {
  if (options_.chipset == Chipset::kGeneric) return {};
  constexpr uint8_t kPiixDevice = 1;
  SEALVM_TRY(bus_.Add(kPiixDevice, MakePiix3IsaBridge()));
  return bus_.Add(kPiixDevice, kPiix4PmFunction, MakePiix4PowerManagement(kPiix4PmBase));
}

uint32_t PciDevices::GsiOf(uint8_t number) const {
  const uint32_t index = number - first_device();
  return options_.on_8259 ? kFree8259Inputs[index % kFree8259Inputs.size()]
                          : kFirstPciGsi + index % kPciGsis;
}

std::unique_ptr<InterruptLine> PciDevices::LineOf(uint32_t gsi) {
  std::unique_ptr<Line>& line = lines_[gsi];
  if (!line) line = std::make_unique<Line>(controllers_.NewLine(gsi));
  return line->shared.NewInput();
}

// Sizes are powers of two, and all alike, so that each place is aligned.
uint32_t PciDevices::NextBar(uint32_t size) { return std::exchange(next_bar_, next_bar_ + size); }

Result<> PciDevices::Add(uint8_t number, const NamedDevice& device,
                         const std::shared_ptr<SharedView>& memory) {
  const uint32_t gsi = GsiOf(number);
  VirtioPciDevice::Options options;
  options.bars = options_.bars;
  options.bar_base = NextBar(VirtioPciLayoutFor(options_.bars).bar_size);
  options.interrupt_line = static_cast<uint8_t>(gsi);
  options.require_access_platform = options_.require_access_platform;
  options.id = device.id;
  options.logger = options_.logger;
  options.on_need_reset = [this, id = device.id](const Error& error) {
    options_.on_device_failure(id, error);
  };
  std::shared_ptr<VirtioPciDevice> function = SEALVM_TRY(VirtioPciDevice::Create(
      std::move(options), device.device, memory, msi_, LineOf(gsi), doorbells_));
  SEALVM_TRY(bus_.Add(number, function));
  functions_.push_back(std::move(function));
  routes_.push_back({.device = number, .pin = 0, .gsi = gsi});
  return {};
}

PciHostBridge PciDevices::Describe() const {
  PciHostBridge bridge;
  bridge.io_base = options_.windows.io_base;
  bridge.io_length = options_.windows.io_length;
  bridge.mmio_base = options_.windows.memory_base;
  bridge.mmio_length = options_.windows.memory_length;
  bridge.routes = routes_;
  // A window that no device needs is not announced: the guest would find room for nothing in it. A
  // firmware knows its windows by itself.
  const bool is_generic = options_.chipset == Chipset::kGeneric;
  if (is_generic && options_.bars == PciSpace::kIo) bridge.mmio_length = 0;
  return bridge;
}

void PciDevices::Stop() {
  for (const auto& function : functions_) function->device().Reset();
}

std::vector<DeviceStats> PciDevices::Stats() const {
  std::vector<DeviceStats> all;
  for (const auto& function : functions_) {
    const DeviceCounters& counters = function->device().counters();
    DeviceStats stats;
    stats.id = function->id();
    stats.type = function->Name();
    stats.requests = counters.requests;
    stats.bytes_read = counters.bytes_read;
    stats.bytes_written = counters.bytes_written;
    stats.errors = counters.errors;
    stats.kicks = counters.kicks;
    stats.interrupts = counters.interrupts;
    stats.refused_ranges = counters.refused_ranges;
    stats.throttled = counters.throttled;
    all.push_back(std::move(stats));
  }
  return all;
}

}  // namespace sealvm
