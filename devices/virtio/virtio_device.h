// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VIRTIO_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_VIRTIO_DEVICE_H_

#include <stdint.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "devices/virtio/device_counters.h"
#include "devices/virtio/virtio_ids.h"
#include "devices/virtio/virtqueue.h"
#include "memory/base/result.h"
#include "memory/shared_view.h"

namespace sealvm {

// What the transport does for its device. Thread-safe.
class VirtioTransport {
 public:
  virtual ~VirtioTransport() = default;

  // Interrupts the driver because of this queue, or of a changed configuration.
  virtual void InterruptQueue(uint16_t queue) = 0;
  virtual void InterruptConfig() = 0;
  // The driver broke the rules, or what stands behind the device is gone: it does nothing more
  // until the driver resets it (DEVICE_NEEDS_RESET). Says so in the log once.
  virtual void NeedReset(const Error& reason) = 0;
  // An eventfd that interrupts the driver because of this queue when it is written, lent; for
  // devices whose work another process does. -1: there is none, use InterruptQueue.
  virtual int InterruptFd(uint16_t queue) = 0;
};

// A queue that the driver enabled. `kick_fd` is an eventfd that becomes readable when the driver
// notified the queue; lent until the queue is stopped.
struct EnabledQueue {
  uint16_t index = 0;
  QueueLayout layout;
  int kick_fd = -1;
};

struct VirtioActivation {
  uint64_t features = 0;  // negotiated, transport's and ring's included
  std::shared_ptr<SharedView> memory;
  VirtioTransport* transport = nullptr;  // outlives the device's activity
  std::vector<EnabledQueue> queues;      // ascending by index
};

// A virtio device without its transport: features, configuration, queues. The transport calls
// everything here, from vCPU threads but one call at a time; nothing here may wait for the guest.
// Work on queues is done on threads of the device's own.
class VirtioDevice {
 public:
  virtual ~VirtioDevice() = default;

  // Short lower-case name for logs and statistics, "block"; a string literal.
  virtual std::string_view Name() const = 0;
  virtual VirtioType Type() const = 0;
  // Features of this type of device. Those of rings and transport are the transport's; of them
  // kFeatureInOrder alone may be offered here, by a device that uses buffers in order.
  virtual uint64_t Features() const = 0;
  // Features of rings and transport that must not be offered for this device, because another
  // process works on its rings and lacks them.
  virtual uint64_t UnsupportedRingFeatures() const { return 0; }
  // How many queues there are and the greatest size of each, a power of two.
  virtual std::span<const uint16_t> QueueSizes() const = 0;

  // Device-specific configuration (little-endian): `offset` is any number, bytes past the end read
  // as zero. May be called at any time, activity or not.
  virtual void ReadConfig(uint64_t offset, std::span<uint8_t> out) = 0;
  virtual void WriteConfig(uint64_t offset, std::span<const uint8_t> bytes) {
    (void)offset;
    (void)bytes;
  }

  // DRIVER_OK: begins to work on the enabled queues. An error means NeedReset.
  virtual Result<> Activate(const VirtioActivation& activation) = 0;
  // The driver enabled this queue after Activate.
  virtual Result<> StartQueue(const EnabledQueue& queue) = 0;
  // When it returns nothing of the queue is in flight and its memory is not touched any more. For a
  // queue that does not run, nothing.
  virtual void StopQueue(uint16_t index) = 0;
  // As StopQueue for all; then the device is as new.
  virtual void Reset() = 0;

  virtual DeviceCounters& counters() = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VIRTIO_DEVICE_H_
