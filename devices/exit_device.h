// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_EXIT_DEVICE_H_
#define SEALVM_DEVICES_EXIT_DEVICE_H_

#include <stdint.h>

#include "devices/bus_device.h"
#include "devices/guest_request.h"

namespace sealvm {

// Stops the machine with a code of the guest's choice: a write of 1, 2 or 4 bytes at offset 0 asks
// `sink` for kExitCode with the value as written. (QEMU's isa-debug-exit, whose port this is, makes
// of it an exit status of value * 2 + 1.) Writes elsewhere in the window do nothing; reads give all
// ones. A window of kExitDeviceLength bytes at kExitDevicePort. Thread-safe: it has no state.
class ExitDevice : public BusDevice {
 public:
  // `sink` must outlive the device.
  explicit ExitDevice(GuestRequestSink& sink) : sink_(sink) {}

  std::string_view Name() const override { return "exit"; }
  void Read(uint64_t offset, std::span<uint8_t> data) override;
  void Write(uint64_t offset, std::span<const uint8_t> data) override;

 private:
  GuestRequestSink& sink_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_EXIT_DEVICE_H_
