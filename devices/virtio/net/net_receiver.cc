// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_receiver.h"

#include <algorithm>
#include <utility>

namespace sealvm {
namespace {

// A frame of the usual MTU with its header; longer ones are expected after one has come.
constexpr size_t kUsualBytes = 2048;

}  // namespace

void NetReceiver::Start(uint64_t features) {
  mergeable_ = (features & kNetMergeableBuffers) != 0;
  guest_csum_ = (features & kNetGuestCsum) != 0;
  held_ = 0;
  buffers_.clear();
  held_bytes_ = 0;
  held_entries_ = 0;
  frame_.reset();
  expected_bytes_ = kUsualBytes;
}

NetReceiver::State NetReceiver::Work(RunningQueue& queue, int frames) {
  queue.WantKicks(false);
  for (int i = 0; i < frames; ++i) {
    if (const std::optional<State> end = Step(queue)) return *end;
  }
  return State::kMore;
}

std::optional<NetReceiver::State> NetReceiver::Step(RunningQueue& queue) {
  if (!frame_) {
    if (const std::optional<State> end = TakeFrame(queue)) return end;
    if (!frame_) return std::nullopt;
    DeviceCounters::Add(counters_.requests);
  }
  return Deliver(queue);
}

// Takes requests from the ring until those held have room for `bytes`. False: the ring is empty,
// and the driver will kick.
bool NetReceiver::Hold(RunningQueue& queue, uint64_t bytes) {
  while (held_bytes_ < bytes || held_ == 0) {
    if (held_ == chains_.size()) chains_.emplace_back();
    DescriptorChain& chain = chains_[held_];
    if (!queue.Pop(chain)) {
      if (queue.failed() || !queue.WantKicks(true)) return false;
      continue;
    }
    if (chain.writable_bytes() == 0) {
      queue.Fail(
          Error{ErrorKind::kInvalidInput, "a receive buffer that the device may not write", "", 0});
      return false;
    }
    ++held_;
    held_bytes_ += chain.writable_bytes();
    held_entries_ += std::max<uint32_t>(chain.ring_entries, 1);
    buffers_.insert(buffers_.end(), chain.writable().begin(), chain.writable().end());
  }
  return true;
}

std::optional<NetReceiver::State> NetReceiver::TakeFrame(RunningQueue& queue) {
  Hold(queue, mergeable_ ? expected_bytes_ : 1);
  if (queue.failed() || held_ == 0) return State::kStarved;
  const std::optional<NetPeer::Received> received =
      peer_.receives_directly() ? ReceiveDirectly(queue) : peer_.Receive({});
  if (!received) return std::nullopt;
  switch (received->outcome) {
    case NetPeer::Outcome::kDone:
      frame_ = {.bytes = received->bytes, .direct = received->direct, .rest = received->rest};
      expected_bytes_ = std::max(kUsualBytes, received->bytes);
      return std::nullopt;
    case NetPeer::Outcome::kDropped:
      DeviceCounters::Add(counters_.errors);
      return std::nullopt;
    case NetPeer::Outcome::kAgain:
      return State::kIdle;
    case NetPeer::Outcome::kGone:
      return State::kGone;
  }
  return std::nullopt;
}

// Nothing when the guest's buffers are no memory that it shares; the frames wait.
std::optional<NetPeer::Received> NetReceiver::ReceiveDirectly(RunningQueue& queue) {
  const Result<SharedView::Lease> lease = queue.memory()->Borrow(
      ChainCursor(buffers_).Pieces(std::min<uint64_t>(expected_bytes_, held_bytes_)));
  if (lease) return peer_.Receive(lease->iovecs());
  Refuse(queue, held_);
  return std::nullopt;
}

std::optional<NetReceiver::State> NetReceiver::Deliver(RunningQueue& queue) {
  const size_t bytes = frame_->bytes;
  if (!mergeable_ && bytes > held_bytes_) {
    DropFrame();
    return std::nullopt;
  }
  if (held_bytes_ < bytes && !Hold(queue, bytes)) {
    if (queue.failed()) return State::kStarved;
    // All that the ring can hold is here, and does not do.
    if (held_entries_ >= queue.ring().size()) {
      DropFrame();
      return std::nullopt;
    }
    return State::kStarved;
  }
  if (!gate.Pass(bytes - sizeof(NetHeader))) {
    DeviceCounters::Add(counters_.throttled);
    return State::kThrottled;
  }
  const size_t chains = ChainsFor(bytes);
  if (Finish(*queue.memory(), static_cast<uint16_t>(chains))) {
    DeviceCounters::Add(counters_.bytes_read, bytes - sizeof(NetHeader));
    GiveBack(queue, chains, bytes);
    frame_.reset();
  } else {
    Refuse(queue, chains);
    DropFrame();
  }
  return std::nullopt;
}

size_t NetReceiver::ChainsFor(size_t bytes) const {
  uint64_t room = 0;
  size_t chains = 0;
  while (chains < held_ && room < bytes) room += chains_[chains++].writable_bytes();
  return chains;
}

// What is not there yet, and what the kernel does not know: section 5.1.6.4.
Result<> NetReceiver::Finish(SharedView& memory, uint16_t buffers) {
  ChainCursor rest(buffers_);
  if (!rest.Skip(frame_->direct)) return InvalidInput("the receive buffers are too short");
  SEALVM_TRY(rest.Write(memory, frame_->rest));
  if (!guest_csum_) {
    const uint8_t no_flags = 0;
    SEALVM_TRY(ChainCursor(buffers_).WriteObject(memory, no_flags));
  }
  ChainCursor count(buffers_);
  if (!count.Skip(offsetof(NetHeader, num_buffers))) return InvalidInput("no room for a header");
  return count.WriteObject(memory, buffers);
}

void NetReceiver::GiveBack(RunningQueue& queue, size_t chains, size_t bytes) {
  size_t pieces = 0;
  for (size_t i = 0; i < chains; ++i) {
    const DescriptorChain& chain = chains_[i];
    const uint64_t written = std::min<uint64_t>(bytes, chain.writable_bytes());
    queue.Push(chain, static_cast<uint32_t>(written));
    bytes -= written;
    pieces += chain.writable().size();
    held_bytes_ -= chain.writable_bytes();
    held_entries_ -= std::max<uint32_t>(chain.ring_entries, 1);
  }
  buffers_.erase(buffers_.begin(), buffers_.begin() + static_cast<ptrdiff_t>(pieces));
  std::rotate(chains_.begin(), chains_.begin() + static_cast<ptrdiff_t>(chains),
              chains_.begin() + static_cast<ptrdiff_t>(held_));
  held_ -= chains;
}

void NetReceiver::Refuse(RunningQueue& queue, size_t chains) {
  DeviceCounters::Add(counters_.refused_ranges);
  DeviceCounters::Add(counters_.errors);
  GiveBack(queue, chains, 0);
}

void NetReceiver::DropFrame() {
  DeviceCounters::Add(counters_.errors);
  frame_.reset();
}

}  // namespace sealvm
