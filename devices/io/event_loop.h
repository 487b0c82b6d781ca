// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_IO_EVENT_LOOP_H_
#define SEALVM_DEVICES_IO_EVENT_LOOP_H_

#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "memory/base/fd.h"
#include "memory/base/mutex.h"
#include "memory/base/result.h"

namespace sealvm {

// A thread that waits for descriptors and runs what belongs to them. The thread blocks all signals.
//
// Watch, Change and Unwatch are called on the loop's thread alone (by handlers, or inside Run);
// Post and Run by any thread. Handlers and tasks must not throw and must not wait for long.
class EventLoop {
 public:
  // Gets the EPOLL* events that came.
  using Handler = std::function<void(uint32_t events)>;
  using Task = std::function<void()>;

  // Starts the thread. `name` is what the kernel shows, at most 15 bytes.
  static Result<std::unique_ptr<EventLoop>> Create(const std::string& name);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  // Ends the thread and joins it; tasks posted before are run first. Not on the loop's thread.
  ~EventLoop();

  // Calls `handler` whenever one of `events` (EPOLLIN ..., level-triggered) is there. The
  // descriptor is lent until Unwatch; each may be watched once. A handler is to bear being called
  // when there is nothing.
  Result<> Watch(int fd, uint32_t events, Handler handler);
  Result<> Change(int fd, uint32_t events);
  // Its handler is not called any more. For a descriptor that is not watched, nothing.
  void Unwatch(int fd);

  // Runs `task` on the thread after what waits there already; descriptors get their turn between
  // tasks that post themselves.
  void Post(Task task);
  // Runs `task` on the thread and returns when it is done; at once when called on the thread.
  void Run(const Task& task);
  bool IsThisThread() const { return pthread_equal(pthread_self(), thread_) != 0; }

 private:
  explicit EventLoop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  static void* ThreadMain(void* self);
  Result<> StartThread(const std::string& name);
  void Loop();
  bool RunTasks();
  void Dispatch(const epoll_event& event);
  void Wake();

  const Fd epoll_;
  const Fd wake_;
  pthread_t thread_ = {};
  bool started_ = false;

  // The loop's thread only. A handler may unwatch itself while it runs, hence shared.
  std::map<int, std::shared_ptr<Handler>> watched_;

  Mutex mutex_;
  std::vector<Task> tasks_ SEALVM_GUARDED_BY(mutex_);
  bool stopping_ SEALVM_GUARDED_BY(mutex_) = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_IO_EVENT_LOOP_H_
