// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_MUTEX_H_
#define SEALVM_MEMORY_BASE_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "memory/base/thread_annotations.h"

namespace sealvm {

// std::mutex with annotations, which libstdc++'s own lacks.
class SEALVM_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() SEALVM_ACQUIRE() { mutex_.lock(); }
  void Unlock() SEALVM_RELEASE() { mutex_.unlock(); }
  bool TryLock() SEALVM_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class SEALVM_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SEALVM_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() SEALVM_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable for a Mutex. Waits may wake without a notification: call in a loop over the
// condition, which the analysis can then follow.
class CondVar {
 public:
  void Wait(Mutex& mutex) SEALVM_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // False when `deadline`, of any std::chrono clock, has passed.
  template <typename TimePoint>
  bool WaitUntil(Mutex& mutex, TimePoint deadline) SEALVM_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = condition_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_MUTEX_H_
