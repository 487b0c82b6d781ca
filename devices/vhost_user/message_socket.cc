// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/message_socket.h"

#include <errno.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <utility>

#include "devices/vhost_user/protocol.h"

namespace sealvm::vhost_user {
namespace {

// The most descriptors that one message of Linux carries (unix(7), SCM_MAX_FD), so that none is
// lost unseen.
constexpr size_t kMaxReceivedFds = 253;

// Closes what came along; whether anything did.
bool CloseReceivedFds(msghdr& message) {
  bool any = (message.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
      Fd closed(fd);
      any = true;
    }
  }
  return any;
}

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path) ||
      path.find('\0') != std::string::npos) {
    return InvalidInput(fmt::format("not a path that a socket can have, of 1 to {} bytes",
                                    sizeof(address.sun_path) - 1));
  }
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::unexpected<Error> ConnectError(const std::string& path, int err) {
  struct stat status = {};
  if (stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
    return InvalidInput("not a socket");
  }
  if (err == ENOENT || err == ECONNREFUSED) {
    return InvalidInput("nobody listens there", "start virtiofsd first");
  }
  if (err == EAGAIN) {
    return InvalidInput("who listens there accepts no connection",
                        "each machine needs a virtiofsd of its own");
  }
  return InvalidInput(fmt::format("connect: {}", strerror(err)));
}

}  // namespace

Result<MessageSocket> MessageSocket::Connect(const std::string& path) {
  const sockaddr_un address = SEALVM_TRY(AddressOf(path));
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return SystemError("socket", path, errno);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ConnectError(path, errno);
  }
  return MessageSocket(std::move(fd));
}

Result<> MessageSocket::WaitFor(short events, Deadline deadline) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd entry = {.fd = fd_.get(), .events = events, .revents = 0};
    const int ready =
        poll(&entry, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX)));
    if (ready > 0) return {};
    if (ready == 0) return HostError("it does not answer in time");
    if (errno != EINTR) return SystemError("poll", "vhost-user socket", errno);
  }
}

Result<> MessageSocket::Send(std::span<const uint8_t> bytes, std::span<const int> fds,
                             Deadline deadline) {
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(kMaxRegions * sizeof(int))] = {};
  if (fds.size() > kMaxRegions) return HostError("too many descriptors for a message");
  while (!bytes.empty()) {
    iovec vector = {.iov_base = const_cast<uint8_t*>(bytes.data()), .iov_len = bytes.size()};
    msghdr message = {};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(fds.size_bytes());
      cmsghdr* part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(fds.size_bytes());
      memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
    }
    const ssize_t sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<size_t>(sent));
      fds = {};
    } else if (errno == EAGAIN) {
      SEALVM_TRY(WaitFor(POLLOUT, deadline));
    } else if (errno != EINTR) {
      return SystemError("sendmsg", "vhost-user socket", errno);
    }
  }
  return {};
}

Result<> MessageSocket::Receive(std::span<uint8_t> out, Deadline deadline) {
  while (!out.empty()) {
    SEALVM_TRY(WaitFor(POLLIN, deadline));
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(kMaxReceivedFds * sizeof(int))];
    iovec vector = {.iov_base = out.data(), .iov_len = out.size()};
    msghdr message = {};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t got = recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return SystemError("recvmsg", "vhost-user socket", errno);
    if (CloseReceivedFds(message)) return HostError("it sends descriptors that nobody asked for");
    if (got == 0) return HostError("it closed the connection");
    out = out.subspan(static_cast<size_t>(got));
  }
  return {};
}

bool MessageSocket::Idle() const {
  pollfd entry = {.fd = fd_.get(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return poll(&entry, 1, 0) == 0;
}

void MessageSocket::Shutdown() { shutdown(fd_.get(), SHUT_RDWR); }

}  // namespace sealvm::vhost_user
