// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_pair.h"

#include <utility>

namespace sealvm {
namespace {

// A failed queue gets no turns, so that nothing may be waited for in its name.
bool Runs(const RunningQueue* queue) { return queue != nullptr && !queue->failed(); }

}  // namespace

NetPair::NetPair(std::unique_ptr<NetPeer> peer, bool attached, SharedRate& receive,
                 SharedRate& transmit, DeviceCounters& counters, Hooks hooks)
    : peer_(std::move(peer)),
      hooks_(std::move(hooks)),
      receiver_(*peer_, receive, counters),
      transmitter_(*peer_, transmit, counters),
      attached_(attached) {}

Result<> NetPair::SetAttached(bool attached) {
  if (attached == attached_) return {};
  SEALVM_TRY(peer_->SetAttached(attached));
  attached_ = attached;
  SEALVM_TRY(Watch());
  if (receive_queue_ != nullptr) hooks_.kick(*receive_queue_);
  if (transmit_queue_ != nullptr) hooks_.kick(*transmit_queue_);
  return {};
}

Result<> NetPair::StartReceive(RunningQueue& queue, uint64_t features) {
  receiver_.Start(features);
  SEALVM_TRY(receiver_.gate.Open(queue.loop(), [this] { hooks_.kick(*receive_queue_); }));
  receive_queue_ = &queue;
  receive_state_ = NetReceiver::State::kStarved;
  const Result<> watched = Watch();
  if (!watched) StopReceive();
  return watched;
}

void NetPair::StopReceive() {
  receiver_.gate.Close();
  receive_queue_ = nullptr;
  Rewatch();
}

Result<> NetPair::StartTransmit(RunningQueue& queue, uint64_t features) {
  transmitter_.Start(features);
  SEALVM_TRY(transmitter_.gate.Open(queue.loop(), [this] { hooks_.kick(*transmit_queue_); }));
  transmit_queue_ = &queue;
  transmit_state_ = NetTransmitter::State::kIdle;
  const Result<> watched = Watch();
  if (!watched) StopTransmit();
  return watched;
}

void NetPair::StopTransmit() {
  transmitter_.gate.Close();
  transmit_queue_ = nullptr;
  Rewatch();
}

bool NetPair::Receive(int frames) {
  if (receive_queue_ == nullptr || gone_ || !attached_) return false;
  receive_state_ = receiver_.Work(*receive_queue_, frames);
  receive_queue_->Interrupt();
  if (receive_state_ == NetReceiver::State::kGone) Gone();
  Rewatch();
  return receive_state_ == NetReceiver::State::kMore;
}

bool NetPair::Transmit(int frames) {
  if (transmit_queue_ == nullptr) return false;
  transmit_state_ = gone_ || !attached_ ? transmitter_.Discard(*transmit_queue_, frames)
                                        : transmitter_.Work(*transmit_queue_, frames);
  transmit_queue_->Interrupt();
  if (transmit_state_ == NetTransmitter::State::kGone) {
    Gone();
    return true;
  }
  Rewatch();
  return transmit_state_ == NetTransmitter::State::kMore;
}

void NetPair::HandleEvents(uint32_t events) {
  if ((events & EPOLLOUT) != 0 && transmit_queue_ != nullptr) hooks_.kick(*transmit_queue_);
  // Receiving tells whether the peer is gone, behind its last frames.
  if (receive_queue_ != nullptr && receive_state_ == NetReceiver::State::kIdle) {
    hooks_.kick(*receive_queue_);
  }
  const bool receiving = receive_queue_ != nullptr && receive_state_ == NetReceiver::State::kMore;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && !gone_ && !receiving) {
    Gone();
    if (transmit_queue_ != nullptr) hooks_.kick(*transmit_queue_);
  }
}

void NetPair::Gone() {
  if (std::exchange(gone_, true)) return;
  Rewatch();
  hooks_.gone(peer_->gone_reason());
}

Result<> NetPair::Watch() {
  RunningQueue* const queue = receive_queue_ != nullptr ? receive_queue_ : transmit_queue_;
  if (queue == nullptr || gone_ || !attached_) {
    if (watching_loop_ != nullptr) std::exchange(watching_loop_, nullptr)->Unwatch(peer_->fd());
    return {};
  }
  uint32_t events = 0;
  if (Runs(receive_queue_) && receive_state_ == NetReceiver::State::kIdle) events |= EPOLLIN;
  if (Runs(transmit_queue_) && transmit_state_ == NetTransmitter::State::kBlocked) {
    events |= EPOLLOUT;
  }
  if (watching_loop_ == nullptr) {
    SEALVM_TRY(
        queue->loop().Watch(peer_->fd(), events, [this](uint32_t came) { HandleEvents(came); }));
    watching_loop_ = &queue->loop();
  } else if (events != watched_events_) {
    SEALVM_TRY(watching_loop_->Change(peer_->fd(), events));
  }
  watched_events_ = events;
  return {};
}

void NetPair::Rewatch() {
  // A descriptor that the kernel does not watch any more is as good as gone.
  if (!Watch()) Gone();
}

}  // namespace sealvm
