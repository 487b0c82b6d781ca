// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PORT92_H_
#define SEALVM_DEVICES_PORT92_H_

#include <stdint.h>

#include <atomic>

#include "devices/byte_register_device.h"
#include "devices/guest_request.h"

namespace sealvm {

// System control port A of the PS/2 (IBM PS/2 Hardware Interface Technical Reference, "System
// Control Port A"): bit 1 switches A20, bit 0 going from 0 to 1 resets the CPU and asks `sink` for
// kReset. A20 is always on, so bit 1 reads as one. A window of one byte at kPort92. Thread-safe.
class Port92 : public ByteRegisterDevice {
 public:
  // `sink` must outlive the device.
  explicit Port92(GuestRequestSink& sink) : sink_(sink) {}

  std::string_view Name() const override { return "port92"; }

 protected:
  uint8_t ReadRegister(uint64_t) override { return value_.load() | kA20; }

  void WriteRegister(uint64_t, uint8_t value) override {
    const uint8_t old = value_.exchange(value);
    if ((value & ~old & kReset) != 0) sink_.OnGuestRequest({GuestRequestKind::kReset});
  }

 private:
  static constexpr uint8_t kReset = 1 << 0;
  static constexpr uint8_t kA20 = 1 << 1;

  GuestRequestSink& sink_;
  std::atomic<uint8_t> value_{0};
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PORT92_H_
