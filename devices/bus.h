// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_BUS_H_
#define SEALVM_DEVICES_BUS_H_

#include <stdint.h>

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "devices/bus_device.h"
#include "memory/base/logger.h"
#include "memory/base/result.h"

namespace sealvm {

// An address space of device windows: one object for I/O ports, one for MMIO.
//
// Two phases. While the machine is built, one thread inserts devices. From the first Read or Write
// on the set is frozen and any number of threads may access it; there is no lock. The bus shares
// ownership of its devices.
//
// An access that no device claims (no window there, one that runs over a window's end, a width
// other than 1, 2, 4 or 8 bytes) reads all ones, as a bus that floats high does, and writes
// nothing.
class Bus {
 public:
  // `name` is what logs and errors call this bus: "I/O port", "MMIO". A string literal.
  explicit Bus(std::string_view name, Logger logger = {})
      : name_(name), logger_(std::move(logger)) {}
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // Adds a window of `length` bytes at `base`. A device may have several. Fails, and changes
  // nothing, for no device, an empty or wrapping range and one that overlaps another's; the error
  // names both.
  Result<> Insert(uint64_t base, uint64_t length, std::shared_ptr<BusDevice> device);

  // Fills `data` from the device at `address`. False when no device claims the access.
  bool Read(uint64_t address, std::span<uint8_t> data);
  // Hands `data` to the device at `address`. False when no device claims the access.
  bool Write(uint64_t address, std::span<const uint8_t> data);

  // Accesses since creation by device name, and those that no device claimed as "unclaimed".
  // Thread-safe; a device that has not been accessed has a count of zero.
  std::map<std::string, uint64_t> AccessCounts() const;

 private:
  struct Window {
    uint64_t base = 0;
    uint64_t last = 0;  // inclusive, so that a window may end at the top of the address space
    std::shared_ptr<BusDevice> device;
    std::unique_ptr<std::atomic<uint64_t>> accesses;
  };

  // The window that holds all of the access, or null.
  const Window* Find(uint64_t address, size_t width) const;
  void NoteUnclaimed(std::string_view verb, uint64_t address, size_t width);

  std::string_view name_;
  Logger logger_;
  std::vector<Window> windows_;  // ascending, disjoint
  std::atomic<uint64_t> unclaimed_{0};
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_BUS_H_
