// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_QUEUE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_QUEUE_H_

#include <stdint.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "devices/io/rate_gate.h"
#include "devices/virtio/block/block_engine.h"
#include "devices/virtio/block/block_request.h"
#include "devices/virtio/device_counters.h"
#include "devices/virtio/loop_device.h"

namespace sealvm {

// What a block device does on one of its running queues. On the thread of the queue's loop.
class BlockQueue {
 public:
  // What outlives the queue. `look_again` asks for a call of Work.
  struct Surroundings {
    RunningQueue& queue;
    BlockTarget& target;
    SharedRate& rate;
    DeviceCounters& counters;
    std::function<void()> look_again;
  };

  // Watches the engine in the queue's loop.
  static Result<std::unique_ptr<BlockQueue>> Create(Surroundings surroundings,
                                                    std::unique_ptr<BlockEngine> engine);
  BlockQueue(const BlockQueue&) = delete;
  BlockQueue& operator=(const BlockQueue&) = delete;
  // Waits for what is in flight; the driver gets no answer to it.
  ~BlockQueue();

  // Takes at most `most` requests of the driver. True: there may be more.
  bool Work(int most);

 private:
  // Why Take took no more.
  enum class Pause { kEmpty, kMostTaken, kAllInFlight, kThrottled };

  BlockQueue(Surroundings surroundings, std::unique_ptr<BlockEngine> engine);
  Result<> Watch();
  Pause Take(int most);
  bool HoldBack(const BlockRequest& request);
  void Begin(uint32_t slot);
  void Advance(uint32_t slot);
  void Finish(uint32_t slot);
  void Release(uint32_t slot);
  void FailQueue(const Error& error, bool refused);
  bool Exchange();
  void TakeIn(const IoResult& result);
  void OnEngine();
  void Resume();
  void Drain();
  uint64_t WritableEnd();

  const Surroundings with_;
  const std::unique_ptr<BlockEngine> engine_;
  RateGate gate_;

  // One slot for each entry of the ring; requests are named by their slot's index.
  std::vector<BlockRequest> requests_;
  std::vector<uint32_t> free_;
  std::vector<IoResult> results_;
  // The image's end, asked for at most once in a turn.
  std::optional<uint64_t> writable_end_;
  Pause pause_ = Pause::kEmpty;
  bool pushed_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_QUEUE_H_
