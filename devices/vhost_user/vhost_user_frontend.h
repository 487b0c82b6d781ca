// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VHOST_USER_VHOST_USER_FRONTEND_H_
#define SEALVM_DEVICES_VHOST_USER_VHOST_USER_FRONTEND_H_

#include <stdint.h>

#include <chrono>
#include <span>
#include <type_traits>

#include "devices/vhost_user/message_socket.h"
#include "devices/vhost_user/protocol.h"
#include "memory/base/result.h"

namespace sealvm {

// The VMM's side of the vhost-user protocol: one method a request. What the back-end answers is not
// trusted; whatever breaks the protocol, and what is not answered in time, is an error, after which
// the connection is ended and every request fails. With REPLY_ACK negotiated every request waits
// for the back-end's judgement. Not thread-safe.
class VhostUserFrontend {
 public:
  static constexpr std::chrono::milliseconds kPatience{5'000};

  explicit VhostUserFrontend(vhost_user::MessageSocket socket,
                             std::chrono::milliseconds patience = kPatience)
      : socket_(std::move(socket)), patience_(patience) {}

  Result<uint64_t> GetFeatures() { return Get<uint64_t>(vhost_user::Request::kGetFeatures); }
  Result<> SetFeatures(uint64_t features) {
    return Set(vhost_user::Request::kSetFeatures, features);
  }
  Result<uint64_t> GetProtocolFeatures() {
    return Get<uint64_t>(vhost_user::Request::kGetProtocolFeatures);
  }
  Result<> SetProtocolFeatures(uint64_t features);
  Result<> SetOwner() { return Set(vhost_user::Request::kSetOwner, {}, {}); }
  // Needs MQ.
  Result<uint64_t> GetQueueNum() { return Get<uint64_t>(vhost_user::Request::kGetQueueNum); }
  // Needs RESET_DEVICE.
  Result<> ResetDevice() { return Set(vhost_user::Request::kResetDevice, {}, {}); }

  // All regions lie in files of their own or the same; `fds` are lent, one a region.
  Result<> SetMemTable(std::span<const vhost_user::MemoryRegion> regions, std::span<const int> fds);

  Result<> SetVringNum(uint32_t index, uint32_t size) {
    return Set(vhost_user::Request::kSetVringNum, vhost_user::VringState{index, size});
  }
  Result<> SetVringAddresses(const vhost_user::VringAddresses& addresses) {
    return Set(vhost_user::Request::kSetVringAddr, addresses);
  }
  // `base`: for a split ring the index of the next available request, for a packed one both
  // positions with their wrap counters.
  Result<> SetVringBase(uint32_t index, uint32_t base) {
    return Set(vhost_user::Request::kSetVringBase, vhost_user::VringState{index, base});
  }
  // Stops the ring; the back-end answers when it does not touch it any more.
  Result<uint32_t> GetVringBase(uint32_t index);
  // Eventfds, lent: the back-end gets copies. `index` is at most kMaxVringIndex.
  Result<> SetVringKick(uint64_t index, int fd) {
    return SetFd(vhost_user::Request::kSetVringKick, index, fd);
  }
  Result<> SetVringCall(uint64_t index, int fd) {
    return SetFd(vhost_user::Request::kSetVringCall, index, fd);
  }
  Result<> SetVringErr(uint64_t index, int fd) {
    return SetFd(vhost_user::Request::kSetVringErr, index, fd);
  }
  // Needs the device feature PROTOCOL_FEATURES.
  Result<> SetVringEnable(uint32_t index, bool enable) {
    return Set(vhost_user::Request::kSetVringEnable, vhost_user::VringState{index, enable});
  }

  // Whether the connection stands and the back-end has said nothing unasked.
  bool Usable() const { return !broken_ && socket_.Idle(); }
  // The socket, lent, to be watched for its end alone.
  int fd() const { return socket_.fd(); }

 private:
  template <typename T>
  static std::span<const uint8_t> BytesOf(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
  }
  template <typename T>
  Result<> Set(vhost_user::Request request, const T& payload) {
    return Set(request, BytesOf(payload), {});
  }
  template <typename T>
  Result<T> Get(vhost_user::Request request, std::span<const uint8_t> payload = {}) {
    T answer;
    SEALVM_TRY(
        Exchange(request, 0, payload, {}, {reinterpret_cast<uint8_t*>(&answer), sizeof(answer)}));
    return answer;
  }
  Result<> SetFd(vhost_user::Request request, uint64_t index, int fd) {
    return Set(request, BytesOf(index), {&fd, 1});
  }

  Result<> Set(vhost_user::Request request, std::span<const uint8_t> payload,
               std::span<const int> fds);
  Result<> Exchange(vhost_user::Request request, uint32_t flags, std::span<const uint8_t> payload,
                    std::span<const int> fds, std::span<uint8_t> answer);
  Result<> ReceiveAnswer(vhost_user::Request request, std::span<uint8_t> answer,
                         vhost_user::MessageSocket::Deadline deadline);
  std::unexpected<Error> Fail(vhost_user::Request request, Error error);

  vhost_user::MessageSocket socket_;
  const std::chrono::milliseconds patience_;
  bool reply_ack_ = false;
  bool broken_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VHOST_USER_VHOST_USER_FRONTEND_H_
