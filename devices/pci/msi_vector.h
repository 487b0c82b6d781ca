// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_MSI_VECTOR_H_
#define SEALVM_DEVICES_PCI_MSI_VECTOR_H_

#include <stdint.h>

#include <memory>

#include "memory/base/result.h"

namespace sealvm {

// What a message-signalled interrupt writes, and where (PCI Local Bus 3.0 section 6.8.1).
struct MsiMessage {
  uint64_t address = 0;
  uint32_t data = 0;

  friend bool operator==(const MsiMessage&, const MsiMessage&) = default;
};

// One message-signalled interrupt: an eventfd that makes the guest's CPU take the message when it
// is written. While it is disconnected a write is kept, and delivered when it is connected again.
// Trigger and event_fd are thread-safe; one thread at a time connects and disconnects.
class MsiVector {
 public:
  virtual ~MsiVector() = default;

  virtual Result<> Connect(const MsiMessage& message) = 0;
  virtual void Disconnect() = 0;
  virtual void Trigger() = 0;
  // Whether a write is kept.
  virtual bool IsPending() const = 0;
  // Lent.
  virtual int event_fd() const = 0;
};

// Makes vectors, disconnected.
class MsiVectorFactory {
 public:
  virtual ~MsiVectorFactory() = default;
  virtual Result<std::unique_ptr<MsiVector>> Create() = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_MSI_VECTOR_H_
