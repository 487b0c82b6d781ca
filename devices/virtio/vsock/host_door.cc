// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/host_door.h"

#include <errno.h>
#include <sys/socket.h>

#include <array>
#include <utility>
#include <vector>

namespace sealvm {
namespace {

constexpr int kAdmissionsPerTurn = 16;

// How long to leave the door shut when the host cannot accept, such as for want of descriptors:
// the listener stays readable, and looking at it again at once would be a busy loop.
constexpr std::chrono::milliseconds kPause{200};

}  // namespace

Result<std::unique_ptr<HostDoor>> HostDoor::Create(EventLoop& loop, UnixListener& listener,
                                                   Options options) {
  std::unique_ptr<HostDoor> door(new HostDoor(loop, listener, std::move(options)));
  door->timer_ = SEALVM_TRY(LoopTimer::Create(loop, [at = door.get()] { at->OnTimer(); }));
  SEALVM_TRY(door->Open());
  return door;
}

HostDoor::~HostDoor() {
  for (const auto& [fd, arrival] : arrivals_) loop_.Unwatch(fd);
  if (open_) loop_.Unwatch(listener_.fd());
}

Result<> HostDoor::Open() {
  SEALVM_TRY(loop_.Watch(listener_.fd(), EPOLLIN, [this](uint32_t) { OnListener(); }));
  open_ = true;
  return {};
}

void HostDoor::OnListener() {
  for (int i = 0; i < kAdmissionsPerTurn; ++i) {
    Result<Fd> socket = listener_.Accept();
    if (socket) {
      Admit(*std::move(socket));
      continue;
    }
    if (socket.error().os_error == EAGAIN) return;
    if (socket.error().os_error == ECONNABORTED) continue;
    loop_.Unwatch(listener_.fd());
    open_ = false;
    timer_->NoLaterThan(LoopTimer::Clock::now() + kPause);
    return;
  }
}

void HostDoor::Admit(Fd socket) {
  if (!options_.has_room()) return;
  const int fd = socket.get();
  if (!loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t) { OnGreeting(fd); })) return;
  const auto deadline = LoopTimer::Clock::now() + options_.patience;
  arrivals_.emplace(fd, Arrival{std::move(socket), {}, deadline});
  timer_->NoLaterThan(deadline);
}

void HostDoor::OnGreeting(int fd) {
  Arrival& arrival = arrivals_.at(fd);
  std::array<uint8_t, HostGreeting::kMaxBytes> bytes;
  const ssize_t seen = recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0 && errno == EAGAIN) return;
  if (seen <= 0) return Forget(fd);
  const size_t taken = arrival.greeting.Take(std::span(bytes).first(static_cast<size_t>(seen)));
  if (recv(fd, bytes.data(), taken, MSG_DONTWAIT) < 0) return Forget(fd);
  if (arrival.greeting.state() == HostGreeting::State::kUnfinished) return;
  Fd socket = std::move(arrival.socket);
  const HostGreeting greeting = std::move(arrival.greeting);
  Forget(fd);
  if (greeting.state() == HostGreeting::State::kDone) {
    options_.visitor(std::move(socket), greeting.port());
  }
}

void HostDoor::Forget(int fd) {
  loop_.Unwatch(fd);
  arrivals_.erase(fd);
}

void HostDoor::OnTimer() {
  const auto now = LoopTimer::Clock::now();
  std::vector<int> late;
  for (const auto& [fd, arrival] : arrivals_) {
    if (arrival.deadline <= now) {
      late.push_back(fd);
    } else {
      timer_->NoLaterThan(arrival.deadline);
    }
  }
  for (const int fd : late) Forget(fd);
  if (!open_ && !Open()) timer_->NoLaterThan(now + kPause);
}

}  // namespace sealvm
