// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_LONE_REQUEST_ENGINE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_LONE_REQUEST_ENGINE_H_

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "devices/virtio/block/block_engine.h"

namespace sealvm {

// Reads and writes at once, on the caller's thread, where nothing else is under way; all else is
// left to another engine. A guest that has one request at a time waits for it anyway, and hears of
// it earlier by two changes of threads. While the call blocks, what the guest asks for next waits,
// and goes to the other engine together.
class LoneRequestEngine : public BlockEngine {
 public:
  // The image's descriptor is lent.
  LoneRequestEngine(int image, std::unique_ptr<BlockEngine> engine)
      : image_(image), engine_(std::move(engine)) {}

  void Add(const IoRequest& request) override;
  bool Submit() override;
  void Reap(std::vector<IoResult>& results) override;
  void Wait() override;
  int fd() const override { return engine_->fd(); }

 private:
  bool MayBlock(const IoRequest& request) const;

  const int image_;
  const std::unique_ptr<BlockEngine> engine_;
  std::optional<IoRequest> lone_;  // not in `engine_` yet
  std::optional<IoResult> done_;
  size_t under_way_ = 0;  // in `engine_`
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_LONE_REQUEST_ENGINE_H_
