// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PVPANIC_H_
#define SEALVM_DEVICES_PVPANIC_H_

#include <stdint.h>

#include <atomic>
#include <utility>

#include "devices/byte_register_device.h"
#include "devices/guest_request.h"
#include "memory/base/logger.h"

namespace sealvm {

// The events of a pvpanic device (Linux include/uapi/misc/pvpanic.h, QEMU docs/specs/pvpanic.rst).
inline constexpr uint8_t kPvpanicPanicked = 1 << 0;
inline constexpr uint8_t kPvpanicCrashLoaded = 1 << 1;
inline constexpr uint8_t kPvpanicShutdown = 1 << 2;
inline constexpr uint8_t kPvpanicEvents = kPvpanicPanicked | kPvpanicCrashLoaded | kPvpanicShutdown;

// One byte at kPvpanicPort. Reads give the supported events. A write of kPvpanicPanicked asks
// `sink` for kPanic, else kPvpanicShutdown for kPowerOff. kPvpanicCrashLoaded (the guest panicked
// and goes on in its crash kernel) is logged, once. Other bits are ignored, as the specification
// asks. Thread-safe.
class Pvpanic : public ByteRegisterDevice {
 public:
  // `sink` must outlive the device.
  explicit Pvpanic(GuestRequestSink& sink, Logger logger = {})
      : sink_(sink), logger_(std::move(logger)) {}

  std::string_view Name() const override { return "pvpanic"; }

 protected:
  uint8_t ReadRegister(uint64_t offset) override;
  void WriteRegister(uint64_t offset, uint8_t value) override;

 private:
  GuestRequestSink& sink_;
  const Logger logger_;
  std::atomic<bool> crash_logged_{false};
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PVPANIC_H_
