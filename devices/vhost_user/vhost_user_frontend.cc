// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/vhost_user_frontend.h"

#include <fmt/format.h>
#include <string.h>

#include <utility>
#include <vector>

namespace sealvm {

using vhost_user::Header;
using vhost_user::Request;

Result<> VhostUserFrontend::SetProtocolFeatures(uint64_t features) {
  // Acknowledged by none: the back-end may not know yet that it shall.
  SEALVM_TRY(Set(Request::kSetProtocolFeatures, features));
  reply_ack_ = (features & vhost_user::kProtocolReplyAck) != 0;
  return {};
}

Result<> VhostUserFrontend::SetMemTable(std::span<const vhost_user::MemoryRegion> regions,
                                        std::span<const int> fds) {
  if (regions.empty() || regions.size() > vhost_user::kMaxRegions || fds.size() != regions.size()) {
    return HostError(fmt::format("a vhost-user memory table of {} regions", regions.size()));
  }
  // The count, then four bytes of padding.
  const uint64_t count = regions.size();
  std::vector<uint8_t> payload(sizeof(count) + regions.size_bytes());
  memcpy(payload.data(), &count, sizeof(count));
  memcpy(payload.data() + sizeof(count), regions.data(), regions.size_bytes());
  return Set(Request::kSetMemTable, payload, fds);
}

Result<uint32_t> VhostUserFrontend::GetVringBase(uint32_t index) {
  const vhost_user::VringState asked{index, 0};
  const auto answer =
      SEALVM_TRY(Get<vhost_user::VringState>(Request::kGetVringBase, BytesOf(asked)));
  if (answer.index != index) {
    return Fail(Request::kGetVringBase, HostError("it answers for another ring").error());
  }
  return answer.number;
}

Result<> VhostUserFrontend::Set(Request request, std::span<const uint8_t> payload,
                                std::span<const int> fds) {
  if (!reply_ack_) return Exchange(request, 0, payload, fds, {});
  uint64_t refused = 0;
  SEALVM_TRY(Exchange(request, vhost_user::kFlagNeedReply, payload, fds,
                      {reinterpret_cast<uint8_t*>(&refused), sizeof(refused)}));
  if (refused == 0) return {};
  return HostError(
      fmt::format("vhost-user request {}: the back-end refuses it", std::to_underlying(request)));
}

Result<> VhostUserFrontend::Exchange(Request request, uint32_t flags,
                                     std::span<const uint8_t> payload, std::span<const int> fds,
                                     std::span<uint8_t> answer) {
  if (broken_) return HostError("the vhost-user connection has ended");
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  const Header header{std::to_underlying(request), vhost_user::kVersion | flags,
                      static_cast<uint32_t>(payload.size())};
  std::vector<uint8_t> message(sizeof(header) + payload.size());
  memcpy(message.data(), &header, sizeof(header));
  if (!payload.empty()) memcpy(message.data() + sizeof(header), payload.data(), payload.size());
  Result<> result = socket_.Send(message, fds, deadline);
  if (result && !answer.empty()) result = ReceiveAnswer(request, answer, deadline);
  if (!result) return Fail(request, std::move(result).error());
  return {};
}

Result<> VhostUserFrontend::ReceiveAnswer(Request request, std::span<uint8_t> answer,
                                          vhost_user::MessageSocket::Deadline deadline) {
  Header header;
  SEALVM_TRY(socket_.Receive({reinterpret_cast<uint8_t*>(&header), sizeof(header)}, deadline));
  if ((header.flags & vhost_user::kVersionMask) != vhost_user::kVersion ||
      (header.flags & vhost_user::kFlagReply) == 0) {
    return HostError(fmt::format("flags {:#x} are no answer's", header.flags));
  }
  if (header.request != std::to_underlying(request)) {
    return HostError(fmt::format("it answers request {}", header.request));
  }
  if (header.size != answer.size()) {
    return HostError(
        fmt::format("an answer of {} bytes instead of {}", header.size, answer.size()));
  }
  return socket_.Receive(answer, deadline);
}

std::unexpected<Error> VhostUserFrontend::Fail(Request request, Error error) {
  broken_ = true;
  socket_.Shutdown();
  return WithContext(std::move(error),
                     fmt::format("vhost-user request {}", std::to_underlying(request)));
}

}  // namespace sealvm
