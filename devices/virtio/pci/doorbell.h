// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_PCI_DOORBELL_H_
#define SEALVM_DEVICES_VIRTIO_PCI_DOORBELL_H_

#include <stdint.h>

#include <optional>

#include "devices/pci/pci_config_space.h"
#include "memory/base/result.h"

namespace sealvm {

// An address that the guest writes to notify a queue.
struct Doorbell {
  PciSpace space = PciSpace::kMemory;
  uint64_t address = 0;
  // Only writes of two bytes with this value; else writes of any width and value.
  std::optional<uint16_t> value = {};

  friend bool operator==(const Doorbell&, const Doorbell&) = default;
};

// Makes the guest's writes to a doorbell signal an eventfd, without a word to the VMM. Thread-safe.
class DoorbellBinder {
 public:
  virtual ~DoorbellBinder() = default;
  virtual Result<> Bind(const Doorbell& doorbell, int event_fd) = 0;
  virtual void Unbind(const Doorbell& doorbell, int event_fd) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_PCI_DOORBELL_H_
