// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_TESTING_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_TESTING_H_

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "devices/virtio/net/net_device.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {

using Bytes = std::vector<uint8_t>;

// Two connected sockets that do not wait.
inline std::pair<Fd, Fd> MakeSockets(int type) {
  std::array<int, 2> fds = {-1, -1};
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) != 0) abort();
  return {Fd(fds[0]), Fd(fds[1])};
}

// A frame of `bytes` bytes, unlike any other `number`'s.
inline Bytes MakeFrame(size_t bytes, uint8_t number = 0) {
  Bytes frame(bytes);
  for (size_t i = 0; i < bytes; ++i) frame[i] = static_cast<uint8_t>(i * 7 + number);
  return frame;
}

inline Bytes Join(const NetHeader& header, const Bytes& frame) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(&header);
  Bytes joined(bytes, bytes + sizeof(header));
  joined.insert(joined.end(), frame.begin(), frame.end());
  return joined;
}

// As a tap is: a packet for each frame with its header.
class PacketPeer : public NetPeer {
 public:
  // What the test sees of it from other threads.
  struct Record {
    std::atomic<int> receives = 0;
    std::atomic<bool> attached = true;
    std::atomic<uint64_t> features = 0;
  };

  PacketPeer(Fd socket, std::shared_ptr<Record> record)
      : socket_(std::move(socket)), record_(std::move(record)), rest_(80'000) {}

  int fd() const override { return socket_.get(); }
  bool offloads() const override { return true; }
  bool receives_directly() const override { return true; }

  Received Receive(std::span<const iovec> buffers) override {
    ++record_->receives;
    std::vector<iovec> vectors(buffers.begin(), buffers.end());
    vectors.push_back({rest_.data(), rest_.size()});
    size_t room = 0;
    for (const iovec& piece : buffers) room += piece.iov_len;
    const ssize_t got = readv(socket_.get(), vectors.data(), static_cast<int>(vectors.size()));
    if (got < 0 && errno == EAGAIN) return {};
    Received received = {.outcome = Outcome::kGone, .bytes = 0, .direct = 0, .rest = {}};
    if (got <= 0) return received;
    received.outcome = Outcome::kDone;
    received.bytes = static_cast<size_t>(got);
    received.direct = std::min(received.bytes, room);
    received.rest = std::span<const uint8_t>(rest_).first(received.bytes - received.direct);
    return received;
  }
  Outcome Send(const NetHeader& header, std::span<const iovec> frame) override {
    NetHeader copy = header;
    std::vector<iovec> vectors = {{&copy, sizeof(copy)}};
    vectors.insert(vectors.end(), frame.begin(), frame.end());
    msghdr message = {};
    message.msg_iov = vectors.data();
    message.msg_iovlen = vectors.size();
    if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0) return Outcome::kDone;
    return errno == EAGAIN ? Outcome::kAgain : Outcome::kGone;
  }
  Result<> SetGuestFeatures(uint64_t features) override {
    record_->features = features;
    return {};
  }
  Result<> SetAttached(bool attached) override {
    record_->attached = attached;
    return {};
  }
  std::string gone_reason() override { return "the test closed it"; }

 private:
  const Fd socket_;
  const std::shared_ptr<Record> record_;
  Bytes rest_;
};

struct NetBenchSettings {
  DriverQueue::Options rings = {};
  uint64_t wanted = ~uint64_t{0};
  uint16_t pairs = 1;
  uint16_t queue_size = 64;
  NetOptions options = {};
  bool start = true;
};

// A device on PacketPeers, its driver, and the sockets' other ends.
class NetBench {
 public:
  using Settings = NetBenchSettings;

  explicit NetBench(Settings settings = {}) {
    std::vector<std::unique_ptr<NetPeer>> peers;
    for (uint16_t i = 0; i < settings.pairs; ++i) {
      auto [ours, theirs] = MakeSockets(SOCK_SEQPACKET);
      hosts.push_back(std::move(ours));
      records.push_back(std::make_shared<PacketPeer::Record>());
      peers.push_back(std::make_unique<PacketPeer>(std::move(theirs), records.back()));
    }
    device = NetDevice::CreateOn(std::move(settings.options), std::move(peers));
    driver = std::make_unique<TestDriver>(guest, *device, settings.rings, settings.wanted,
                                          settings.queue_size);
    if (settings.start && !driver->Start()) abort();
  }

  uint64_t errors() const { return device->counters().errors.load(); }
  bool Await(const std::function<bool()>& condition) {
    return driver->transport().WaitUntil(condition);
  }

  // Host's side.
  void Inject(const Bytes& packet, size_t pair = 0) {
    if (!Await([&] {
          return send(hosts[pair].get(), packet.data(), packet.size(), MSG_NOSIGNAL) >= 0;
        })) {
      abort();
    }
  }
  std::optional<Bytes> Collect(size_t pair = 0) {
    Bytes packet(80'000);
    ssize_t got = -1;
    Await([&] {
      got = recv(hosts[pair].get(), packet.data(), packet.size(), 0);
      return got >= 0;
    });
    if (got < 0) return std::nullopt;
    packet.resize(static_cast<size_t>(got));
    return packet;
  }

  // Guest's side. What the device wrote into `room`, of one request; nothing if it did not.
  std::optional<Bytes> TakeReceived(GuestBuffer room, uint16_t queue = 0) {
    const auto used = driver->Wait(queue);
    if (!used || used->written > room.length) return std::nullopt;
    return guest.Read({room.gpa, used->written});
  }
  void Offer(GuestBuffer room, uint16_t queue = 0) { driver->Submit(queue, {}, std::array{room}); }
  bool Transmit(const NetHeader& header, const Bytes& frame, uint16_t queue = 1) {
    return driver->Transact(queue, std::array{guest.Place(Join(header, frame))}, {}).has_value();
  }

  TestGuest guest;
  std::vector<Fd> hosts;
  std::vector<std::shared_ptr<PacketPeer::Record>> records;
  std::shared_ptr<NetDevice> device;
  std::unique_ptr<TestDriver> driver;
};

// The header that the device gives a frame without offloads, in `buffers` buffers.
inline NetHeader PlainHeader(uint16_t buffers = 1) {
  NetHeader header;
  header.num_buffers = buffers;
  return header;
}

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_TESTING_H_
