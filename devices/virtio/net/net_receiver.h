// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_RECEIVER_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_RECEIVER_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <vector>

#include "devices/io/rate_gate.h"
#include "devices/virtio/chain_io.h"
#include "devices/virtio/loop_device.h"
#include "devices/virtio/net/net_peer.h"

namespace sealvm {

// Brings frames from a peer into the buffers of one receive queue. Belongs to the queue's loop.
class NetReceiver {
 public:
  enum class State {
    kMore,       // frames may be there, come again
    kIdle,       // the peer has none
    kStarved,    // the guest has no buffers; it will kick
    kThrottled,  // the gate will call
    kGone,       // the peer is
  };

  NetReceiver(NetPeer& peer, SharedRate& rate, DeviceCounters& counters)
      : gate(rate), peer_(peer), counters_(counters) {}

  // For a queue that starts with these features.
  void Start(uint64_t features);
  // Handles at most `frames`. The caller interrupts.
  State Work(RunningQueue& queue, int frames);

  RateGate gate;

 private:
  struct Frame {
    size_t bytes = 0;
    size_t direct = 0;  // lie in the held buffers
    std::span<const uint8_t> rest;
  };

  // The state when work ends there, nothing to go on.
  std::optional<State> Step(RunningQueue& queue);
  std::optional<State> TakeFrame(RunningQueue& queue);
  std::optional<State> Deliver(RunningQueue& queue);
  bool Hold(RunningQueue& queue, uint64_t bytes);
  std::optional<NetPeer::Received> ReceiveDirectly(RunningQueue& queue);
  Result<> Finish(SharedView& memory, uint16_t buffers);
  void GiveBack(RunningQueue& queue, size_t chains, size_t bytes);
  void DropFrame();
  void Refuse(RunningQueue& queue, size_t chains);
  size_t ChainsFor(size_t bytes) const;

  NetPeer& peer_;
  DeviceCounters& counters_;
  bool mergeable_ = false;
  bool guest_csum_ = false;
  // Requests taken from the ring and not yet given back: the first held_ of these. The others only
  // keep their storage.
  std::vector<DescriptorChain> chains_;
  size_t held_ = 0;
  std::vector<GuestBuffer> buffers_;  // of the held chains, one after the other
  uint64_t held_bytes_ = 0;
  uint32_t held_entries_ = 0;
  std::optional<Frame> frame_;
  size_t expected_bytes_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_RECEIVER_H_
