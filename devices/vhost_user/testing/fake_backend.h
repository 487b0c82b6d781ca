// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VHOST_USER_TESTING_FAKE_BACKEND_H_
#define SEALVM_DEVICES_VHOST_USER_TESTING_FAKE_BACKEND_H_

#include <stdint.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "devices/vhost_user/protocol.h"
#include "devices/virtio/virtqueue.h"
#include "memory/base/fd.h"
#include "memory/base/mutex.h"
#include "memory/shared_view.h"

namespace sealvm {

// What a fake back-end does instead of serving a request.
enum class Misdeed { kRefuse, kClose, kSilence, kHugeAnswer, kSendFd };

struct FakeBackendOptions {
  uint64_t features =
      kFeatureVersion1 | kFeatureIndirect | kFeatureEventIdx | vhost_user::kFeatureProtocolFeatures;
  uint64_t protocol =
      vhost_user::kProtocolMq | vhost_user::kProtocolReplyAck | vhost_user::kProtocolResetDevice;
  uint64_t queues = 2;
  std::map<vhost_user::Request, Misdeed> misdeeds = {};
};

// A vhost-user back-end on a thread of the test. It maps the memory that it is given by itself,
// and answers every request of its rings with the request's bytes in reverse order. Serves one
// connection after the other. Its own failures abort.
class FakeBackend {
 public:
  FakeBackend(const std::string& path, FakeBackendOptions options);
  // As a process that is killed; the socket's file stays.
  ~FakeBackend();

  // All connections' requests in order.
  std::vector<vhost_user::Request> requests() const;
  size_t Count(vhost_user::Request request) const;
  uint64_t connections() const;
  uint64_t negotiated() const;
  // Signals the eventfd for errors that it got last.
  void ReportError();
  // Writes to the connection what nobody asked for.
  void Chatter();

 private:
  struct Ring;
  struct Message;

  void Main();
  void Accept();
  void Drop();
  void HandleMessage();
  bool Receive(Message& message);
  bool Misbehave(const Message& message);
  void Serve(Message& message);
  void ServeVring(Message& message);
  Ring& RingAt(uint64_t index);
  void Answer(const Message& message, std::span<const uint8_t> payload);
  void MapMemory(Message& message);
  void ServeRing(Ring& ring);
  Gpa Translate(uint64_t user_address) const;

  const FakeBackendOptions options_;
  Fd listener_;
  Fd stop_;
  Fd connection_;

  std::vector<vhost_user::MemoryRegion> regions_;
  std::shared_ptr<SharedView> memory_;
  std::map<uint16_t, std::unique_ptr<Ring>> rings_;
  bool reply_ack_ = false;

  mutable Mutex mutex_;
  std::vector<vhost_user::Request> requests_ SEALVM_GUARDED_BY(mutex_);
  uint64_t connections_ SEALVM_GUARDED_BY(mutex_) = 0;
  uint64_t negotiated_ SEALVM_GUARDED_BY(mutex_) = 0;
  Fd error_ SEALVM_GUARDED_BY(mutex_);
  int chatter_fd_ SEALVM_GUARDED_BY(mutex_) = -1;

  std::thread thread_;
};

// A folder for sockets that goes with the object; short, for a socket's path is.
class SocketFolder {
 public:
  SocketFolder();
  ~SocketFolder();
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

// A socket that listens at `path`.
Fd ListenAt(const std::string& path);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VHOST_USER_TESTING_FAKE_BACKEND_H_
