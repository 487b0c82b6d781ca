// SPDX-License-Identifier: Apache-2.0
#include "devices/io/event_loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "memory/base/signal_blocker.h"

namespace sealvm {

Result<std::unique_ptr<EventLoop>> EventLoop::Create(const std::string& name) {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return SystemError("epoll_create1", "", errno);
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return SystemError("eventfd", "", errno);
  epoll_event event = {.events = EPOLLIN, .data = {.fd = wake.get()}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return SystemError("epoll_ctl", "eventfd", errno);
  }
  std::unique_ptr<EventLoop> loop(new EventLoop(std::move(epoll), std::move(wake)));
  SEALVM_TRY(loop->StartThread(name));
  return loop;
}

Result<> EventLoop::StartThread(const std::string& name) {
  const SignalBlocker blocker(SignalBlocker::All());
  const int error = pthread_create(&thread_, nullptr, ThreadMain, this);
  if (error != 0) return SystemError("pthread_create", name, error);
  started_ = true;
  pthread_setname_np(thread_, name.c_str());
  return {};
}

EventLoop::~EventLoop() {
  if (!started_) return;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  pthread_join(thread_, nullptr);
}

void* EventLoop::ThreadMain(void* self) {
  static_cast<EventLoop*>(self)->Loop();
  return nullptr;
}

Result<> EventLoop::Watch(int fd, uint32_t events, Handler handler) {
  epoll_event event = {.events = events, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return SystemError("epoll_ctl", "add fd " + std::to_string(fd), errno);
  }
  watched_[fd] = std::make_shared<Handler>(std::move(handler));
  return {};
}

Result<> EventLoop::Change(int fd, uint32_t events) {
  epoll_event event = {.events = events, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return {};
  return SystemError("epoll_ctl", "change fd " + std::to_string(fd), errno);
}

void EventLoop::Unwatch(int fd) {
  if (watched_.erase(fd) > 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::Post(Task task) {
  {
    const MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return;  // whoever posted the first one woke the loop
  }
  Wake();
}

void EventLoop::Run(const Task& task) {
  if (IsThisThread()) return task();
  Mutex mutex;
  CondVar done_changed;
  bool done = false;
  Post([&] {
    task();
    const MutexLock lock(mutex);
    done = true;
    done_changed.NotifyAll();
  });
  const MutexLock lock(mutex);
  while (!done) done_changed.Wait(mutex);
}

void EventLoop::Wake() {
  const uint64_t one = 1;
  // A full counter wakes as well.
  if (write(wake_.get(), &one, sizeof(one)) < 0) return;
}

// What is posted meanwhile waits for the next round, so that descriptors get their turn.
bool EventLoop::RunTasks() {
  std::vector<Task> tasks;
  bool stopping = false;
  {
    const MutexLock lock(mutex_);
    tasks.swap(tasks_);
    stopping = stopping_;
  }
  for (const Task& task : tasks) task();
  return !stopping;
}

void EventLoop::Loop() {
  std::array<epoll_event, 32> events;
  bool running = true;
  while (running) {
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    bool woken = false;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.fd == wake_.get()) {
        woken = true;
      } else {
        Dispatch(event);
      }
    }
    if (!woken) continue;
    uint64_t posted = 0;
    if (read(wake_.get(), &posted, sizeof(posted)) < 0) continue;
    running = RunTasks();
  }
}

// An event of this round may belong to a descriptor that another handler of it unwatched; the map
// knows. If its number was watched anew, the new handler is called once for nothing.
void EventLoop::Dispatch(const epoll_event& event) {
  const auto found = watched_.find(event.data.fd);
  if (found == watched_.end()) return;
  const std::shared_ptr<Handler> handler = found->second;
  (*handler)(event.events);
}

}  // namespace sealvm
