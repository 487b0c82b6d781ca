// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/testing/scripted_engine.h"

#include <sys/eventfd.h>

#include <set>
#include <utility>

#include "devices/virtio/block/thread_engine.h"
#include "devices/virtio/testing/must.h"
#include "memory/base/fd.h"

namespace sealvm {

struct EngineScript::State {
  struct Held {
    Engine* engine;
    IoRequest request;
  };
  Mutex mutex;
  CondVar changed;
  Answer answer SEALVM_GUARDED_BY(mutex);
  std::set<IoKind> holding SEALVM_GUARDED_BY(mutex);
  std::vector<Held> held SEALVM_GUARDED_BY(mutex);
  std::vector<IoKind> started SEALVM_GUARDED_BY(mutex);
};

class EngineScript::Engine : public BlockEngine {
 public:
  Engine(int image, std::shared_ptr<State> state)
      : image_(image), state_(std::move(state)), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    MustHold(event_.valid(), "eventfd failed");
  }

  void Add(const IoRequest& request) override { added_.push_back(request); }

  bool Submit() override {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    for (const IoRequest& request : std::exchange(added_, {})) {
      state.started.push_back(request.kind);
      if (state.holding.contains(request.kind)) {
        state.held.push_back({this, request});
      } else {
        Perform(state, request);
      }
    }
    return true;
  }

  void Reap(std::vector<IoResult>& results) override {
    const MutexLock lock(state_->mutex);
    eventfd_t ignored = 0;
    if (eventfd_read(event_.get(), &ignored) != 0) return;
    results.insert(results.end(), done_.begin(), done_.end());
    done_.clear();
  }

  void Wait() override {
    Submit();
    const MutexLock lock(state_->mutex);
    while (done_.empty()) state_->changed.Wait(state_->mutex);
  }

  int fd() const override { return event_.get(); }

  // `state` is this engine's.
  void Perform(State& state, const IoRequest& request) SEALVM_REQUIRES(state.mutex) {
    std::optional<int64_t> result;
    if (state.answer) result = state.answer(request);
    done_.push_back({request.id, result ? *result : DoBlocking(image_, request)});
    MustHold(eventfd_write(event_.get(), 1) == 0, "eventfd_write failed");
    state.changed.NotifyAll();
  }

 private:
  const int image_;
  const std::shared_ptr<State> state_;
  const Fd event_;
  std::vector<IoRequest> added_;
  std::vector<IoResult> done_;
};

EngineScript::EngineScript() : state_(std::make_shared<State>()) {}
EngineScript::~EngineScript() = default;

BlockEngineFactory EngineScript::Factory() {
  return [state = state_](int fd, unsigned) -> Result<std::unique_ptr<BlockEngine>> {
    return std::make_unique<Engine>(fd, state);
  };
}

void EngineScript::SetAnswer(Answer answer) {
  const MutexLock lock(state_->mutex);
  state_->answer = std::move(answer);
}

void EngineScript::Hold(IoKind kind) {
  const MutexLock lock(state_->mutex);
  state_->holding.insert(kind);
}

void EngineScript::Release() {
  State& state = *state_;
  const MutexLock lock(state.mutex);
  state.holding.clear();
  for (const State::Held& held : std::exchange(state.held, {})) {
    held.engine->Perform(state, held.request);
  }
}

std::vector<IoKind> EngineScript::started() const {
  const MutexLock lock(state_->mutex);
  return state_->started;
}

size_t EngineScript::held() const {
  const MutexLock lock(state_->mutex);
  return state_->held.size();
}

}  // namespace sealvm
