// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_TESTING_H_
#define SEALVM_DEVICES_TESTING_H_

#include <stdint.h>

#include <vector>

#include "devices/bus_device.h"
#include "devices/guest_request.h"
#include "devices/interrupt_line.h"
#include "memory/base/mutex.h"

namespace sealvm {

// Doubles and shorthands for the tests of devices.

// Keeps what a guest asked for. Thread-safe.
class RecordingSink : public GuestRequestSink {
 public:
  void OnGuestRequest(const GuestRequest& request) override {
    MutexLock lock(mutex_);
    requests_.push_back(request);
  }

  std::vector<GuestRequest> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<GuestRequest> requests_ SEALVM_GUARDED_BY(mutex_);
};

// Keeps the level of a line and counts its rising edges. Thread-safe.
class RecordingLine : public InterruptLine {
 public:
  void SetLevel(bool asserted) override {
    MutexLock lock(mutex_);
    if (asserted && !level_) ++rising_edges_;
    level_ = asserted;
  }

  bool level() const {
    MutexLock lock(mutex_);
    return level_;
  }
  int rising_edges() const {
    MutexLock lock(mutex_);
    return rising_edges_;
  }

 private:
  mutable Mutex mutex_;
  bool level_ SEALVM_GUARDED_BY(mutex_) = false;
  int rising_edges_ SEALVM_GUARDED_BY(mutex_) = 0;
};

inline uint8_t ReadByte(BusDevice& device, uint64_t offset) {
  uint8_t value = 0;
  device.Read(offset, {&value, 1});
  return value;
}

inline void WriteByte(BusDevice& device, uint64_t offset, uint8_t value) {
  device.Write(offset, {&value, 1});
}

}  // namespace sealvm

#endif  // SEALVM_DEVICES_TESTING_H_
