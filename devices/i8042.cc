// SPDX-License-Identifier: Apache-2.0
#include "devices/i8042.h"

#include <optional>
#include <utility>

#include "devices/byte_register_device.h"
#include "memory/base/mutex.h"

namespace sealvm {
namespace {

// Status register.
constexpr uint8_t kStatusOutputFull = 1 << 0;
constexpr uint8_t kStatusSystemFlag = 1 << 2;  // set once the self test has passed
constexpr uint8_t kStatusCommand = 1 << 3;     // the last write was to the command port
constexpr uint8_t kStatusUnlocked = 1 << 4;    // the keyboard lock is open

// Commands.
constexpr uint8_t kReadCommandByte = 0x20;
constexpr uint8_t kWriteCommandByte = 0x60;
constexpr uint8_t kTestAuxPort = 0xa9;
constexpr uint8_t kSelfTest = 0xaa;
constexpr uint8_t kTestKeyboardPort = 0xab;
constexpr uint8_t kReadInputPort = 0xc0;
constexpr uint8_t kReadOutputPort = 0xd0;
constexpr uint8_t kWriteOutputPort = 0xd1;
constexpr uint8_t kLoopKeyboard = 0xd2;
constexpr uint8_t kLoopAux = 0xd3;
constexpr uint8_t kWriteAux = 0xd4;
constexpr uint8_t kPulseFirst = 0xf0;  // up to 0xff: bits 0-3 clear pulse those output lines

// Answers.
constexpr uint8_t kSelfTestPassed = 0x55;
constexpr uint8_t kPortTestPassed = 0x00;
constexpr uint8_t kPortTestClockStuckLow = 0x01;
constexpr uint8_t kInputPortUnlocked = 0x80;
constexpr uint8_t kOutputPortReset = 1 << 0;  // active low: 0 holds the CPU in reset
constexpr uint8_t kOutputPortA20 = 1 << 1;

constexpr uint8_t kCommandByteSystemFlag = 1 << 2;

class Controller {
 public:
  explicit Controller(GuestRequestSink& sink) : sink_(sink) {}

  uint8_t ReadStatus() SEALVM_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return static_cast<uint8_t>(kStatusSystemFlag | kStatusUnlocked |
                                (output_full_ ? kStatusOutputFull : 0) |
                                (last_write_was_command_ ? kStatusCommand : 0));
  }

  uint8_t ReadData() SEALVM_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    output_full_ = false;
    return output_;
  }

  void WriteCommand(uint8_t command) SEALVM_EXCLUDES(mutex_);
  void WriteData(uint8_t value) SEALVM_EXCLUDES(mutex_);

 private:
  void Answer(uint8_t value) SEALVM_REQUIRES(mutex_) {
    output_ = value;
    output_full_ = true;
  }
  void RunCommand(uint8_t command) SEALVM_REQUIRES(mutex_);
  void RequestReset() SEALVM_EXCLUDES(mutex_) { sink_.OnGuestRequest({GuestRequestKind::kReset}); }

  GuestRequestSink& sink_;
  Mutex mutex_;
  uint8_t command_byte_ SEALVM_GUARDED_BY(mutex_) = kCommandByteSystemFlag;
  uint8_t output_ SEALVM_GUARDED_BY(mutex_) = 0;
  bool output_full_ SEALVM_GUARDED_BY(mutex_) = false;
  bool last_write_was_command_ SEALVM_GUARDED_BY(mutex_) = false;
  // The command that takes the next data byte.
  std::optional<uint8_t> wants_data_ SEALVM_GUARDED_BY(mutex_);
};

void Controller::WriteCommand(uint8_t command) {
  if (command >= kPulseFirst) {
    if ((command & kOutputPortReset) == 0) RequestReset();
    return;
  }
  MutexLock lock(mutex_);
  last_write_was_command_ = true;
  wants_data_.reset();
  RunCommand(command);
}

void Controller::RunCommand(uint8_t command) {
  switch (command) {
    case kReadCommandByte:
      return Answer(command_byte_);
    case kTestAuxPort:
      // Not 0x00, 0xfa or 0xff, which Linux takes for a mouse port.
      return Answer(kPortTestClockStuckLow);
    case kSelfTest:
      return Answer(kSelfTestPassed);
    case kTestKeyboardPort:
      return Answer(kPortTestPassed);
    case kReadInputPort:
      return Answer(kInputPortUnlocked);
    case kReadOutputPort:
      return Answer(kOutputPortReset | kOutputPortA20);
    case kWriteCommandByte:
    case kWriteOutputPort:
    case kLoopKeyboard:
    case kLoopAux:
    case kWriteAux:
      wants_data_ = command;
      return;
    default:
      return;  // enabling and disabling of absent devices, and what no controller knows
  }
}

void Controller::WriteData(uint8_t value) {
  bool reset = false;
  {
    MutexLock lock(mutex_);
    last_write_was_command_ = false;
    const std::optional<uint8_t> command = std::exchange(wants_data_, std::nullopt);
    if (command == kWriteCommandByte) command_byte_ = value;
    // Without a mouse port the loop's byte comes back as the keyboard's: no "auxiliary" in status.
    if (command == kLoopKeyboard || command == kLoopAux) Answer(value);
    reset = command == kWriteOutputPort && (value & kOutputPortReset) == 0;
  }
  if (reset) RequestReset();
}

enum class Port { kData, kCommand };

class PortWindow : public ByteRegisterDevice {
 public:
  PortWindow(std::shared_ptr<Controller> controller, Port port)
      : controller_(std::move(controller)), port_(port) {}

  std::string_view Name() const override { return "i8042"; }

 protected:
  uint8_t ReadRegister(uint64_t) override {
    return port_ == Port::kData ? controller_->ReadData() : controller_->ReadStatus();
  }
  void WriteRegister(uint64_t, uint8_t value) override {
    if (port_ == Port::kData) {
      controller_->WriteData(value);
    } else {
      controller_->WriteCommand(value);
    }
  }

 private:
  std::shared_ptr<Controller> controller_;
  Port port_;
};

}  // namespace

I8042Ports MakeI8042(GuestRequestSink& sink) {
  auto controller = std::make_shared<Controller>(sink);
  return {std::make_shared<PortWindow>(controller, Port::kData),
          std::make_shared<PortWindow>(controller, Port::kCommand)};
}

}  // namespace sealvm
