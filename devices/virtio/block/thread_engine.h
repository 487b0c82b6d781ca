// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_THREAD_ENGINE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_THREAD_ENGINE_H_

#include <pthread.h>

#include <deque>
#include <memory>
#include <vector>

#include "devices/virtio/block/block_engine.h"
#include "memory/base/fd.h"
#include "memory/base/mutex.h"

namespace sealvm {

// Does one operation, blocking: what IoResult::result says.
int64_t DoBlocking(int fd, const IoRequest& request);

// By a few threads that block in system calls, for hosts without io_uring.
class ThreadEngine : public BlockEngine {
 public:
  static Result<std::unique_ptr<BlockEngine>> Create(int fd, unsigned depth);
  ThreadEngine(const ThreadEngine&) = delete;
  ThreadEngine& operator=(const ThreadEngine&) = delete;
  ~ThreadEngine() override;

  void Add(const IoRequest& request) override { added_.push_back(request); }
  bool Submit() override SEALVM_EXCLUDES(mutex_);
  void Reap(std::vector<IoResult>& results) override SEALVM_EXCLUDES(mutex_);
  void Wait() override SEALVM_EXCLUDES(mutex_);
  int fd() const override { return event_.get(); }

 private:
  ThreadEngine(int image, Fd event) : image_(image), event_(std::move(event)) {}
  Result<> StartThreads(unsigned count);
  static void* ThreadMain(void* self);
  void Serve() SEALVM_EXCLUDES(mutex_);
  void Complete(const IoResult& result) SEALVM_REQUIRES(mutex_);

  const int image_;
  const Fd event_;
  std::vector<pthread_t> threads_;
  std::vector<IoRequest> added_;

  Mutex mutex_;
  CondVar work_changed_;
  CondVar done_changed_;
  std::deque<IoRequest> work_ SEALVM_GUARDED_BY(mutex_);
  std::vector<IoResult> done_ SEALVM_GUARDED_BY(mutex_);
  bool stopping_ SEALVM_GUARDED_BY(mutex_) = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_THREAD_ENGINE_H_
