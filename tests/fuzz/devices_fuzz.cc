// SPDX-License-Identifier: Apache-2.0
// A hostile guest and a clumsy host at the platform's devices: the input is a sequence of port
// accesses of any width and address, keystrokes, power-button presses and jumps of the host's
// clock.

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "devices/cmos_rtc.h"
#include "devices/debug_port.h"
#include "devices/exit_device.h"
#include "devices/i8042.h"
#include "devices/platform_addresses.h"
#include "devices/port92.h"
#include "devices/pvpanic.h"
#include "devices/serial/serial_port.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

// Log lines are made, so that their formatting is tried too, and dropped.
const Logger kDroppingLogger(LogLevel::kDebug, [](LogLevel, std::string_view) {});

class CountingSink : public GuestRequestSink {
 public:
  void OnGuestRequest(const GuestRequest& request) override {
    ++requests;
    if (request.kind == GuestRequestKind::kBootMark) ++boot_marks;
  }

  uint64_t requests = 0;
  uint64_t boot_marks = 0;
};

class Line : public InterruptLine {
 public:
  void SetLevel(bool asserted) override { level = asserted; }

  bool level = false;
};

// A platform as a machine builds it, and what must hold of it whatever happens.
class Platform {
 public:
  Platform() {
    const I8042Ports i8042 = MakeI8042(sink_);
    Insert(kSerialBase, kSerialLength, serial_);
    Insert(kI8042DataPort, kI8042PortLength, i8042.data);
    Insert(kI8042CommandPort, kI8042PortLength, i8042.command);
    Insert(kRtcBase, kRtcLength,
           std::make_shared<CmosRtc>(CmosMemory{1 << 30, 0}, [this] { return now_; }));
    Insert(kDebugPort, kDebugPortLength, std::make_shared<DebugPort>(sink_));
    Insert(kPort92, kPort92Length, std::make_shared<Port92>(sink_));
    Insert(kExitDevicePort, kExitDeviceLength, std::make_shared<ExitDevice>(sink_));
    Insert(kPvpanicPort, kPvpanicLength, std::make_shared<Pvpanic>(sink_, kDroppingLogger));
    Insert(kAcpiPmBase, kAcpiPmLength, acpi_pm_);
  }

  void Write(uint64_t port, std::span<const uint8_t> data) {
    ++accesses_;
    bytes_written_ += data.size();
    bus_.Write(port, data);
  }

  void Read(uint64_t port, size_t width) {
    constexpr uint8_t kGuard = 0xa7;
    std::array<uint8_t, 16> data{};
    data.fill(kGuard);
    const std::span<uint8_t> window = std::span(data).first(width);
    ++accesses_;
    const bool claimed = bus_.Read(port, window);
    const auto is_ones = [](uint8_t byte) { return byte == 0xff; };
    SEALVM_FUZZ_CHECK(claimed || std::ranges::all_of(window, is_ones));
    SEALVM_FUZZ_CHECK(
        std::ranges::all_of(std::span(data).subspan(width), [](auto b) { return b == kGuard; }));
  }

  void Type(std::span<const uint8_t> keys) {
    SEALVM_FUZZ_CHECK(serial_->EnqueueInput(keys) <= keys.size());
  }
  void Break() { serial_->EnqueueBreak(); }
  void Tick() { serial_->FlushPartialLine(); }
  void Flush() { serial_->Flush(); }
  void PressPowerButton() {
    acpi_pm_->PressPowerButton();
    SEALVM_FUZZ_CHECK(ged_line_.level);
  }
  void JumpTo(uint64_t seconds) {
    // What fits into the clock's nanoseconds: +-292 years around 1970.
    now_ = std::chrono::sys_time<std::chrono::nanoseconds>(
        std::chrono::nanoseconds(static_cast<int64_t>(seconds)));
  }

  void CheckEnd() {
    serial_->Flush();
    SEALVM_FUZZ_CHECK(bytes_output_ <= bytes_written_);
    SEALVM_FUZZ_CHECK(sink_.requests <= bytes_written_);
    SEALVM_FUZZ_CHECK(sink_.boot_marks <= 256);
    CheckCounts();
    CheckSerialInterruptEnds();
    CheckPowerButtonInterruptEnds();
    SEALVM_FUZZ_CHECK((Byte(kI8042CommandPort) & 0x02) == 0);  // the input buffer is free
    Put(kRtcBase, 0x0a);
    SEALVM_FUZZ_CHECK((Byte(kRtcBase + 1) & 0x80) == 0);  // no update is in progress
  }

 private:
  void Insert(uint64_t base, uint64_t length, std::shared_ptr<BusDevice> device) {
    const Result<> inserted = bus_.Insert(base, length, std::move(device));
    SEALVM_FUZZ_CHECK(inserted.has_value());
  }

  uint8_t Byte(uint64_t port) {
    uint8_t value = 0;
    SEALVM_FUZZ_CHECK(bus_.Read(port, {&value, 1}));
    return value;
  }
  void Put(uint64_t port, uint8_t value) { SEALVM_FUZZ_CHECK(bus_.Write(port, {&value, 1})); }

  void CheckCounts() {
    uint64_t counted = 0;
    for (const auto& [name, count] : bus_.AccessCounts()) counted += count;
    SEALVM_FUZZ_CHECK(counted == accesses_);
  }

  // Whatever state the guest left the port in, a driver that enables all interrupts and serves each
  // cause as the data sheet says comes to "none", and then the line is low.
  void CheckSerialInterruptEnds() {
    using namespace internal;  // NOLINT(google-build-using-namespace): the register names
    Put(kSerialBase + kUartLcr, 0);
    Put(kSerialBase + kUartIer, kIerMask);
    constexpr int kMoreThanAllInput = 2 * (SerialPort::kInputCapacity + Uart16550::kFifoSize + 8);
    for (int rounds = 0;; ++rounds) {
      SEALVM_FUZZ_CHECK(rounds < kMoreThanAllInput);
      const bool level = serial_line_.level;
      const bool pending = (Byte(kSerialBase + kUartIirFcr) & kIirNone) == 0;
      SEALVM_FUZZ_CHECK(level == pending);
      if (!pending) break;
      Byte(kSerialBase + kUartLsr);
      Byte(kSerialBase + kUartData);
      Byte(kSerialBase + kUartMsr);
    }
    SEALVM_FUZZ_CHECK(!serial_line_.level);
    Put(kSerialBase + kUartData, 'x');
    SEALVM_FUZZ_CHECK(serial_line_.level);
  }

  void CheckPowerButtonInterruptEnds() {
    Byte(kAcpiGedStatusPort);
    SEALVM_FUZZ_CHECK(!ged_line_.level);
  }

  CountingSink sink_;
  Line serial_line_;
  Line ged_line_;
  std::chrono::sys_time<std::chrono::nanoseconds> now_{std::chrono::seconds(1'700'000'000)};
  uint64_t bytes_output_ = 0;
  uint64_t bytes_written_ = 0;
  uint64_t accesses_ = 0;
  std::shared_ptr<SerialPort> serial_ = std::make_shared<SerialPort>(
      serial_line_, SerialPortCallbacks{.output = [this](std::span<const uint8_t> bytes) {
        SEALVM_FUZZ_CHECK(!bytes.empty() && bytes.size() <= SerialPort::kOutputCapacity);
        bytes_output_ += bytes.size();
      }});
  std::shared_ptr<AcpiPm> acpi_pm_ = std::make_shared<AcpiPm>(sink_, ged_line_);
  Bus bus_{"I/O port", kDroppingLogger};
};

uint64_t TakePort(FuzzInput& input) {
  constexpr std::array<uint64_t, 12> kBases = {
      kSerialBase, kSerialBase, kSerialBase, kSerialBase,     kI8042DataPort, kI8042CommandPort,
      kRtcBase,    kRtcBase,    kDebugPort,  kExitDevicePort, kPvpanicPort,   kAcpiPmBase};
  const uint8_t choice = input.TakeByte();
  const size_t base = choice & 0x0f;
  if (base < kBases.size()) return kBases[base] + (choice >> 4 & 7);
  return input.TakeNumber(choice >= 0xf0 ? 8 : 2);
}

size_t TakeWidth(FuzzInput& input) {
  // Mostly what a guest can do, now and then what only a bug above the bus could.
  constexpr std::array<size_t, 16> kWidths = {1, 1, 1, 1, 1, 1, 2, 2, 4, 4, 8, 0, 3, 5, 7, 16};
  return kWidths[input.TakeByte() % kWidths.size()];
}

void Step(FuzzInput& input, Platform& platform) {
  switch (input.TakeByte() % 16) {
    case 0:
      return platform.Type(input.TakeBytes(input.TakeByte()));
    case 1:
      return platform.Break();
    case 2:
      return platform.Tick();
    case 3:
      return platform.Flush();
    case 4:
      return platform.PressPowerButton();
    case 5:
      return platform.JumpTo(input.TakeNumber(8));
    case 6:
    case 7:
    case 8:
    case 9: {
      const uint64_t port = TakePort(input);
      return platform.Read(port, TakeWidth(input));
    }
    default: {
      const uint64_t port = TakePort(input);
      return platform.Write(port, input.TakeBytes(TakeWidth(input)));
    }
  }
}

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzInput input({data, size});
  sealvm::Platform platform;
  while (!input.empty()) sealvm::Step(input, platform);
  platform.CheckEnd();
  return 0;
}
