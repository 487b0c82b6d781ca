// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_muxer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace sealvm {
namespace {

// Ports that the host's side of its own connections gets, far from those that programs choose.
constexpr uint32_t kFirstHostPort = uint32_t{1} << 30;
constexpr uint32_t kLastHostPort = (uint32_t{1} << 31) - 1;

// Bytes of the host in one packet; Linux's own limit (VIRTIO_VSOCK_MAX_PKT_BUF_SIZE). Other
// connections get their turn between two.
constexpr uint32_t kMaxPayload = 64 << 10;

}  // namespace

Result<std::unique_ptr<VsockMuxer>> VsockMuxer::Create(EventLoop& loop, UnixListener& listener,
                                                       uint32_t guest_cid,
                                                       const VsockTimeouts& timeouts,
                                                       DeviceCounters& counters,
                                                       std::function<void()> has_packets) {
  std::unique_ptr<VsockMuxer> muxer(
      new VsockMuxer(loop, listener, guest_cid, timeouts, counters, std::move(has_packets)));
  VsockMuxer* const self = muxer.get();
  muxer->timer_ = SEALVM_TRY(LoopTimer::Create(loop, [self] { self->OnTimer(); }));
  HostDoor::Options door = {
      .patience = timeouts.greeting,
      .has_room = [self] { return self->HasRoom(); },
      .visitor = [self](Fd socket, uint32_t port) { self->OpenFromHost(std::move(socket), port); }};
  muxer->door_ = SEALVM_TRY(HostDoor::Create(loop, listener, std::move(door)));
  return muxer;
}

VsockMuxer::VsockMuxer(EventLoop& loop, const UnixListener& listener, uint32_t guest_cid,
                       const VsockTimeouts& timeouts, DeviceCounters& counters,
                       std::function<void()> has_packets)
    : loop_(loop),
      path_(listener.path()),
      guest_cid_(guest_cid),
      timeouts_(timeouts),
      counters_(counters),
      has_packets_(std::move(has_packets)),
      next_host_port_(kFirstHostPort) {}

VsockMuxer::~VsockMuxer() {
  while (!peers_.empty()) Drop(peers_.begin()->second, false);
}

bool VsockMuxer::HasRoom() const { return peers_.size() + door_->waiting() < kMaxConnections; }

VsockMuxer::Peer* VsockMuxer::Find(const VsockPorts& ports) {
  const auto found = peers_.find(ports);
  return found == peers_.end() ? nullptr : &found->second;
}

VsockMuxer::Peer* VsockMuxer::Add(const VsockConnection& connection, Fd socket) {
  const auto [at, added] = peers_.try_emplace(connection.ports(), connection, std::move(socket));
  if (!added) return nullptr;
  Peer& peer = at->second;
  if (loop_.Watch(peer.stream.fd(), 0,
                  [this, &peer](uint32_t events) { OnSocket(peer, events); })) {
    peer.watched = 0;
    return &peer;
  }
  peers_.erase(at);
  return nullptr;
}

void VsockMuxer::Drop(Peer& peer, bool answer) {
  const VsockPorts ports = peer.connection.ports();
  if (answer && peer.connection.known_to_guest()) {
    resets_.push_back({.src_cid = kVsockHostCid,
                       .dst_cid = guest_cid_,
                       .src_port = ports.host,
                       .dst_port = ports.guest,
                       .op = VsockOp::kReset});
  }
  if (peer.watched) loop_.Unwatch(peer.stream.fd());
  if (peer.ready) ready_.erase(*peer.ready);
  peers_.erase(ports);
}

void VsockMuxer::Refuse(const VsockHeader& packet) {
  DeviceCounters::Add(counters_.errors);
  // A reset is never answered, or two sides would do so for ever.
  if (packet.op != VsockOp::kReset) resets_.push_back(VsockResetFor(packet));
}

void VsockMuxer::OnPacket(const VsockHeader& header, const ChainCursor& payload,
                          SharedView& memory) {
  // An answer would go to a guest that this is not.
  if (header.src_cid != guest_cid_) return DeviceCounters::Add(counters_.errors);
  if (header.dst_cid != kVsockHostCid || header.type != kVsockStream) return Refuse(header);
  Peer* const peer = Find({.host = header.dst_port, .guest = header.src_port});
  if (peer != nullptr && peer->connection.known_to_guest()) {
    return OnPeerPacket(*peer, header, payload, memory);
  }
  if (header.op == VsockOp::kRequest && peer == nullptr) return OpenFromGuest(header);
  Refuse(header);
}

void VsockMuxer::OpenFromGuest(const VsockHeader& request) {
  if (!HasRoom()) return Refuse(request);
  Result<Fd> socket = ConnectUnix(fmt::format("{}_{}", path_, request.dst_port));
  if (!socket) return Refuse(request);
  Peer* const peer = Add(VsockConnection::Accepted(request), *std::move(socket));
  if (peer == nullptr) return Refuse(request);
  Settle(*peer);
}

void VsockMuxer::OpenFromHost(Fd socket, uint32_t port) {
  const VsockPorts ports = {.host = TakeHostPort(port), .guest = port};
  Peer* const peer = Add(VsockConnection::Requested(ports, guest_cid_), std::move(socket));
  if (peer == nullptr) return;
  SetDeadline(*peer, timeouts_.answer);
  Settle(*peer);
  Announce();
}

uint32_t VsockMuxer::TakeHostPort(uint32_t guest_port) {
  uint32_t port = 0;
  do {
    port = next_host_port_;
    next_host_port_ = port == kLastHostPort ? kFirstHostPort : port + 1;
  } while (peers_.contains({.host = port, .guest = guest_port}));
  return port;
}

void VsockMuxer::OnPeerPacket(Peer& peer, const VsockHeader& header, const ChainCursor& payload,
                              SharedView& memory) {
  const bool was_open = peer.connection.open();
  const bool too_long = header.len > payload.remaining();
  const auto verdict =
      too_long ? VsockConnection::Verdict::kReset : peer.connection.OnPacket(header);
  if (verdict != VsockConnection::Verdict::kContinue) {
    const bool answer = verdict == VsockConnection::Verdict::kReset;
    if (answer) DeviceCounters::Add(counters_.errors);
    return Drop(peer, answer && header.op != VsockOp::kReset);
  }
  if (!was_open) {
    peer.deadline.reset();
    if (!peer.stream.SendText(fmt::format("OK {}\n", header.dst_port))) return Drop(peer, true);
  }
  if (header.op == VsockOp::kData && !SendToHost(peer, header.len, payload, memory)) return;
  Settle(peer);
}

bool VsockMuxer::SendToHost(Peer& peer, uint32_t length, const ChainCursor& payload,
                            SharedView& memory) {
  DeviceCounters::Add(counters_.bytes_written, length);
  if (!peer.connection.host_receives()) {
    peer.connection.OnForwarded(length);
    return true;
  }
  const Result<uint32_t> taken = peer.stream.Send(payload, length, memory);
  if (!taken) {
    DeviceCounters::Add(counters_.errors);
    DeviceCounters::Add(counters_.refused_ranges);
    Drop(peer, true);
    return false;
  }
  peer.connection.OnForwarded(*taken);
  if (peer.stream.deaf()) peer.connection.OnHostDeaf();
  return true;
}

Result<uint32_t> VsockMuxer::WriteHeader(const VsockHeader& header, const DescriptorChain& room,
                                         SharedView& memory) {
  ChainCursor cursor(room.writable());
  SEALVM_TRY(cursor.Write(memory, EncodeVsockHeader(header)));
  return static_cast<uint32_t>(kVsockHeaderBytes + header.len);
}

Result<uint32_t> VsockMuxer::NextPacket(const DescriptorChain& room, SharedView& memory) {
  if (room.writable_bytes() <= kVsockHeaderBytes) {
    return InvalidInput("a receive buffer without room for payload");
  }
  while (HasPackets()) {
    if (!resets_.empty()) {
      const VsockHeader reset = resets_.front();
      resets_.pop_front();
      return WriteHeader(reset, room, memory);
    }
    const uint32_t written = SEALVM_TRY(Serve(*ready_.front(), room, memory));
    if (written > 0) return written;
  }
  return 0;
}

Result<uint32_t> VsockMuxer::Serve(Peer& peer, const DescriptorChain& room, SharedView& memory) {
  if (const std::optional<VsockHeader> control = peer.connection.TakeControl()) {
    ready_.splice(ready_.end(), ready_, *peer.ready);
    Settle(peer);
    return WriteHeader(*control, room, memory);
  }
  if (peer.connection.WantsHostData()) return ServeData(peer, room, memory);
  MakeUnready(peer);
  Settle(peer);
  return 0;
}

Result<uint32_t> VsockMuxer::ServeData(Peer& peer, const DescriptorChain& room,
                                       SharedView& memory) {
  ChainCursor cursor(room.writable());
  cursor.Skip(kVsockHeaderBytes);
  const uint32_t most = std::min(kMaxPayload, peer.connection.credit());
  const HostStream::Received received =
      SEALVM_TRY(peer.stream.Receive(cursor.Pieces(most), memory));
  if (received.what == HostStream::Receipt::kData) {
    const Result<uint32_t> written =
        WriteHeader(peer.connection.TakeData(received.bytes), room, memory);
    if (!written) {
      Drop(peer, true);
      return written;
    }
    DeviceCounters::Add(counters_.bytes_read, received.bytes);
    ready_.splice(ready_.end(), ready_, *peer.ready);
    Settle(peer);
    return written;
  }
  if (received.what == HostStream::Receipt::kEnd) {
    peer.connection.OnHostEnd();
    Settle(peer);
  } else if (received.what == HostStream::Receipt::kBroken || peer.hung_up) {
    Drop(peer, true);
  } else {
    MakeUnready(peer);
    Settle(peer);
  }
  return 0;
}

}  // namespace sealvm
