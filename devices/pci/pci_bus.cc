// SPDX-License-Identifier: Apache-2.0
#include "devices/pci/pci_bus.h"

#include <algorithm>
#include <string>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// CONFIG_ADDRESS: enable, bus, device, function, register (section 3.2.2.3.2).
constexpr uint32_t kConfigEnable = 1U << 31;
constexpr uint32_t kBusMask = 0xff0000;
constexpr uint32_t kRegisterMask = 0xfc;

// Device and function number.
uint8_t PlaceOf(uint32_t address) { return address >> 8 & 0xff; }

}  // namespace

// CONFIG_ADDRESS and CONFIG_DATA. Only whole dwords reach the address register.
class PciBus::ConfigPorts : public BusDevice {
 public:
  explicit ConfigPorts(PciBus& bus) : bus_(bus) {}

  std::string_view Name() const override { return "pci-config"; }

  void Read(uint64_t offset, std::span<uint8_t> data) override {
    std::ranges::fill(data, uint8_t{0xff});
    const std::lock_guard lock(bus_.config_mutex_);
    if (offset >= kPciConfigPortLength) return bus_.ReadConfig(RegisterAt(offset), data);
    if (offset == 0 && data.size() == 4) StoreLeAny(data, bus_.config_address_);
  }

  void Write(uint64_t offset, std::span<const uint8_t> data) override {
    const std::lock_guard lock(bus_.config_mutex_);
    if (offset >= kPciConfigPortLength) return bus_.WriteConfig(RegisterAt(offset), data);
    if (offset == 0 && data.size() == 4) {
      bus_.config_address_ = static_cast<uint32_t>(LoadLeAny(data));
    }
  }

 private:
  uint32_t RegisterAt(uint64_t offset) const {
    return bus_.config_address_ | static_cast<uint32_t>(offset - kPciConfigPortLength);
  }

  PciBus& bus_;
};

// What the host bridge forwards of one address space.
class PciBus::AddressWindow : public BusDevice {
 public:
  AddressWindow(PciBus& bus, PciSpace space, uint64_t base)
      : bus_(bus), space_(space), base_(base) {}

  std::string_view Name() const override {
    return space_ == PciSpace::kIo ? "pci-io" : "pci-memory";
  }

  void Read(uint64_t offset, std::span<uint8_t> data) override {
    const auto found = bus_.Find(space_, base_ + offset, data.size());
    if (!found) {
      std::ranges::fill(data, uint8_t{0xff});
      return;
    }
    found->function->ReadBar(found->bar, base_ + offset - found->window.base, data);
  }

  void Write(uint64_t offset, std::span<const uint8_t> data) override {
    const auto found = bus_.Find(space_, base_ + offset, data.size());
    if (!found) return;
    found->function->WriteBar(found->bar, base_ + offset - found->window.base, data);
  }

 private:
  PciBus& bus_;
  const PciSpace space_;
  const uint64_t base_;
};

PciBus::PciBus(std::shared_ptr<PciFunction> host_bridge, const PciWindows& windows)
    : windows_(windows) {
  functions_[0] = std::move(host_bridge);
}

PciBus::~PciBus() = default;

Result<> PciBus::Add(uint8_t device, std::shared_ptr<PciFunction> function) {
  return Add(device, 0, std::move(function));
}

Result<> PciBus::Add(uint8_t device, uint8_t number, std::shared_ptr<PciFunction> function) {
  const std::lock_guard lock(config_mutex_);
  const size_t place = size_t{device} * kFunctions + number;
  if (device >= kDevices || number >= kFunctions || functions_[place]) {
    return HostError("PCI device " + std::to_string(device) + "." + std::to_string(number) +
                     " is taken or none");
  }
  functions_[place] = std::move(function);
  return {};
}

Result<> PciBus::AttachTo(Bus& pio, Bus& mmio) {
  SEALVM_TRY(pio.Insert(kPciConfigAddressPort, uint64_t{2} * kPciConfigPortLength,
                        std::make_shared<ConfigPorts>(*this)));
  SEALVM_TRY(pio.Insert(windows_.io_base, windows_.io_length,
                        std::make_shared<AddressWindow>(*this, PciSpace::kIo, windows_.io_base)));
  return mmio.Insert(
      windows_.memory_base, windows_.memory_length,
      std::make_shared<AddressWindow>(*this, PciSpace::kMemory, windows_.memory_base));
}

PciFunction* PciBus::FunctionAt(uint32_t address) {
  if ((address & kConfigEnable) == 0 || (address & kBusMask) != 0) return nullptr;
  return functions_[PlaceOf(address)].get();
}

void PciBus::ReadConfig(uint32_t address, std::span<uint8_t> out) {
  PciFunction* function = FunctionAt(address);
  if (function != nullptr) function->ReadConfig(address & (kRegisterMask | 3), out);
}

void PciBus::WriteConfig(uint32_t address, std::span<const uint8_t> bytes) {
  PciFunction* function = FunctionAt(address);
  if (function == nullptr) return;
  function->WriteConfig(address & (kRegisterMask | 3), bytes);
  UpdateForwarding(PlaceOf(address));
}

bool PciBus::IsInsideWindow(const PciBarWindow& bar) const {
  const bool is_io = bar.space == PciSpace::kIo;
  const uint64_t base = is_io ? windows_.io_base : windows_.memory_base;
  const uint64_t length = is_io ? windows_.io_length : windows_.memory_length;
  return bar.base >= base && bar.size <= length && bar.base - base <= length - bar.size;
}

void PciBus::UpdateForwarding(uint8_t place) {
  PciFunction& function = *functions_[place];
  for (uint8_t bar = 0; bar < kPciBars; ++bar) {
    std::optional<PciBarWindow> now = function.BarWindow(bar);
    if (now && !IsInsideWindow(*now)) now.reset();
    {
      const std::lock_guard lock(windows_mutex_);
      const auto at = std::ranges::find_if(forwarded_, [&](const Forwarded& entry) {
        return std::pair(entry.place, entry.bar) >= std::pair(place, bar);
      });
      const bool known = at != forwarded_.end() && at->place == place && at->bar == bar;
      if (known && now == at->window) continue;
      if (!known && !now) continue;
      if (known && !now) {
        forwarded_.erase(at);
      } else if (known) {
        at->window = *now;
      } else {
        forwarded_.insert(at, {place, bar, *now, functions_[place]});
      }
    }
    function.OnBarForwarded(bar, now);
  }
}

std::optional<PciBus::Forwarded> PciBus::Find(PciSpace space, uint64_t address,
                                              size_t width) const {
  const std::shared_lock lock(windows_mutex_);
  for (const Forwarded& entry : forwarded_) {
    const PciBarWindow& window = entry.window;
    if (window.space == space && address >= window.base && address - window.base < window.size &&
        width <= window.size - (address - window.base)) {
      return entry;
    }
  }
  return std::nullopt;
}

}  // namespace sealvm
