// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_BYTE_REGISTER_DEVICE_H_
#define SEALVM_DEVICES_BYTE_REGISTER_DEVICE_H_

#include <stdint.h>

#include <span>

#include "devices/bus_device.h"

namespace sealvm {

// Base of devices whose registers are bytes. A wider access becomes byte cycles at ascending
// offsets, lowest byte first, as an ISA bus splits an access to an 8-bit device. Each cycle is a
// call of its own: other vCPUs may get between.
class ByteRegisterDevice : public BusDevice {
 public:
  void Read(uint64_t offset, std::span<uint8_t> data) final {
    for (uint8_t& byte : data) byte = ReadRegister(offset++);
  }

  void Write(uint64_t offset, std::span<const uint8_t> data) final {
    for (const uint8_t byte : data) WriteRegister(offset++, byte);
  }

 protected:
  // `offset` lies inside the window.
  virtual uint8_t ReadRegister(uint64_t offset) = 0;
  virtual void WriteRegister(uint64_t offset, uint8_t value) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_BYTE_REGISTER_DEVICE_H_
