// SPDX-License-Identifier: Apache-2.0
//
// A hostile guest at the PCI bus: configuration space by its ports, BARs wherever they were moved,
// the registers of virtio devices behind them. The devices themselves do nothing: their targets are
// others.

#include <memory>

#include "devices/interrupt_line.h"
#include "devices/pci/pci_bus.h"
#include "devices/pci/testing_vectors.h"
#include "devices/platform_addresses.h"
#include "devices/virtio/pci/testing_device.h"
#include "devices/virtio/pci/virtio_pci_device.h"
#include "devices/virtio/testing/test_driver.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

class NoLine : public InterruptLine {
 public:
  void SetLevel(bool) override {}
};

// Fails the run if a doorbell lies where the host bridge forwards nothing.
class CheckedDoorbells : public RecordingDoorbells {
 public:
  void CheckAll() const {
    for (const auto& [doorbell, fd] : bound) {
      const bool is_io = doorbell.space == PciSpace::kIo;
      const uint64_t base = is_io ? kPciIoBase : kPciMmioBase;
      const uint64_t length = is_io ? kPciIoLength : kPciMmioLength;
      SEALVM_FUZZ_CHECK(doorbell.address >= base && doorbell.address - base <= length - 2);
      SEALVM_FUZZ_CHECK(fd >= 0);
    }
  }
};

class Machine {
 public:
  Machine() {
    Add(1, PciSpace::kMemory, kPciMmioBase);
    Add(2, PciSpace::kIo, kPciIoBase);
    SEALVM_FUZZ_CHECK(bus_.AttachTo(pio_, mmio_).has_value());
  }

  void Step(FuzzInput& input) {
    const uint8_t what = input.TakeByte();
    const size_t width = size_t{1} << (what >> 6);
    switch (what % 6) {
      case 0:
        return Access(pio_, kPciConfigAddressPort, 4, input, true);
      case 1:
        return Configure(input, width);
      case 2:
        return Access(pio_, kPciIoBase + input.TakeNumber(2) % kPciIoLength, width, input, true);
      case 3:
        return Access(mmio_, kPciMmioBase + input.TakeNumber(4) % kPciMmioLength, width, input,
                      true);
      case 4:
        return Access(mmio_, FirstBar(0) + input.TakeNumber(2) % 0x8000, width, input,
                      input.TakeByte() % 4 != 0);
      default:
        return Access(pio_, FirstBar(1) + input.TakeByte(), width, input,
                      input.TakeByte() % 4 != 0);
    }
  }

  void Check() const { doorbells_.CheckAll(); }

 private:
  void Add(uint8_t number, PciSpace space, uint64_t base) {
    VirtioPciDevice::Options options;
    options.bars = space;
    options.bar_base = static_cast<uint32_t>(base);
    options.on_need_reset = [](const Error&) {};
    auto function =
        VirtioPciDevice::Create(std::move(options), std::make_shared<RecordingDevice>(),
                                guest_.view(), vectors_, std::make_unique<NoLine>(), doorbells_);
    SEALVM_FUZZ_CHECK(function.has_value());
    functions_.push_back(*function);
    SEALVM_FUZZ_CHECK(bus_.Add(number, *function).has_value());
  }

  // Where a device's BAR was last seen, so that its registers are found without luck.
  uint64_t FirstBar(size_t index) const {
    const auto window = functions_[index]->BarWindow(0);
    return window ? window->base : (index == 0 ? kPciMmioBase : uint64_t{kPciIoBase});
  }

  void Configure(FuzzInput& input, size_t width) {
    const uint32_t device = input.TakeByte() % 4;
    const uint32_t offset = input.TakeByte();
    std::array<uint8_t, 4> address = {};
    StoreLeAny(address, 1u << 31 | device << 11 | (offset & ~3u));
    pio_.Write(kPciConfigAddressPort, address);
    Access(pio_, kPciConfigDataPort + offset % 4, std::min<size_t>(width, 4 - offset % 4), input,
           input.TakeByte() % 4 != 0);
  }

  void Access(Bus& bus, uint64_t address, size_t width, FuzzInput& input, bool write) {
    std::array<uint8_t, 8> bytes = {};
    const std::span<uint8_t> data = std::span(bytes).first(width);
    if (!write) {
      bus.Read(address, data);
      return;
    }
    StoreLeAny(data, input.TakeNumber(width));
    bus.Write(address, data);
  }

  TestGuest guest_{2 * kMiB};
  RecordingVectors vectors_;
  CheckedDoorbells doorbells_;
  Bus pio_{"I/O port"};
  Bus mmio_{"MMIO"};
  PciBus bus_;
  std::vector<std::shared_ptr<VirtioPciDevice>> functions_;
};

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzInput input({data, size});
  sealvm::Machine machine;
  while (!input.empty()) machine.Step(input);
  machine.Check();
  return 0;
}
