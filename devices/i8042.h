// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_I8042_H_
#define SEALVM_DEVICES_I8042_H_

#include <stdint.h>

#include <memory>

#include "devices/bus_device.h"
#include "devices/guest_request.h"

namespace sealvm {

// The two windows of one keyboard controller, a byte each, for kI8042DataPort and
// kI8042CommandPort. They share ownership of the controller.
struct I8042Ports {
  std::shared_ptr<BusDevice> data;
  std::shared_ptr<BusDevice> command;
};

// Makes an Intel 8042 keyboard controller with no keyboard and no mouse, there for its reset line:
// commands 0xf0-0xff with bit 0 clear (0xfe is what Linux's reboot=k writes) and a write of the
// output port (0xd1) with bit 0 clear ask `sink` for kReset. Commands answer as IBM's PC AT
// Technical Reference, "Keyboard Controller", has them, each at once, so that a driver's probe
// never waits; bytes for the absent keyboard vanish. The A20 line is always on. Raises no
// interrupt.
//
// `sink` must outlive both ports. Thread-safe.
I8042Ports MakeI8042(GuestRequestSink& sink);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_I8042_H_
