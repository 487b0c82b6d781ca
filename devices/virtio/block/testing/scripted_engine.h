// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_SCRIPTED_ENGINE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_SCRIPTED_ENGINE_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "devices/virtio/block/block_engine.h"
#include "memory/base/mutex.h"

namespace sealvm {

// What the engines that it makes do: operations can fail, be cut short or be held back.
// Thread-safe.
class EngineScript {
 public:
  using Answer = std::function<std::optional<int64_t>(const IoRequest&)>;

  EngineScript();
  ~EngineScript();

  BlockEngineFactory Factory();

  // Asked for each operation that starts: the result, with nothing done; or none, to do it.
  void SetAnswer(Answer answer);
  // Operations of this kind that start from now on wait until Release.
  void Hold(IoKind kind);
  void Release();

  // The kinds of all operations started so far.
  std::vector<IoKind> started() const;
  size_t held() const;

 private:
  class Engine;
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_SCRIPTED_ENGINE_H_
