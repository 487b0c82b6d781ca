// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_TRANSMITTER_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_TRANSMITTER_H_

#include <stdint.h>

#include "devices/io/rate_gate.h"
#include "devices/virtio/chain_io.h"
#include "devices/virtio/loop_device.h"
#include "devices/virtio/net/net_peer.h"

namespace sealvm {

// Brings frames from one transmit queue to a peer. Belongs to the queue's loop.
class NetTransmitter {
 public:
  enum class State {
    kMore,       // requests may be there, come again
    kIdle,       // the guest will kick
    kBlocked,    // the peer has no room
    kThrottled,  // the gate will call
    kGone,       // the peer is
  };

  NetTransmitter(NetPeer& peer, SharedRate& rate, DeviceCounters& counters)
      : gate(rate), peer_(peer), counters_(counters) {}

  // For a queue that starts with these features.
  void Start(uint64_t features) { features_ = features; }
  // Handles at most `frames`. The caller interrupts.
  State Work(RunningQueue& queue, int frames);
  // The same without a peer: takes frames and drops them.
  State Discard(RunningQueue& queue, int frames);

  RateGate gate;

 private:
  using Outcome = NetPeer::Outcome;

  State Step(RunningQueue& queue);
  bool Next(RunningQueue& queue);
  Outcome Send(RunningQueue& queue);
  Outcome SendChecked(SharedView& memory, const NetHeader& header, size_t bytes);

  NetPeer& peer_;
  DeviceCounters& counters_;
  uint64_t features_ = 0;
  DescriptorChain chain_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_TRANSMITTER_H_
