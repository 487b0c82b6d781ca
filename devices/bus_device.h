// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_BUS_DEVICE_H_
#define SEALVM_DEVICES_BUS_DEVICE_H_

#include <stdint.h>

#include <span>
#include <string_view>

namespace sealvm {

// A device as a bus sees it: a window of registers. It does not know where the window lies; offsets
// are relative to its base. Accesses are 1, 2, 4 or 8 bytes wide and lie inside the window. Any
// vCPU thread may call; an implementation guards its own state. Every value written is the guest's
// and therefore hostile.
class BusDevice {
 public:
  virtual ~BusDevice() = default;

  // Short lower-case name for logs and statistics; a string literal.
  virtual std::string_view Name() const = 0;

  // Fills all of `data`.
  virtual void Read(uint64_t offset, std::span<uint8_t> data) = 0;
  virtual void Write(uint64_t offset, std::span<const uint8_t> data) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_BUS_DEVICE_H_
