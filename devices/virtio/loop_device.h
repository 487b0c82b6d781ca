// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_LOOP_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_LOOP_DEVICE_H_

#include <stdint.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "devices/io/event_loop.h"
#include "devices/virtio/virtio_device.h"

namespace sealvm {

// A queue while it runs. Belongs to the thread of its loop.
class RunningQueue {
 public:
  RunningQueue(const EnabledQueue& enabled, std::unique_ptr<Virtqueue> ring, EventLoop& loop,
               VirtioTransport& transport, DeviceCounters& counters)
      : enabled_(enabled),
        ring_(std::move(ring)),
        loop_(loop),
        transport_(transport),
        counters_(counters) {}
  RunningQueue(const RunningQueue&) = delete;
  RunningQueue& operator=(const RunningQueue&) = delete;

  uint16_t index() const { return enabled_.index; }
  Virtqueue& ring() { return *ring_; }
  EventLoop& loop() { return loop_; }
  const std::shared_ptr<SharedView>& memory() const { return ring_->memory(); }

  // The next request, all of whose buffers the guest shares just now; one that names other memory
  // fails the queue. False: there is none, or the queue failed.
  bool Pop(DescriptorChain& chain);
  void Unpop() { ring_->Unpop(); }
  // Gives a request back; the driver hears of it at the next Interrupt.
  void Push(const DescriptorChain& chain, uint32_t written);
  // Interrupts the driver if it wants to hear of what was pushed.
  void Interrupt();
  // As Virtqueue's; false when the queue failed.
  bool WantKicks(bool wanted);
  // The driver broke the rules: the device stops until it is reset. Later calls do nothing.
  void Fail(const Error& error);
  bool failed() const { return failed_; }

 private:
  friend class LoopDevice;

  const EnabledQueue enabled_;
  const std::unique_ptr<Virtqueue> ring_;
  EventLoop& loop_;
  VirtioTransport& transport_;
  DeviceCounters& counters_;
  bool failed_ = false;
};

// A virtio device whose queues are served by event loops of its own, made when it is activated.
// Derived classes say what happens when a queue starts, is kicked and stops; all three are called
// on the thread of the queue's loop. They count requests, bytes and errors themselves, interrupt
// the driver after what they pushed, and call Reset in their destructors: the loops must end while
// the derived object is whole.
class LoopDevice : public VirtioDevice {
 public:
  ~LoopDevice() override;

  Result<> Activate(const VirtioActivation& activation) final;
  Result<> StartQueue(const EnabledQueue& queue) final;
  void StopQueue(uint16_t index) final;
  void Reset() final;

  DeviceCounters& counters() override { return counters_; }

 protected:
  LoopDevice() = default;

  // Loops that Activate makes, named `NAME-I`, and which of them serves a queue.
  virtual size_t LoopCount() const { return 1; }
  virtual size_t LoopOf(uint16_t queue) const {
    (void)queue;
    return 0;
  }
  // Before any queue starts, on the thread that activates; features() is set.
  virtual Result<> OnActivate() { return {}; }
  virtual Result<> OnQueueStart(RunningQueue& queue) {
    (void)queue;
    return {};
  }
  // The driver may have made requests available. Works on at most kRequestsPerTurn of them; true
  // asks to be called again soon.
  virtual bool OnKick(RunningQueue& queue) = 0;
  // Ends what is in flight; afterwards `queue` does not exist.
  virtual void OnQueueStop(RunningQueue& queue) { (void)queue; }
  // After all queues have stopped, on the thread that resets.
  virtual void OnReset() {}

  // A bound on the work between two looks at other queues, timers and the end.
  static constexpr int kRequestsPerTurn = 64;

  uint64_t features() const { return activation_.features; }
  VirtioTransport* transport() const { return activation_.transport; }
  bool active() const { return !loops_.empty(); }
  EventLoop& loop(size_t index) { return *loops_[index]; }
  // On the loop's thread: the running queue or null.
  RunningQueue* queue(uint16_t index);
  // On the loop's thread: looks at a queue as if it were kicked, such as when its peer has news.
  void Kick(RunningQueue& queue);

 private:
  struct Slot {
    std::unique_ptr<RunningQueue> queue;
    bool turn_posted = false;
  };
  Result<> StartOnLoop(const EnabledQueue& enabled);
  void StopOnLoop(uint16_t index);
  void TakeTurn(uint16_t index);
  void HandleKick(uint16_t index);

  DeviceCounters counters_;
  VirtioActivation activation_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<Slot> slots_;  // by queue index; each touched by its loop's thread alone
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_LOOP_DEVICE_H_
