// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_GUEST_REQUEST_H_
#define SEALVM_DEVICES_GUEST_REQUEST_H_

#include <stdint.h>

namespace sealvm {

// What a guest asks of its machine through a platform device.
enum class GuestRequestKind {
  kPowerOff,  // ACPI S5
  kReset,     // i8042 pulse, ACPI reset register
  kPanic,     // pvpanic: the guest's kernel panicked
  kExitCode,  // exit device: `value` is the code
  kBootMark,  // debug port: `value` is the mark's byte
};

struct GuestRequest {
  GuestRequestKind kind = GuestRequestKind::kPowerOff;
  uint32_t value = 0;
};

// Takes guests' requests. Called on vCPU threads, possibly several at once; must not block.
class GuestRequestSink {
 public:
  virtual ~GuestRequestSink() = default;
  virtual void OnGuestRequest(const GuestRequest& request) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_GUEST_REQUEST_H_
