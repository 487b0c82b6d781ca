// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/thread_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "memory/base/signal_blocker.h"

namespace sealvm {

namespace {

// Enough to keep a disk busy; more would only wait for the same locks of the file.
constexpr unsigned kMaxThreads = 4;

ssize_t CallOnce(int fd, const IoRequest& request) {
  const off_t offset = static_cast<off_t>(request.offset);
  const off_t length = static_cast<off_t>(request.length);
  const int count = static_cast<int>(request.iovecs.size());
  switch (request.kind) {
    case IoKind::kRead:
      return preadv(fd, request.iovecs.data(), count, offset);
    case IoKind::kWrite:
      return pwritev(fd, request.iovecs.data(), count, offset);
    case IoKind::kSync:
      return fdatasync(fd);
    case IoKind::kPunchHole:
      return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    case IoKind::kZeroRange:
      return fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
  }
  errno = EINVAL;
  return -1;
}

}  // namespace

int64_t DoBlocking(int fd, const IoRequest& request) {
  ssize_t result = 0;
  do {
    result = CallOnce(fd, request);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

Result<std::unique_ptr<BlockEngine>> ThreadEngine::Create(int fd, unsigned depth) {
  Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return SystemError("eventfd", "", errno);
  std::unique_ptr<ThreadEngine> engine(new ThreadEngine(fd, std::move(event)));
  SEALVM_TRY(engine->StartThreads(std::min(depth, kMaxThreads)));
  return engine;
}

// Signals are the program's business.
Result<> ThreadEngine::StartThreads(unsigned count) {
  const SignalBlocker blocker(SignalBlocker::All());
  int error = 0;
  while (error == 0 && threads_.size() < count) {
    pthread_t thread = {};
    error = pthread_create(&thread, nullptr, ThreadMain, this);
    if (error == 0) threads_.push_back(thread);
  }
  if (error != 0) return SystemError("pthread_create", "a disk's I/O thread", error);
  return {};
}

ThreadEngine::~ThreadEngine() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    work_changed_.NotifyAll();
  }
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
}

bool ThreadEngine::Submit() {
  if (added_.empty()) return true;
  const MutexLock lock(mutex_);
  work_.insert(work_.end(), added_.begin(), added_.end());
  for (size_t i = 0; i < std::min(added_.size(), threads_.size()); ++i) work_changed_.NotifyOne();
  added_.clear();
  return true;
}

void ThreadEngine::Reap(std::vector<IoResult>& results) {
  const MutexLock lock(mutex_);
  if (done_.empty()) return;
  uint64_t ignored = 0;
  // Complete wrote it with the first result.
  if (read(event_.get(), &ignored, sizeof(ignored)) < 0) return;
  results.insert(results.end(), done_.begin(), done_.end());
  done_.clear();
}

void ThreadEngine::Wait() {
  Submit();
  const MutexLock lock(mutex_);
  while (done_.empty()) done_changed_.Wait(mutex_);
}

void* ThreadEngine::ThreadMain(void* self) {
  static_cast<ThreadEngine*>(self)->Serve();
  return nullptr;
}

void ThreadEngine::Serve() {
  const MutexLock lock(mutex_);
  for (;;) {
    while (work_.empty() && !stopping_) work_changed_.Wait(mutex_);
    if (work_.empty()) return;
    const IoRequest request = work_.front();
    work_.pop_front();
    mutex_.Unlock();
    const int64_t result = DoBlocking(image_, request);
    mutex_.Lock();
    Complete({.id = request.id, .result = result});
  }
}

void ThreadEngine::Complete(const IoResult& result) {
  done_.push_back(result);
  if (done_.size() > 1) return;
  const uint64_t one = 1;
  // The counter is zero here, so that there is room.
  if (write(event_.get(), &one, sizeof(one)) < 0) return;
  done_changed_.NotifyOne();
}

}  // namespace sealvm
