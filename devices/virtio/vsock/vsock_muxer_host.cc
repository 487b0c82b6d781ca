// SPDX-License-Identifier: Apache-2.0
// The muxer's side towards the sockets of the host's programs: events, time, and what follows from
// a connection's state.

#include <poll.h>

#include <utility>
#include <vector>

#include "devices/virtio/vsock/vsock_muxer.h"

namespace sealvm {
namespace {

// Asks again: an event may belong to a descriptor that had the same number before.
bool HasHungUp(int fd) {
  pollfd poll_fd = {.fd = fd, .events = 0, .revents = 0};
  return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

void VsockMuxer::OnSocket(Peer& peer, uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) peer.hung_up = HasHungUp(peer.stream.fd());
  if (peer.hung_up && !peer.connection.open()) {
    Drop(peer, true);
  } else {
    Flush(peer);
    if (peer.ready) peer.crowded = true;
    if ((events & EPOLLIN) != 0 || peer.hung_up) MakeReady(peer);
    Settle(peer);
  }
  Announce();
}

void VsockMuxer::Flush(Peer& peer) {
  const uint32_t taken = peer.stream.Flush();
  if (taken > 0) peer.connection.OnForwarded(taken);
  if (peer.stream.deaf()) peer.connection.OnHostDeaf();
}

void VsockMuxer::Settle(Peer& peer) {
  VsockConnection& connection = peer.connection;
  if (connection.finished()) return Drop(peer, true);
  if (!connection.guest_sends() && connection.kept() == 0 &&
      !std::exchange(peer.sending_ended, true)) {
    peer.stream.EndSending();
  }
  if (!connection.guest_receives() && !std::exchange(peer.receiving_ended, true)) {
    peer.stream.EndReceiving();
  }
  if (peer.hung_up && !(connection.guest_receives() && connection.host_sends())) {
    connection.OnHostEnd();
    connection.OnHostDeaf();
    // What was kept is gone.
    if (connection.finished()) return Drop(peer, true);
  }
  if (connection.host_gone() && !std::exchange(peer.leaving, true)) {
    SetDeadline(peer, timeouts_.goodbye);
  }
  if (connection.HasControl() || (peer.hung_up && connection.WantsHostData())) MakeReady(peer);
  Watch(peer);
}

void VsockMuxer::MakeReady(Peer& peer) {
  if (!peer.ready) peer.ready = ready_.insert(ready_.end(), &peer);
}

void VsockMuxer::MakeUnready(Peer& peer) {
  if (!peer.ready) return;
  ready_.erase(*peer.ready);
  peer.ready.reset();
  peer.crowded = false;
}

void VsockMuxer::Watch(Peer& peer) {
  if (!peer.watched) return;
  const int fd = peer.stream.fd();
  if (peer.hung_up) {
    // An end is reported again and again, whatever one asks for.
    loop_.Unwatch(fd);
    peer.watched.reset();
    return;
  }
  uint32_t events = 0;
  if (peer.connection.WantsHostData() && !peer.crowded) events |= EPOLLIN;
  if (peer.stream.kept() > 0) events |= EPOLLOUT;
  if (events == *peer.watched) return;
  if (loop_.Change(fd, events)) peer.watched = events;
}

void VsockMuxer::SetDeadline(Peer& peer, std::chrono::milliseconds patience) {
  peer.deadline = LoopTimer::Clock::now() + patience;
  timer_->NoLaterThan(*peer.deadline);
}

void VsockMuxer::OnTimer() {
  const auto now = LoopTimer::Clock::now();
  std::vector<Peer*> late;
  for (auto& [ports, peer] : peers_) {
    if (!peer.deadline) continue;
    if (*peer.deadline <= now) {
      late.push_back(&peer);
    } else {
      timer_->NoLaterThan(*peer.deadline);
    }
  }
  for (Peer* const peer : late) Drop(*peer, true);
  Announce();
}

void VsockMuxer::Announce() {
  if (HasPackets()) has_packets_();
}

}  // namespace sealvm
