// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_FIRMWARE_DEBUG_PORT_H_
#define SEALVM_DEVICES_FIRMWARE_DEBUG_PORT_H_

#include <stdint.h>

#include <functional>
#include <string>
#include <string_view>

#include "devices/byte_register_device.h"
#include "memory/base/mutex.h"

namespace sealvm {

// Where firmware writes its log, a byte at a time: QEMU's isa-debugcon at kFirmwareDebugPort, as
// edk2 expects it (PcdDebugIoPort). It reads as 0xe9, by which firmware knows that somebody
// listens. Thread-safe.
class FirmwareDebugPort : public ByteRegisterDevice {
 public:
  // Takes a line with its end, or as much of one as kMaxLine allows; called with a lock held.
  using Output = std::function<void(std::string_view)>;
  static constexpr size_t kMaxLine = 1024;

  explicit FirmwareDebugPort(Output output) : output_(std::move(output)) {}

  std::string_view Name() const override { return "firmware-debug-port"; }
  // Hands on what was written of a line that has no end yet.
  void Flush() SEALVM_EXCLUDES(mutex_);

 protected:
  uint8_t ReadRegister(uint64_t) override { return kListening; }
  void WriteRegister(uint64_t, uint8_t value) override SEALVM_EXCLUDES(mutex_);

 private:
  static constexpr uint8_t kListening = 0xe9;

  void HandOn() SEALVM_REQUIRES(mutex_);

  const Output output_;
  Mutex mutex_;
  std::string line_ SEALVM_GUARDED_BY(mutex_);
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_FIRMWARE_DEBUG_PORT_H_
