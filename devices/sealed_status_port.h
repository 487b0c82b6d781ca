// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_SEALED_STATUS_PORT_H_
#define SEALVM_DEVICES_SEALED_STATUS_PORT_H_

#include <stdint.h>

#include <functional>
#include <utility>

#include "devices/bus_device.h"
#include "memory/base/endian.h"

namespace sealvm {

// The port on which a sealed guest's loader reports: one write of 32 bits, little endian, for which
// `on_status` is called. Narrower writes mean nothing; reads give zero. As thread-safe as
// `on_status`.
class SealedStatusPort : public BusDevice {
 public:
  explicit SealedStatusPort(std::function<void(uint32_t)> on_status)
      : on_status_(std::move(on_status)) {}

  std::string_view Name() const override { return "sealed-status"; }
  void Read(uint64_t, std::span<uint8_t> data) override {
    for (uint8_t& byte : data) byte = 0;
  }
  void Write(uint64_t offset, std::span<const uint8_t> data) override {
    if (offset == 0 && data.size() == sizeof(uint32_t))
      on_status_(static_cast<uint32_t>(LoadLeAny(data)));
  }

 private:
  const std::function<void(uint32_t)> on_status_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_SEALED_STATUS_PORT_H_
