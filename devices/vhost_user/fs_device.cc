// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/fs_device.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "devices/vhost_user/shared_memory.h"
#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Queues of the device (Virtual I/O Device 1.3 section 5.11.2): one for requests that must not wait
// behind others, then those for all else. More of the latter than this bring nothing, for one
// process serves them all.
constexpr size_t kHighPriorityQueues = 1;
constexpr uint64_t kMaxRequestQueues = 4;

constexpr uint64_t kRingFeatures = kFeatureIndirect | kFeatureEventIdx | kFeaturePacked;

Result<> CheckOptions(const FsOptions& options) {
  if (options.tag.empty() || options.tag.size() > kMaxFsTagBytes ||
      options.tag.find('\0') != std::string::npos) {
    return InvalidInput(fmt::format("a tag has 1 to {} bytes", kMaxFsTagBytes));
  }
  if (!std::has_single_bit(options.queue_size) || options.queue_size > kMaxQueueSize) {
    return InvalidInput(fmt::format("a queue's size is a power of two up to {}, not {}",
                                    kMaxQueueSize, options.queue_size));
  }
  return {};
}

Result<std::unique_ptr<VhostUserSession>> Connect(const FsOptions& options, size_t queues) {
  auto session = SEALVM_TRY(VhostUserSession::Connect(options.socket_path, options.patience));
  if (session->max_queues() != 0 && session->max_queues() < queues) {
    return HostError(fmt::format("it serves {} queues of the {} that are needed",
                                 session->max_queues(), queues));
  }
  return session;
}

size_t RequestQueues(const VhostUserSession& session) {
  if (session.max_queues() == 0) return 1;
  return std::min(session.max_queues() - kHighPriorityQueues, kMaxRequestQueues);
}

Result<Fd> NewEventFd() {
  Fd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid()) return SystemError("eventfd", "vhost-user queue", errno);
  return fd;
}

// Never waits, though the process shares the eventfd's flags and may have cleared O_NONBLOCK and
// taken the event first.
bool TakeEvent(int fd) {
  uint64_t count = 0;
  const iovec vector = {.iov_base = &count, .iov_len = sizeof(count)};
  return preadv2(fd, &vector, 1, -1, RWF_NOWAIT) == ssize_t{sizeof(count)};
}

}  // namespace

Result<std::shared_ptr<FsDevice>> FsDevice::Create(FsOptions options) {
  const std::string place = fmt::format("--fs {}", options.socket_path);
  if (auto checked = CheckOptions(options); !checked) {
    return WithContext(std::move(checked).error(), place);
  }
  auto session = Connect(options, kHighPriorityQueues + 1);
  if (!session) {
    Error error = std::move(session).error();
    if (error.kind != ErrorKind::kInvalidInput) {
      error.kind = ErrorKind::kInvalidInput;
      error.message =
          fmt::format("who listens there is no file system of vhost-user: {}", error.message);
      error.hint = "--fs needs the socket of a virtiofsd that serves nobody else";
    }
    return WithContext(std::move(error), place);
  }
  return std::shared_ptr<FsDevice>(new FsDevice(std::move(options), *std::move(session)));
}

FsDevice::FsDevice(FsOptions options, std::unique_ptr<VhostUserSession> session)
    : options_(std::move(options)),
      features_(session->features()),
      queue_sizes_(kHighPriorityQueues + RequestQueues(*session), options_.queue_size),
      session_(std::move(session)) {
  memcpy(config_.data(), options_.tag.data(), options_.tag.size());
  StoreLeAny(std::span(config_).subspan(kMaxFsTagBytes), queue_sizes_.size() - kHighPriorityQueues);
}

FsDevice::~FsDevice() { Reset(); }

uint64_t FsDevice::Features() const { return features_ & kFeatureInOrder; }

uint64_t FsDevice::UnsupportedRingFeatures() const { return kRingFeatures & ~features_; }

void FsDevice::ReadConfig(uint64_t offset, std::span<uint8_t> out) {
  std::ranges::fill(out, uint8_t{0});
  if (offset >= config_.size()) return;
  const size_t count = std::min<size_t>(out.size(), config_.size() - offset);
  memcpy(out.data(), config_.data() + offset, count);
}

Result<> FsDevice::Activate(const VirtioActivation& activation) {
  for (const EnabledQueue& queue : activation.queues) {
    SEALVM_TRY(vhost_user::CheckRing(activation.features, queue.layout, activation.memory));
  }
  activation_ = activation;
  Result<> begun = BeginActivity();
  if (begun) return {};
  loop_.reset();
  Abandon();
  return WithContext(std::move(begun).error(), fmt::format("--fs {}", options_.socket_path));
}

Result<> FsDevice::BeginActivity() {
  if (!session_ || !session_->Usable()) SEALVM_TRY(Reconnect());
  loop_ = SEALVM_TRY(EventLoop::Create("vhost-user-fs"));
  error_ = SEALVM_TRY(NewEventFd());
  SEALVM_TRY(session_->Begin(activation_.features, *activation_.memory));
  for (const EnabledQueue& queue : activation_.queues) SEALVM_TRY(StartRing(queue));
  return WatchSession();
}

Result<> FsDevice::Reconnect() {
  session_.reset();
  session_ = SEALVM_TRY(Connect(options_, queue_sizes_.size()));
  options_.logger.Log(LogLevel::kInfo, "{}: connected to {} again", options_.name,
                      options_.socket_path);
  return {};
}

Result<> FsDevice::WatchSession() {
  Result<> watched;
  EventLoop& loop = *loop_;
  loop.Run([&] {
    watched = loop.Watch(session_->fd(), EPOLLRDHUP, [this, &loop, fd = session_->fd()](uint32_t) {
      loop.Unwatch(fd);
      NeedReset("virtiofsd is gone");
    });
    if (!watched) return;
    watched = loop.Watch(error_.get(), EPOLLIN, [this](uint32_t) {
      if (TakeEvent(error_.get())) NeedReset("virtiofsd reports a broken queue");
    });
  });
  return watched;
}

Result<> FsDevice::StartRing(const EnabledQueue& queue) {
  const int call_fd = SEALVM_TRY(CallFd(queue.index));
  return session_->StartRing({.index = queue.index,
                              .layout = queue.layout,
                              .kick_fd = queue.kick_fd,
                              .call_fd = call_fd,
                              .error_fd = error_.get()});
}

Result<int> FsDevice::CallFd(uint16_t index) {
  Fd& own = rings_[index];
  const int lent = activation_.transport->InterruptFd(index);
  if (lent >= 0) return lent;
  own = SEALVM_TRY(NewEventFd());
  Result<> watched;
  loop_->Run([&] {
    watched = loop_->Watch(own.get(), EPOLLIN, [this, index, fd = own.get()](uint32_t) {
      if (!TakeEvent(fd)) return;
      DeviceCounters::Add(counters_.interrupts);
      activation_.transport->InterruptQueue(index);
    });
  });
  SEALVM_TRY(std::move(watched));
  return own.get();
}

Result<> FsDevice::StartQueue(const EnabledQueue& queue) {
  if (!loop_) return HostError("the file system device is not active");
  SEALVM_TRY(vhost_user::CheckRing(activation_.features, queue.layout, activation_.memory));
  Result<> started = StartRing(queue);
  if (started) return {};
  StopQueue(queue.index);
  return WithContext(std::move(started).error(), fmt::format("--fs {}", options_.socket_path));
}

void FsDevice::StopQueue(uint16_t index) {
  const auto ring = rings_.find(index);
  if (ring == rings_.end()) return;
  if (Result<> stopped = session_->StopRing(index); !stopped) {
    DeviceCounters::Add(counters_.errors);
    options_.logger.Log(LogLevel::kWarning, "{}: queue {} could not be stopped: {}", options_.name,
                        index, stopped.error().ToString());
  }
  loop_->Run([&] { loop_->Unwatch(ring->second.get()); });
  rings_.erase(ring);
}

void FsDevice::Reset() {
  if (!loop_) return;
  while (!rings_.empty()) StopQueue(rings_.begin()->first);
  loop_.reset();
  if (!session_->Usable() || !session_->ResetDevice()) session_.reset();
  error_.Reset();
  activation_ = {};
}

void FsDevice::NeedReset(const std::string& why) {
  DeviceCounters::Add(counters_.errors);
  activation_.transport->NeedReset(
      {.message = fmt::format("--fs {}: {}", options_.socket_path, why),
       .hint = "restart virtiofsd, then bind the driver in the guest again"});
}

void FsDevice::Abandon() {
  session_.reset();
  rings_.clear();
  error_.Reset();
  activation_ = {};
}

}  // namespace sealvm
