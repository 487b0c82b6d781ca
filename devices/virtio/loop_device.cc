// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/loop_device.h"

#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace sealvm {

bool RunningQueue::Pop(DescriptorChain& chain) {
  if (failed_) return false;
  const Result<bool> popped = ring_->Pop(chain);
  if (!popped) Fail(popped.error());
  if (!popped.value_or(false)) return false;
  if (const Result<> shared = memory()->Check(chain.buffers()); !shared) {
    DeviceCounters::Add(counters_.refused_ranges);
    DeviceCounters::Add(counters_.errors);
    Fail(shared.error());
    return false;
  }
  return true;
}

void RunningQueue::Push(const DescriptorChain& chain, uint32_t written) {
  if (failed_) return;
  if (const Result<> pushed = ring_->Push(chain, written); !pushed) Fail(pushed.error());
}

void RunningQueue::Interrupt() {
  if (failed_) return;
  const Result<bool> wanted = ring_->TakeInterruptWanted();
  if (!wanted) return Fail(wanted.error());
  if (!*wanted) return;
  DeviceCounters::Add(counters_.interrupts);
  transport_.InterruptQueue(enabled_.index);
}

bool RunningQueue::WantKicks(bool wanted) {
  if (failed_) return false;
  const Result<bool> more = ring_->WantKicks(wanted);
  if (!more) Fail(more.error());
  return more.value_or(false);
}

void RunningQueue::Fail(const Error& error) {
  if (std::exchange(failed_, true)) return;
  loop_.Unwatch(enabled_.kick_fd);
  Error named = error;
  named.message = fmt::format("queue {}: {}", enabled_.index, error.message);
  transport_.NeedReset(named);
}

LoopDevice::~LoopDevice() = default;

Result<> LoopDevice::Activate(const VirtioActivation& activation) {
  activation_ = activation;
  slots_.resize(QueueSizes().size());
  for (size_t i = 0; i < LoopCount(); ++i) {
    loops_.push_back(SEALVM_TRY(EventLoop::Create(fmt::format("{}-{}", Name(), i))));
  }
  SEALVM_TRY(OnActivate());
  for (const EnabledQueue& queue : activation.queues) SEALVM_TRY(StartQueue(queue));
  return {};
}

Result<> LoopDevice::StartQueue(const EnabledQueue& queue) {
  if (!active() || queue.index >= slots_.size())
    return HostError("there is no such queue to start");
  Result<> started;
  EventLoop& own_loop = loop(LoopOf(queue.index));
  own_loop.Run([&] { started = StartOnLoop(queue); });
  return started;
}

Result<> LoopDevice::StartOnLoop(const EnabledQueue& enabled) {
  EventLoop& own_loop = loop(LoopOf(enabled.index));
  std::unique_ptr<Virtqueue> ring =
      SEALVM_TRY(Virtqueue::Create(activation_.features, enabled.layout, activation_.memory));
  Slot& slot = slots_[enabled.index];
  slot.queue = std::make_unique<RunningQueue>(enabled, std::move(ring), own_loop,
                                              *activation_.transport, counters_);
  if (Result<> started = OnQueueStart(*slot.queue); !started) {
    slot.queue.reset();
    return started;
  }
  Result<> watched = own_loop.Watch(enabled.kick_fd, EPOLLIN,
                                    [this, index = enabled.index](uint32_t) { HandleKick(index); });
  if (!watched) {
    StopOnLoop(enabled.index);
    return watched;
  }
  // Requests may have been made available before the loop listened.
  TakeTurn(enabled.index);
  return {};
}

void LoopDevice::StopQueue(uint16_t index) {
  if (!active() || index >= slots_.size()) return;
  loop(LoopOf(index)).Run([&] { StopOnLoop(index); });
}

void LoopDevice::StopOnLoop(uint16_t index) {
  Slot& slot = slots_[index];
  if (!slot.queue) return;
  loop(LoopOf(index)).Unwatch(slot.queue->enabled_.kick_fd);
  OnQueueStop(*slot.queue);
  slot.queue.reset();
}

void LoopDevice::Reset() {
  for (uint16_t index = 0; index < slots_.size(); ++index) StopQueue(index);
  if (active()) OnReset();
  loops_.clear();
  slots_.clear();
  activation_ = {};
}

RunningQueue* LoopDevice::queue(uint16_t index) {
  return index < slots_.size() ? slots_[index].queue.get() : nullptr;
}

void LoopDevice::HandleKick(uint16_t index) {
  uint64_t kicks = 0;
  // Nothing there: the queue was restarted since.
  if (read(slots_[index].queue->enabled_.kick_fd, &kicks, sizeof(kicks)) < 0) return;
  DeviceCounters::Add(counters_.kicks, kicks);
  TakeTurn(index);
}

void LoopDevice::Kick(RunningQueue& queue) { TakeTurn(queue.index()); }

void LoopDevice::TakeTurn(uint16_t index) {
  Slot& slot = slots_[index];
  if (!slot.queue || slot.queue->failed() || slot.turn_posted) return;
  if (!OnKick(*slot.queue)) return;
  slot.turn_posted = true;
  loop(LoopOf(index)).Post([this, index] {
    slots_[index].turn_posted = false;
    TakeTurn(index);
  });
}

}  // namespace sealvm
