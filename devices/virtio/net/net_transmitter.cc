// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_transmitter.h"

#include <optional>

namespace sealvm {

bool NetTransmitter::Next(RunningQueue& queue) {
  while (!queue.Pop(chain_)) {
    if (queue.failed() || !queue.WantKicks(true)) return false;
  }
  return true;
}

NetTransmitter::State NetTransmitter::Work(RunningQueue& queue, int frames) {
  queue.WantKicks(false);
  State state = State::kMore;
  for (int i = 0; i < frames && state == State::kMore; ++i) state = Step(queue);
  // What is left of a frame goes before anything else.
  if (state != State::kGone && peer_.Flush() == Outcome::kAgain) return State::kBlocked;
  return state;
}

NetTransmitter::State NetTransmitter::Step(RunningQueue& queue) {
  if (!Next(queue)) return State::kIdle;
  if (chain_.readable_bytes() > sizeof(NetHeader) &&
      !gate.Pass(chain_.readable_bytes() - sizeof(NetHeader))) {
    DeviceCounters::Add(counters_.throttled);
    queue.Unpop();
    return State::kThrottled;
  }
  const Outcome outcome = Send(queue);
  if (outcome == Outcome::kAgain) {
    gate.KeepPaid();
    queue.Unpop();
    return State::kBlocked;
  }
  DeviceCounters::Add(counters_.requests);
  if (outcome == Outcome::kDone) {
    DeviceCounters::Add(counters_.bytes_written, chain_.readable_bytes() - sizeof(NetHeader));
  } else {
    DeviceCounters::Add(counters_.errors);
  }
  queue.Push(chain_, 0);
  return outcome == Outcome::kGone ? State::kGone : State::kMore;
}

NetTransmitter::State NetTransmitter::Discard(RunningQueue& queue, int frames) {
  for (int i = 0; i < frames; ++i) {
    if (!Next(queue)) return State::kIdle;
    DeviceCounters::Add(counters_.requests);
    DeviceCounters::Add(counters_.errors);
    queue.Push(chain_, 0);
  }
  return State::kMore;
}

NetPeer::Outcome NetTransmitter::Send(RunningQueue& queue) {
  if (chain_.readable_bytes() < sizeof(NetHeader) + kMinFrameBytes ||
      chain_.readable_bytes() > sizeof(NetHeader) + kMaxFrameBytes) {
    return Outcome::kDropped;
  }
  const size_t bytes = chain_.readable_bytes() - sizeof(NetHeader);
  const Result<NetHeader> header =
      ChainCursor(chain_.readable()).ReadObject<NetHeader>(*queue.memory());
  if (!header) {
    DeviceCounters::Add(counters_.refused_ranges);
    return Outcome::kDropped;
  }
  const std::optional<NetHeader> checked = CheckedTransmitHeader(*header, bytes, features_);
  return checked ? SendChecked(*queue.memory(), *checked, bytes) : Outcome::kDropped;
}

NetPeer::Outcome NetTransmitter::SendChecked(SharedView& memory, const NetHeader& header,
                                             size_t bytes) {
  ChainCursor frame(chain_.readable());
  if (!frame.Skip(sizeof(NetHeader))) return Outcome::kDropped;
  const Result<SharedView::Lease> lease = memory.Borrow(frame.Pieces(bytes));
  if (lease) return peer_.Send(header, lease->iovecs());
  DeviceCounters::Add(counters_.refused_ranges);
  return Outcome::kDropped;
}

}  // namespace sealvm
