// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_MUXER_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_MUXER_H_

#include <stddef.h>
#include <stdint.h>

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "devices/io/event_loop.h"
#include "devices/io/loop_timer.h"
#include "devices/virtio/chain_io.h"
#include "devices/virtio/device_counters.h"
#include "devices/virtio/vsock/host_door.h"
#include "devices/virtio/vsock/host_stream.h"
#include "devices/virtio/vsock/unix_socket.h"
#include "devices/virtio/vsock/vsock_connection.h"
#include "devices/virtio/vsock/vsock_packet.h"
#include "memory/base/result.h"

namespace sealvm {

struct VsockTimeouts {
  // From a program's coming until its greeting is complete.
  std::chrono::milliseconds greeting{10'000};
  // Until the guest answers a request to connect.
  std::chrono::milliseconds answer{2'000};
  // Until the guest ends its side of a connection whose program has left.
  std::chrono::milliseconds goodbye{2'000};
};

// All connections of a guest to programs of the host. What the host sends stays in its sockets
// until the guest has both credit and a buffer for it. Lives on the loop's thread.
class VsockMuxer {
 public:
  // Arriving programs included; what is more is refused.
  static constexpr size_t kMaxConnections = 1023;

  // `loop`, `listener` and `counters` outlive it. `has_packets` is called when something of the
  // host's side has packets for the guest; what OnPacket makes is the caller's to see.
  static Result<std::unique_ptr<VsockMuxer>> Create(EventLoop& loop, UnixListener& listener,
                                                    uint32_t guest_cid,
                                                    const VsockTimeouts& timeouts,
                                                    DeviceCounters& counters,
                                                    std::function<void()> has_packets);
  VsockMuxer(const VsockMuxer&) = delete;
  VsockMuxer& operator=(const VsockMuxer&) = delete;
  // Closes all connections; the guest hears nothing.
  ~VsockMuxer();

  // Whether the answers to another packet have room. When not, take packets for the guest first.
  bool MayReceive() const { return resets_.size() < kMaxResets; }
  // A packet of the guest with what lies behind its header.
  void OnPacket(const VsockHeader& header, const ChainCursor& payload, SharedView& memory);

  // NextPacket may have something.
  bool HasPackets() const { return !resets_.empty() || !ready_.empty(); }
  // Writes the next packet into `room`; returns its length, 0 when there is none. An error: this
  // buffer cannot hold it.
  Result<uint32_t> NextPacket(const DescriptorChain& room, SharedView& memory);

 private:
  // Answers to packets that belong to no connection; a guest makes as many as it likes.
  static constexpr size_t kMaxResets = 128;

  struct Peer {
    Peer(VsockConnection state, Fd socket) : connection(state), stream(std::move(socket)) {}

    VsockConnection connection;
    HostStream stream;
    std::optional<uint32_t> watched;  // the events that the loop watches
    // In ready_: a packet is due, or the socket may have something.
    std::optional<std::list<Peer*>::iterator> ready;
    // The socket became readable while in ready_: no need to hear that again.
    bool crowded = false;
    bool hung_up = false;  // both directions of the socket ended
    bool sending_ended = false;
    bool receiving_ended = false;
    bool leaving = false;  // the goodbye's time runs
    std::optional<LoopTimer::Clock::time_point> deadline;
  };

  VsockMuxer(EventLoop& loop, const UnixListener& listener, uint32_t guest_cid,
             const VsockTimeouts& timeouts, DeviceCounters& counters,
             std::function<void()> has_packets);

  bool HasRoom() const;
  Peer* Find(const VsockPorts& ports);
  Peer* Add(const VsockConnection& connection, Fd socket);
  // `answer`: the guest hears of it. `peer` is gone afterwards.
  void Drop(Peer& peer, bool answer);
  void Refuse(const VsockHeader& packet);

  void OpenFromGuest(const VsockHeader& request);
  void OpenFromHost(Fd socket, uint32_t port);
  uint32_t TakeHostPort(uint32_t guest_port);
  void OnPeerPacket(Peer& peer, const VsockHeader& header, const ChainCursor& payload,
                    SharedView& memory);
  // False: the peer is gone.
  bool SendToHost(Peer& peer, uint32_t length, const ChainCursor& payload, SharedView& memory);

  Result<uint32_t> WriteHeader(const VsockHeader& header, const DescriptorChain& room,
                               SharedView& memory);
  // A packet of the first of ready_, or 0.
  Result<uint32_t> Serve(Peer& peer, const DescriptorChain& room, SharedView& memory);
  Result<uint32_t> ServeData(Peer& peer, const DescriptorChain& room, SharedView& memory);

  void OnSocket(Peer& peer, uint32_t events);
  void Flush(Peer& peer);
  // What follows from a changed state. `peer` may be gone afterwards.
  void Settle(Peer& peer);
  void MakeReady(Peer& peer);
  void MakeUnready(Peer& peer);
  void Watch(Peer& peer);
  void SetDeadline(Peer& peer, std::chrono::milliseconds patience);
  void OnTimer();
  void Announce();

  EventLoop& loop_;
  const std::string path_;
  const uint32_t guest_cid_;
  const VsockTimeouts timeouts_;
  DeviceCounters& counters_;
  const std::function<void()> has_packets_;

  std::map<VsockPorts, Peer> peers_;
  std::list<Peer*> ready_;  // served in turn
  std::deque<VsockHeader> resets_;
  uint32_t next_host_port_;
  std::unique_ptr<LoopTimer> timer_;
  std::unique_ptr<HostDoor> door_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_MUXER_H_
