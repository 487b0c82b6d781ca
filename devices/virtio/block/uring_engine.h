// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_URING_ENGINE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_URING_ENGINE_H_

#include <liburing.h>

#include <memory>
#include <vector>

#include "devices/virtio/block/block_engine.h"

namespace sealvm {

// By io_uring(7): one system call starts all that was added, and what the page cache can answer has
// completed when it returns.
class UringEngine : public BlockEngine {
 public:
  // An error where the kernel has no io_uring, or its user may not use it (sysctl
  // kernel.io_uring_disabled, seccomp). All calls must then come from the thread that made it.
  static Result<std::unique_ptr<BlockEngine>> Create(int fd, unsigned depth);
  UringEngine(const UringEngine&) = delete;
  UringEngine& operator=(const UringEngine&) = delete;
  ~UringEngine() override;

  void Add(const IoRequest& request) override;
  bool Submit() override;
  void Reap(std::vector<IoResult>& results) override;
  void Wait() override;
  int fd() const override { return ring_.ring_fd; }

 private:
  explicit UringEngine(int image) : image_(image) {}
  Result<> Init(unsigned depth);

  const int image_;
  io_uring ring_ = {};
  bool ready_ = false;
  // The ring had no room for these.
  std::vector<IoRequest> waiting_;
  // Operations that the kernel has and has not answered.
  unsigned started_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_URING_ENGINE_H_
