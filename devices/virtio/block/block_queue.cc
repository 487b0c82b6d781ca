// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block_queue.h"

#include <numeric>
#include <utility>

namespace sealvm {

Result<std::unique_ptr<BlockQueue>> BlockQueue::Create(Surroundings surroundings,
                                                       std::unique_ptr<BlockEngine> engine) {
  std::unique_ptr<BlockQueue> queue(new BlockQueue(std::move(surroundings), std::move(engine)));
  SEALVM_TRY(queue->Watch());
  return queue;
}

BlockQueue::BlockQueue(Surroundings surroundings, std::unique_ptr<BlockEngine> engine)
    : with_(std::move(surroundings)),
      engine_(std::move(engine)),
      gate_(with_.rate),
      requests_(with_.queue.ring().size()),
      free_(requests_.size()) {
  std::iota(free_.rbegin(), free_.rend(), 0U);
}

Result<> BlockQueue::Watch() {
  EventLoop& loop = with_.queue.loop();
  SEALVM_TRY(loop.Watch(engine_->fd(), EPOLLIN, [this](uint32_t) { OnEngine(); }));
  return gate_.Open(loop, [this] { Resume(); });
}

BlockQueue::~BlockQueue() {
  with_.queue.loop().Unwatch(engine_->fd());
  Drain();
}

bool BlockQueue::Work(int most) {
  // The gate ends the wait; kicks do not.
  if (pause_ == Pause::kThrottled) return false;
  writable_end_.reset();
  with_.queue.WantKicks(false);
  pause_ = Take(most);
  const bool again = Exchange();
  switch (pause_) {
    case Pause::kMostTaken:
      return true;
    case Pause::kEmpty:
      return with_.queue.WantKicks(true) || again;
    case Pause::kAllInFlight:
    case Pause::kThrottled:
      return again;
  }
  return again;
}

BlockQueue::Pause BlockQueue::Take(int most) {
  for (int taken = 0; taken < most; ++taken) {
    if (free_.empty()) return Pause::kAllInFlight;
    const uint32_t slot = free_.back();
    if (!with_.queue.Pop(requests_[slot].chain)) return Pause::kEmpty;
    if (HoldBack(requests_[slot])) return Pause::kThrottled;
    free_.pop_back();
    Begin(slot);
  }
  return Pause::kMostTaken;
}

bool BlockQueue::HoldBack(const BlockRequest& request) {
  // Header and status count as well: they are few bytes, and the guest's buffers stay unread.
  if (gate_.Pass(request.chain.readable_bytes() + request.chain.writable_bytes())) return false;
  with_.queue.Unpop();
  DeviceCounters::Add(with_.counters.throttled);
  return true;
}

void BlockQueue::Begin(uint32_t slot) {
  BlockRequest& request = requests_[slot];
  DeviceCounters::Add(with_.counters.requests);
  if (const Result<> framing = BlockRequest::CheckFraming(request.chain); !framing) {
    FailQueue(framing.error(), false);
    return Release(slot);
  }
  if (const Result<> begun = request.Begin(with_.target, *with_.queue.memory()); !begun) {
    FailQueue(begun.error(), true);
    return Release(slot);
  }
  Advance(slot);
}

void BlockQueue::Advance(uint32_t slot) {
  BlockRequest& request = requests_[slot];
  Result<std::optional<IoRequest>> next = request.Next(request.changes_image() ? WritableEnd() : 0);
  if (!next) {
    FailQueue(next.error(), true);
    return Release(slot);
  }
  if (!*next) return Finish(slot);
  (*next)->id = slot;
  engine_->Add(**next);
}

void BlockQueue::Finish(uint32_t slot) {
  BlockRequest& request = requests_[slot];
  const Result<uint32_t> written = request.Finish();
  if (!written) {
    FailQueue(written.error(), true);
    return Release(slot);
  }
  if (!request.ok()) DeviceCounters::Add(with_.counters.errors);
  DeviceCounters::Add(with_.counters.bytes_read, request.bytes_read());
  DeviceCounters::Add(with_.counters.bytes_written, request.bytes_written());
  with_.queue.Push(request.chain, *written);
  pushed_ = true;
  Release(slot);
}

void BlockQueue::Release(uint32_t slot) {
  requests_[slot].Clear();
  free_.push_back(slot);
}

void BlockQueue::FailQueue(const Error& error, bool refused) {
  if (refused) DeviceCounters::Add(with_.counters.refused_ranges);
  DeviceCounters::Add(with_.counters.errors);
  with_.queue.Fail(error);
}

// Starts what was added and takes in what has completed, such as reads that the page cache answered
// at once, until that adds nothing any more. True: the engine could not start everything.
bool BlockQueue::Exchange() {
  bool started = true;
  for (;;) {
    started = engine_->Submit();
    results_.clear();
    engine_->Reap(results_);
    if (results_.empty()) break;
    for (const IoResult& result : results_) TakeIn(result);
  }
  if (std::exchange(pushed_, false)) with_.queue.Interrupt();
  return !started;
}

void BlockQueue::TakeIn(const IoResult& result) {
  const uint32_t slot = static_cast<uint32_t>(result.id);
  if (const Result<> taken = requests_[slot].OnResult(result.result); !taken) {
    FailQueue(taken.error(), true);
    Release(slot);
  } else {
    Advance(slot);
  }
}

void BlockQueue::OnEngine() {
  writable_end_.reset();
  const bool again = Exchange();
  if (again || (pause_ == Pause::kAllInFlight && !free_.empty())) with_.look_again();
}

void BlockQueue::Resume() {
  pause_ = Pause::kEmpty;
  with_.look_again();
}

void BlockQueue::Drain() {
  while (free_.size() < requests_.size()) {
    engine_->Wait();
    results_.clear();
    engine_->Reap(results_);
    for (const IoResult& result : results_) Release(static_cast<uint32_t>(result.id));
  }
}

uint64_t BlockQueue::WritableEnd() {
  if (!writable_end_) writable_end_ = with_.target.image.WritableEnd();
  return *writable_end_;
}

}  // namespace sealvm
