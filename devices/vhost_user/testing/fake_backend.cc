// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/testing/fake_backend.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "devices/vhost_user/message_socket.h"
#include "devices/virtio/chain_io.h"
#include "devices/virtio/testing/must.h"
#include "memory/fd_memory.h"

namespace sealvm {

using vhost_user::Request;

namespace {

void Signal(int fd) {
  const uint64_t one = 1;
  MustHold(write(fd, &one, sizeof(one)) == sizeof(one), "eventfd cannot be written");
}

template <typename T>
T As(std::span<const uint8_t> payload) {
  T value;
  MustHold(payload.size() == sizeof(value), "a vhost-user payload has another size");
  memcpy(&value, payload.data(), sizeof(value));
  return value;
}

template <typename T>
std::span<const uint8_t> BytesOf(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

}  // namespace

struct FakeBackend::Ring {
  bool enabled = false;
  QueueLayout layout;
  Fd kick;
  Fd call;
  std::unique_ptr<Virtqueue> queue;
};

struct FakeBackend::Message {
  vhost_user::Header header;
  std::vector<uint8_t> payload;
  std::vector<Fd> fds;

  Request request() const { return static_cast<Request>(header.request); }
};

FakeBackend::FakeBackend(const std::string& path, FakeBackendOptions options)
    : options_(std::move(options)),
      listener_(ListenAt(path)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Main(); }) {}

FakeBackend::~FakeBackend() {
  Signal(stop_.get());
  thread_.join();
}

std::vector<Request> FakeBackend::requests() const {
  const MutexLock lock(mutex_);
  return requests_;
}

size_t FakeBackend::Count(Request request) const {
  return static_cast<size_t>(std::ranges::count(requests(), request));
}

uint64_t FakeBackend::connections() const {
  const MutexLock lock(mutex_);
  return connections_;
}

uint64_t FakeBackend::negotiated() const {
  const MutexLock lock(mutex_);
  return negotiated_;
}

void FakeBackend::ReportError() {
  const MutexLock lock(mutex_);
  Signal(error_.get());
}

void FakeBackend::Chatter() {
  const MutexLock lock(mutex_);
  MustHold(send(chatter_fd_, "?", 1, MSG_NOSIGNAL) == 1, "send failed");
}

void FakeBackend::Main() {
  while (true) {
    std::vector<pollfd> entries = {
        {stop_.get(), POLLIN, 0},
        {connection_.valid() ? connection_.get() : listener_.get(), POLLIN, 0}};
    std::vector<uint16_t> indices;
    for (const auto& [index, ring] : rings_) {
      if (!ring->queue || !ring->enabled) continue;
      entries.push_back({ring->kick.get(), POLLIN, 0});
      indices.push_back(index);
    }
    MustHold(poll(entries.data(), entries.size(), -1) > 0, "poll failed");
    if (entries[0].revents != 0) return Drop();
    for (size_t i = 0; i < indices.size(); ++i) {
      if (entries[i + 2].revents != 0) ServeRing(*rings_[indices[i]]);
    }
    if (entries[1].revents == 0) continue;
    if (connection_.valid()) {
      HandleMessage();
    } else {
      Accept();
    }
  }
}

void FakeBackend::Accept() {
  connection_.Reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  MustHold(connection_.valid(), "accept failed");
  const MutexLock lock(mutex_);
  ++connections_;
  chatter_fd_ = connection_.get();
}

void FakeBackend::Drop() {
  const MutexLock lock(mutex_);
  connection_.Reset();
  rings_.clear();
  memory_.reset();
  reply_ack_ = false;
}

void FakeBackend::HandleMessage() {
  Message message;
  if (!Receive(message)) return Drop();
  {
    const MutexLock lock(mutex_);
    requests_.push_back(message.request());
  }
  if (!Misbehave(message)) Serve(message);
}

bool FakeBackend::Receive(Message& message) {
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(vhost_user::kMaxRegions * sizeof(int))];
  iovec vector = {&message.header, sizeof(message.header)};
  msghdr header = {};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  if (recvmsg(connection_.get(), &header, MSG_WAITALL | MSG_CMSG_CLOEXEC) !=
      ssize_t{sizeof(message.header)}) {
    return false;
  }
  if (const cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr) {
    for (size_t at = 0; at < part->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(part) + at, sizeof(fd));
      message.fds.emplace_back(fd);
    }
  }
  message.payload.resize(message.header.size);
  return message.payload.empty() ||
         recv(connection_.get(), message.payload.data(), message.payload.size(), MSG_WAITALL) ==
             ssize_t{message.header.size};
}

bool FakeBackend::Misbehave(const Message& message) {
  const auto found = options_.misdeeds.find(message.request());
  if (found == options_.misdeeds.end()) return false;
  vhost_user::Header header = message.header;
  header.flags = vhost_user::kVersion | vhost_user::kFlagReply;
  switch (found->second) {
    case Misdeed::kRefuse:
      Answer(message, BytesOf(uint64_t{1}));
      break;
    case Misdeed::kClose:
      Drop();
      break;
    case Misdeed::kSilence:
      break;
    case Misdeed::kHugeAnswer:
      header.size = UINT32_MAX;
      MustHold(send(connection_.get(), &header, sizeof(header), MSG_NOSIGNAL) > 0, "send failed");
      break;
    case Misdeed::kSendFd: {
      header.size = sizeof(uint64_t);
      const int fd = stop_.get();
      MustHold(vhost_user::MessageSocket(Fd(dup(connection_.get())))
                   .Send(BytesOf(header), {&fd, 1}, std::chrono::steady_clock::time_point::max())
                   .has_value(),
               "send failed");
      break;
    }
  }
  return true;
}

void FakeBackend::Serve(Message& message) {
  std::span<const uint8_t> payload = message.payload;
  switch (message.request()) {
    case Request::kGetFeatures:
      return Answer(message, BytesOf(options_.features));
    case Request::kGetProtocolFeatures:
      return Answer(message, BytesOf(options_.protocol));
    case Request::kGetQueueNum:
      return Answer(message, BytesOf(options_.queues));
    case Request::kGetVringBase: {
      const auto state = As<vhost_user::VringState>(payload);
      rings_.erase(static_cast<uint16_t>(state.index));
      return Answer(message, BytesOf(state));
    }
    case Request::kSetFeatures: {
      const MutexLock lock(mutex_);
      negotiated_ = As<uint64_t>(payload);
      break;
    }
    case Request::kSetMemTable:
      MapMemory(message);
      break;
    default:
      ServeVring(message);
  }
  if ((message.header.flags & vhost_user::kFlagNeedReply) != 0) {
    Answer(message, BytesOf(uint64_t{0}));
  }
}

void FakeBackend::ServeVring(Message& message) {
  std::span<const uint8_t> payload = message.payload;
  switch (message.request()) {
    case Request::kSetVringNum: {
      const auto state = As<vhost_user::VringState>(payload);
      RingAt(state.index).layout.size = static_cast<uint16_t>(state.number);
      break;
    }
    case Request::kSetVringAddr: {
      const auto addresses = As<vhost_user::VringAddresses>(payload);
      QueueLayout& layout = RingAt(addresses.index).layout;
      layout.descriptor_area = Translate(addresses.descriptor_area);
      layout.driver_area = Translate(addresses.driver_area);
      layout.device_area = Translate(addresses.device_area);
      break;
    }
    case Request::kSetVringKick: {
      Ring& ring = RingAt(As<uint64_t>(payload));
      ring.kick = std::move(message.fds.at(0));
      ring.queue = Must(Virtqueue::Create(negotiated(), ring.layout, memory_));
      // Without protocol features rings are born enabled.
      ring.enabled |= (negotiated() & vhost_user::kFeatureProtocolFeatures) == 0;
      break;
    }
    case Request::kSetVringCall:
      RingAt(As<uint64_t>(payload)).call = std::move(message.fds.at(0));
      break;
    case Request::kSetVringErr: {
      const MutexLock lock(mutex_);
      error_ = std::move(message.fds.at(0));
      break;
    }
    case Request::kSetVringEnable: {
      const auto state = As<vhost_user::VringState>(payload);
      RingAt(state.index).enabled = state.number != 0;
      break;
    }
    default:
      break;
  }
}

FakeBackend::Ring& FakeBackend::RingAt(uint64_t index) {
  std::unique_ptr<Ring>& ring = rings_[static_cast<uint16_t>(index)];
  if (!ring) ring = std::make_unique<Ring>();
  return *ring;
}

void FakeBackend::Answer(const Message& message, std::span<const uint8_t> payload) {
  const vhost_user::Header header = {message.header.request,
                                     vhost_user::kVersion | vhost_user::kFlagReply,
                                     static_cast<uint32_t>(payload.size())};
  std::vector<uint8_t> bytes(sizeof(header) + payload.size());
  memcpy(bytes.data(), &header, sizeof(header));
  memcpy(bytes.data() + sizeof(header), payload.data(), payload.size());
  // The other side may have given up already.
  (void)!send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void FakeBackend::MapMemory(Message& message) {
  uint64_t count = 0;
  memcpy(&count, message.payload.data(), sizeof(count));
  MustHold(count == message.fds.size(), "regions and descriptors differ in number");
  regions_.resize(count);
  MustHold(message.payload.size() == sizeof(count) + count * sizeof(regions_[0]),
           "a memory table of another size");
  memcpy(regions_.data(), message.payload.data() + sizeof(count), count * sizeof(regions_[0]));
  uint64_t size = 0;
  for (const vhost_user::MemoryRegion& region : regions_) size += region.size;
  auto backing =
      Must(FdMemory::Create(std::move(message.fds.at(0)), size, {"memfd", kPageSize, true}));
  memory_ = Must(SharedView::Create(std::make_shared<GuestMemory>(Must(GuestMemory::Create(
                                        Must(GuestLayout::Create(size)), std::move(backing)))),
                                    nullptr));
}

Gpa FakeBackend::Translate(uint64_t user_address) const {
  for (const vhost_user::MemoryRegion& region : regions_) {
    if (user_address >= region.user_address && user_address - region.user_address < region.size) {
      return user_address - region.user_address + region.guest_address;
    }
  }
  MustHold(false, "a ring's address is in no region");
  return 0;
}

void FakeBackend::ServeRing(Ring& ring) {
  uint64_t kicks = 0;
  (void)!read(ring.kick.get(), &kicks, sizeof(kicks));
  DescriptorChain chain;
  while (true) {
    if (!Must(ring.queue->Pop(chain))) {
      if (Must(ring.queue->WantKicks(true))) continue;
      break;
    }
    std::vector<uint8_t> bytes(chain.readable_bytes());
    Must(ChainCursor(chain.readable()).Read(*memory_, bytes));
    std::ranges::reverse(bytes);
    Must(ChainCursor(chain.writable()).Write(*memory_, bytes));
    Must(ring.queue->Push(chain, static_cast<uint32_t>(bytes.size())));
  }
  if (Must(ring.queue->TakeInterruptWanted())) Signal(ring.call.get());
}

SocketFolder::SocketFolder() {
  char path[] = "/tmp/vhost-user-XXXXXX";
  MustHold(mkdtemp(path) != nullptr, "mkdtemp failed");
  folder_ = path;
}

SocketFolder::~SocketFolder() { std::filesystem::remove_all(folder_); }

Fd ListenAt(const std::string& path) {
  unlink(path.c_str());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  MustHold(path.size() < sizeof(address.sun_path), "the socket's path is too long");
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  MustHold(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
               listen(fd.get(), 1) == 0,
           "nobody can listen at the socket's path");
  return fd;
}

}  // namespace sealvm
