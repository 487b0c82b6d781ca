// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_INTERRUPTS_H_
#define SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_INTERRUPTS_H_

#include <stdint.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "devices/interrupt_line.h"
#include "devices/pci/msix_table.h"
#include "devices/virtio/virtio_device.h"

namespace sealvm {

// The device's way to its driver (Virtual I/O Device 1.3 sections 4.1.4.5, 4.1.5.1): MSI-X vectors
// where the guest enabled them, else the ISR register and a level-triggered line. Thread-safe, and
// no lock here is held while anything waits: devices' threads call while vCPUs wait for them.
class VirtioInterrupts : public VirtioTransport {
 public:
  static constexpr uint16_t kNoVector = 0xffff;  // section 4.1.5.1.3
  static constexpr uint8_t kIsrQueue = 1;
  static constexpr uint8_t kIsrConfig = 2;

  // `msix` may be null and outlives the object.
  VirtioInterrupts(size_t queues, MsixTable* msix, std::unique_ptr<InterruptLine> line,
                   std::function<void(const Error&)> on_need_reset);

  void InterruptQueue(uint16_t queue) override;
  void InterruptConfig() override;
  void NeedReset(const Error& reason) override;
  int InterruptFd(uint16_t queue) override;

  // Registers. A vector that does not exist is not taken: reading back kNoVector tells the driver.
  void SetConfigVector(uint16_t vector) { config_vector_ = Existing(vector); }
  uint16_t config_vector() const { return config_vector_; }
  void SetQueueVector(uint16_t queue, uint16_t vector) { queue_vectors_[queue] = Existing(vector); }
  uint16_t queue_vector(uint16_t queue) const { return queue_vectors_[queue]; }
  // Reading clears it and takes the line back.
  uint8_t TakeIsr();
  bool line_asserted() const;
  // The guest may switch the line off in the command register.
  void SetLineEnabled(bool enabled);
  uint8_t config_generation() const { return static_cast<uint8_t>(generation_); }
  bool needs_reset() const { return needs_reset_; }
  // The driver said DRIVER_OK: it may be interrupted because of a changed configuration.
  void SetDriverReady(bool ready) { driver_ready_ = ready; }

  void Reset();

 private:
  uint16_t Existing(uint16_t vector) const;
  void Raise(uint16_t vector, uint8_t isr_bit);
  void UpdateLine();

  MsixTable* const msix_;
  const std::unique_ptr<InterruptLine> line_;
  const std::function<void(const Error&)> on_need_reset_;
  std::atomic<uint16_t> config_vector_ = kNoVector;
  std::vector<std::atomic<uint16_t>> queue_vectors_;
  std::atomic<uint32_t> generation_ = 0;
  std::atomic<bool> needs_reset_ = false;
  std::atomic<bool> driver_ready_ = false;

  mutable std::mutex mutex_;
  uint8_t isr_ = 0;
  bool line_enabled_ = true;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_INTERRUPTS_H_
