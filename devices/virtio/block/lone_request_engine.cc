// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/lone_request_engine.h"

#include "devices/virtio/block/thread_engine.h"

namespace sealvm {
namespace {

// Longer transfers are worth the other engine's way, and would hold up the thread for longer.
constexpr uint64_t kMostBytes = 1 << 20;

}  // namespace

// A flush may take very long.
bool LoneRequestEngine::MayBlock(const IoRequest& request) const {
  const bool is_transfer = request.kind == IoKind::kRead || request.kind == IoKind::kWrite;
  return is_transfer && request.length <= kMostBytes && under_way_ == 0 && !done_;
}

void LoneRequestEngine::Add(const IoRequest& request) {
  if (!lone_ && MayBlock(request)) {
    lone_ = request;
    return;
  }
  if (lone_) {
    engine_->Add(*std::exchange(lone_, std::nullopt));
    ++under_way_;
  }
  engine_->Add(request);
  ++under_way_;
}

bool LoneRequestEngine::Submit() {
  if (!lone_) return engine_->Submit();
  done_ = IoResult{.id = lone_->id, .result = DoBlocking(image_, *lone_)};
  lone_.reset();
  return true;
}

void LoneRequestEngine::Reap(std::vector<IoResult>& results) {
  if (done_) results.push_back(*std::exchange(done_, std::nullopt));
  if (under_way_ == 0) return;
  const size_t before = results.size();
  engine_->Reap(results);
  under_way_ -= results.size() - before;
}

void LoneRequestEngine::Wait() {
  if (lone_) Submit();
  if (!done_) engine_->Wait();
}

}  // namespace sealvm
