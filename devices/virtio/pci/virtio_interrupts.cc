// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/pci/virtio_interrupts.h"

#include <utility>

namespace sealvm {

VirtioInterrupts::VirtioInterrupts(size_t queues, MsixTable* msix,
                                   std::unique_ptr<InterruptLine> line,
                                   std::function<void(const Error&)> on_need_reset)
    : msix_(msix),
      line_(std::move(line)),
      on_need_reset_(std::move(on_need_reset)),
      queue_vectors_(queues) {
  Reset();
}

uint16_t VirtioInterrupts::Existing(uint16_t vector) const {
  return msix_ != nullptr && vector < msix_->size() ? vector : kNoVector;
}

void VirtioInterrupts::InterruptQueue(uint16_t queue) { Raise(queue_vectors_[queue], kIsrQueue); }

void VirtioInterrupts::InterruptConfig() {
  ++generation_;
  if (driver_ready_) Raise(config_vector_, kIsrConfig);
}

void VirtioInterrupts::NeedReset(const Error& reason) {
  if (needs_reset_.exchange(true)) return;
  on_need_reset_(reason);
  InterruptConfig();
}

int VirtioInterrupts::InterruptFd(uint16_t queue) {
  if (msix_ == nullptr || !msix_->enabled()) return -1;
  return msix_->EventFd(queue_vectors_[queue]);
}

void VirtioInterrupts::Raise(uint16_t vector, uint8_t isr_bit) {
  if (msix_ != nullptr && msix_->enabled()) return msix_->Trigger(vector);
  const std::lock_guard lock(mutex_);
  isr_ |= isr_bit;
  UpdateLine();
}

void VirtioInterrupts::UpdateLine() { line_->SetLevel(isr_ != 0 && line_enabled_); }

uint8_t VirtioInterrupts::TakeIsr() {
  const std::lock_guard lock(mutex_);
  const uint8_t isr = std::exchange(isr_, uint8_t{0});
  UpdateLine();
  return isr;
}

bool VirtioInterrupts::line_asserted() const {
  const std::lock_guard lock(mutex_);
  return isr_ != 0;
}

void VirtioInterrupts::SetLineEnabled(bool enabled) {
  const std::lock_guard lock(mutex_);
  line_enabled_ = enabled;
  UpdateLine();
}

void VirtioInterrupts::Reset() {
  driver_ready_ = false;
  needs_reset_ = false;
  config_vector_ = kNoVector;
  for (std::atomic<uint16_t>& vector : queue_vectors_) vector = kNoVector;
  TakeIsr();
}

}  // namespace sealvm
