// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_PCI_COMMON_CONFIG_H_
#define SEALVM_DEVICES_VIRTIO_PCI_COMMON_CONFIG_H_

#include <stdint.h>

#include <memory>
#include <span>
#include <vector>

#include "devices/virtio/pci/virtio_interrupts.h"
#include "devices/virtio/pci/virtio_pci_layout.h"
#include "devices/virtio/virtio_device.h"
#include "memory/base/fd.h"

namespace sealvm {

// The common configuration structure (Virtual I/O Device 1.3 section 4.1.4.3) and what its
// registers do: negotiation, queues, status, reset. Registers are accessed with their own width,
// 64-bit ones also by halves; other accesses read as zero and write nothing. Not thread-safe.
class CommonConfig {
 public:
  struct Options {
    // The driver must accept VIRTIO_F_ACCESS_PLATFORM: without, its addresses would not be shared
    // memory's.
    bool require_access_platform = false;
  };

  // Makes the kick eventfds. `device` and `interrupts` outlive the object.
  static Result<std::unique_ptr<CommonConfig>> Create(const Options& options, VirtioDevice& device,
                                                      std::shared_ptr<SharedView> memory,
                                                      VirtioInterrupts& interrupts);
  ~CommonConfig();

  void Read(uint64_t offset, std::span<uint8_t> out) const;
  void Write(uint64_t offset, std::span<const uint8_t> bytes);

  uint16_t queue_count() const { return static_cast<uint16_t>(queues_.size()); }
  int kick_fd(uint16_t queue) const { return queues_[queue].kick.get(); }
  uint64_t offered_features() const { return offered_; }

 private:
  struct Queue {
    Fd kick;
    QueueLayout layout;
    bool enabled = false;
  };

  CommonConfig(const Options& options, VirtioDevice& device, std::shared_ptr<SharedView> memory,
               VirtioInterrupts& interrupts);
  uint64_t Get(uint64_t offset) const;
  void Set(uint64_t offset, uint64_t value);
  void SetQueueRegister(uint64_t offset, uint64_t value);
  void SetAddress(Gpa QueueLayout::*area, uint64_t value, uint64_t mask);
  void WriteHalf(uint64_t offset, uint32_t value);
  void SetStatus(uint8_t status);
  void AcceptFeatures();
  void Activate();
  void EnableQueue();
  void ResetQueue();
  void Reset();
  const Queue* selected() const;
  Queue* selected();
  EnabledQueue Enabled(uint16_t index) const;
  QueueLayout FreshLayout(size_t index) const;
  uint8_t status() const;

  const Options options_;
  VirtioDevice& device_;
  const std::shared_ptr<SharedView> memory_;
  VirtioInterrupts& interrupts_;
  const uint64_t offered_;
  std::vector<Queue> queues_;
  uint64_t driver_features_ = 0;
  uint32_t device_feature_select_ = 0;
  uint32_t driver_feature_select_ = 0;
  uint16_t queue_select_ = 0;
  uint8_t status_ = 0;
  bool active_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_PCI_COMMON_CONFIG_H_
