// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/tap_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

namespace sealvm {
namespace {

constexpr int kQueueFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
// What Send and Receive put in front of and behind their caller's pieces fits as well.
constexpr size_t kMaxPieces = 1022;

std::string CreateHint(const std::string& name, bool multi_queue) {
  return fmt::format("as root: ip tuntap add {} mode tap{} user USER && ip link set {} up", name,
                     multi_queue ? " multi_queue" : "", name);
}

Result<Fd> OpenTun() {
  constexpr char kPath[] = "/dev/net/tun";
  Fd fd(open(kPath, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd.valid()) return fd;
  if (errno == ENOENT || errno == ENODEV) {
    return InvalidInput(fmt::format("{} is not there: {}", kPath, strerror(errno)),
                        "the host's kernel needs the module tun");
  }
  if (errno == EACCES || errno == EPERM) {
    return InvalidInput(fmt::format("cannot open {}: {}", kPath, strerror(errno)));
  }
  return SystemError("open", kPath, errno);
}

Result<ifreq> RequestFor(const std::string& name, int flags) {
  ifreq request = {};
  if (name.empty() || name.size() >= sizeof(request.ifr_name)) {
    return InvalidInput(fmt::format("'{}' cannot be the name of a tap device", name),
                        fmt::format("1 to {} characters", sizeof(request.ifr_name) - 1));
  }
  memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = static_cast<short>(flags);
  return request;
}

std::unexpected<Error> AttachError(const std::string& name, bool multi_queue, int error) {
  switch (error) {
    case EBUSY:
      return InvalidInput(fmt::format("tap {} is in use by another process", name));
    case EPERM:
    case EACCES:
      return InvalidInput(fmt::format("no permission to use tap {}", name),
                          CreateHint(name, multi_queue));
    case EINVAL:
      return InvalidInput(
          fmt::format("{} is not a tap device{}", name, multi_queue ? " with several queues" : ""),
          CreateHint(name, multi_queue));
    default:
      return SystemError("ioctl TUNSETIFF", name, error);
  }
}

Result<ifreq> InterfaceOf(int fd) {
  ifreq request = {};
  if (ioctl(fd, TUNGETIFF, &request) == 0) return request;
  if (errno == EBADF) return InvalidInput(fmt::format("fd {} is not open", fd));
  return InvalidInput(fmt::format("fd {} is not a tap device: {}", fd, strerror(errno)));
}

}  // namespace

Result<std::vector<std::unique_ptr<NetPeer>>> TapPeer::Open(const std::string& name,
                                                            uint16_t queues) {
  const bool multi_queue = queues > 1;
  SEALVM_TRY(RequestFor(name, 0));
  // TUNSETIFF would make one, of which nobody knows.
  if (if_nametoindex(name.c_str()) == 0) {
    return InvalidInput(fmt::format("there is no tap device {}", name),
                        CreateHint(name, multi_queue));
  }
  std::vector<std::unique_ptr<NetPeer>> peers;
  for (uint16_t i = 0; i < queues; ++i) {
    std::unique_ptr<TapPeer> peer = SEALVM_TRY(OpenQueue(name, multi_queue));
    if (i > 0) SEALVM_TRY(peer->SetAttached(false));
    peers.push_back(std::move(peer));
  }
  return peers;
}

Result<std::unique_ptr<TapPeer>> TapPeer::OpenQueue(const std::string& name, bool multi_queue) {
  Fd fd = SEALVM_TRY(OpenTun());
  ifreq request = SEALVM_TRY(RequestFor(name, kQueueFlags | (multi_queue ? IFF_MULTI_QUEUE : 0)));
  int result = ioctl(fd.get(), TUNSETIFF, &request);
  if (result != 0 && errno == EINVAL && !multi_queue) {
    // One queue of a device made for several.
    request.ifr_flags = static_cast<short>(kQueueFlags | IFF_MULTI_QUEUE);
    result = ioctl(fd.get(), TUNSETIFF, &request);
  }
  if (result != 0) return AttachError(name, multi_queue, errno);
  return Adopt(std::move(fd), name);
}

Result<std::unique_ptr<NetPeer>> TapPeer::FromFd(int fd) {
  const ifreq request = SEALVM_TRY(InterfaceOf(fd));
  if ((request.ifr_flags & kQueueFlags) != kQueueFlags) {
    return InvalidInput(
        fmt::format("the tap behind fd {} lacks flags", fd),
        "open it with IFF_TAP | IFF_NO_PI | IFF_VNET_HDR (ioctl TUNSETIFF, linux/if_tun.h)");
  }
  Fd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own.valid()) return SystemError("fcntl F_DUPFD_CLOEXEC", fmt::format("fd {}", fd), errno);
  const int flags = fcntl(own.get(), F_GETFL);
  if (flags < 0 || fcntl(own.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return SystemError("fcntl F_SETFL", fmt::format("fd {}", fd), errno);
  }
  return Adopt(std::move(own), std::string(request.ifr_name, strnlen(request.ifr_name, IFNAMSIZ)));
}

Result<std::unique_ptr<TapPeer>> TapPeer::Adopt(Fd fd, std::string interface) {
  int header_bytes = sizeof(NetHeader);
  if (ioctl(fd.get(), TUNSETVNETHDRSZ, &header_bytes) != 0) {
    return SystemError("ioctl TUNSETVNETHDRSZ", interface, errno);
  }
  return std::unique_ptr<TapPeer>(new TapPeer(std::move(fd), std::move(interface)));
}

NetPeer::Received TapPeer::Receive(std::span<const iovec> buffers) {
  buffers = buffers.first(std::min(buffers.size(), kMaxPieces));
  vectors_.assign(buffers.begin(), buffers.end());
  vectors_.push_back({rest_.data(), rest_.size()});
  size_t direct_room = 0;
  for (const iovec& piece : buffers) direct_room += piece.iov_len;
  const ssize_t got = readv(fd_.get(), vectors_.data(), static_cast<int>(vectors_.size()));
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return {};
    gone_error_ = errno;
    return {.outcome = Outcome::kGone, .bytes = 0, .direct = 0, .rest = {}};
  }
  const size_t bytes = static_cast<size_t>(got);
  const size_t direct = std::min(bytes, direct_room);
  return {.outcome = bytes < sizeof(NetHeader) ? Outcome::kDropped : Outcome::kDone,
          .bytes = bytes,
          .direct = direct,
          .rest = std::span<const uint8_t>(rest_).first(bytes - direct)};
}

NetPeer::Outcome TapPeer::Send(const NetHeader& header, std::span<const iovec> frame) {
  if (frame.size() > kMaxPieces) return Outcome::kDropped;
  NetHeader copy = header;
  vectors_.assign(1, {&copy, sizeof(copy)});
  vectors_.insert(vectors_.end(), frame.begin(), frame.end());
  const ssize_t sent = writev(fd_.get(), vectors_.data(), static_cast<int>(vectors_.size()));
  if (sent >= 0) return Outcome::kDone;
  if (errno == EAGAIN || errno == EINTR) return Outcome::kAgain;
  if (errno != EBADFD && errno != ENODEV) return Outcome::kDropped;
  gone_error_ = errno;
  return Outcome::kGone;
}

Result<> TapPeer::SetGuestFeatures(uint64_t features) {
  unsigned offloads = 0;
  if ((features & kNetGuestCsum) != 0) {
    offloads = TUN_F_CSUM;
    if ((features & kNetGuestTso4) != 0) offloads |= TUN_F_TSO4;
    if ((features & kNetGuestTso6) != 0) offloads |= TUN_F_TSO6;
    // The kernel takes this one beside a TSO alone.
    if ((features & kNetGuestEcn) != 0 && offloads != TUN_F_CSUM) offloads |= TUN_F_TSO_ECN;
  }
  if (ioctl(fd_.get(), TUNSETOFFLOAD, offloads) == 0) return {};
  return SystemError("ioctl TUNSETOFFLOAD", interface_, errno);
}

Result<> TapPeer::SetAttached(bool attached) {
  ifreq request = {};
  request.ifr_flags = static_cast<short>(attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE);
  if (ioctl(fd_.get(), TUNSETQUEUE, &request) == 0) return {};
  return SystemError("ioctl TUNSETQUEUE", interface_, errno);
}

std::string TapPeer::gone_reason() {
  return fmt::format("tap {} is gone{}", interface_,
                     gone_error_ != 0 ? fmt::format(": {}", strerror(gone_error_)) : "");
}

}  // namespace sealvm
