// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_PAIR_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_PAIR_H_

#include <stdint.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "devices/virtio/net/net_peer.h"
#include "devices/virtio/net/net_receiver.h"
#include "devices/virtio/net/net_transmitter.h"

namespace sealvm {

// A receive and a transmit queue with their peer. Belongs to the loop of the two; while neither
// runs, to whoever starts the device.
class NetPair {
 public:
  struct Hooks {
    std::function<void(RunningQueue&)> kick;              // gives the queue a turn
    std::function<void(const std::string& reason)> gone;  // the peer is; called once
  };

  NetPair(std::unique_ptr<NetPeer> peer, bool attached, SharedRate& receive, SharedRate& transmit,
          DeviceCounters& counters, Hooks hooks);

  NetPeer& peer() { return *peer_; }
  Result<> SetAttached(bool attached);

  Result<> StartReceive(RunningQueue& queue, uint64_t features);
  void StopReceive();
  Result<> StartTransmit(RunningQueue& queue, uint64_t features);
  void StopTransmit();

  // A turn of the queue, of at most `frames`; true asks for another.
  bool Receive(int frames);
  bool Transmit(int frames);

 private:
  void HandleEvents(uint32_t events);
  void Gone();
  // Has the loop watch the peer for what is waited for.
  Result<> Watch();
  void Rewatch();

  const std::unique_ptr<NetPeer> peer_;
  const Hooks hooks_;
  NetReceiver receiver_;
  NetTransmitter transmitter_;
  RunningQueue* receive_queue_ = nullptr;
  RunningQueue* transmit_queue_ = nullptr;
  NetReceiver::State receive_state_ = NetReceiver::State::kStarved;
  NetTransmitter::State transmit_state_ = NetTransmitter::State::kIdle;
  bool attached_;
  bool gone_ = false;
  EventLoop* watching_loop_ = nullptr;
  uint32_t watched_events_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_PAIR_H_
