// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_FIXTURE_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "devices/virtio/vsock/vsock_testing.h"

namespace sealvm {

// A device with a guest, over split and packed rings.
class VsockDeviceTest : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr uint32_t kGuestPort = 1234;
  static constexpr uint32_t kHostPort = 5678;

  void Boot(const VsockTimeouts& timeouts = {}, int receive_buffers = 32) {
    auto device = VsockDevice::Create(
        {.guest_cid = VsockGuest::kCid, .socket_path = path_, .timeouts = timeouts});
    ASSERT_TRUE(device) << device.error().ToString();
    device_ = *std::move(device);
    guest_ = std::make_unique<VsockGuest>(*device_, Options());
    guest_->GiveBuffers(receive_buffers);
  }
  static DriverQueue::Options Options() {
    return {.packed = GetParam(), .indirect = false, .event_idx = true, .in_order = true};
  }

  VsockOp NextOp() {
    const auto packet = guest_->Next();
    return packet ? packet->header.op : VsockOp::kInvalid;
  }
  // The end of its data may be seen before its going.
  void ExpectProgramLeft() {
    auto shutdown = guest_->Next();
    if (shutdown && shutdown->header.flags == kVsockNoSend) shutdown = guest_->Next();
    ASSERT_TRUE(shutdown);
    EXPECT_EQ(shutdown->header.op, VsockOp::kShutdown);
    EXPECT_EQ(shutdown->header.flags, kVsockNoSend | kVsockNoReceive);
  }
  // A program of the host connects to the guest's port, which accepts; its port is `host_port_`.
  HostProgram ConnectFromHost() {
    HostProgram program = HostProgram::ConnectTo(path_);
    EXPECT_TRUE(program.Send("CONNECT " + std::to_string(kGuestPort) + "\n"));
    const auto request = guest_->Next();
    EXPECT_TRUE(request && request->header.op == VsockOp::kRequest);
    host_port_ = request ? request->header.src_port : 0;
    EXPECT_TRUE(guest_->Send(VsockOp::kResponse, host_port_, kGuestPort));
    EXPECT_EQ(program.ReadLine(), "OK " + std::to_string(host_port_) + "\n");
    return program;
  }
  // The guest connects to kHostPort from `guest_port`.
  HostProgram ConnectFromGuest(uint32_t guest_port = kGuestPort) {
    if (!service_) service_.emplace(path_ + "_" + std::to_string(kHostPort));
    EXPECT_TRUE(guest_->Send(VsockOp::kRequest, kHostPort, guest_port));
    EXPECT_EQ(NextOp(), VsockOp::kResponse);
    host_port_ = kHostPort;
    return service_->Accept();
  }
  // What is on its way to the guest before the answer to a packet sent now.
  std::vector<VsockPacket> PacketsUntilNow() {
    constexpr uint32_t kUnused = 99;
    std::vector<VsockPacket> packets;
    EXPECT_TRUE(guest_->Send(VsockOp::kCreditRequest, kUnused, kUnused));
    while (true) {
      auto packet = guest_->Next();
      EXPECT_TRUE(packet);
      if (!packet || packet->header.src_port == kUnused) return packets;
      packets.push_back(*std::move(packet));
    }
  }
  bool IsQuiet() { return PacketsUntilNow().empty(); }
  // Sends what the guest has credit for until there is none for another piece, because the program
  // does not read. Returns how many bytes that were.
  size_t FillUp(uint32_t guest_port) {
    const std::string piece(VsockConnection::kBufferBytes / 2, 'x');
    size_t sent = 0;
    uint32_t forwarded = 0;
    while (sent + piece.size() - forwarded <= VsockConnection::kBufferBytes) {
      EXPECT_TRUE(guest_->SendData(host_port_, guest_port, piece));
      sent += piece.size();
      EXPECT_TRUE(guest_->Send(VsockOp::kCreditRequest, host_port_, guest_port));
      for (const VsockPacket& packet : PacketsUntilNow()) forwarded = packet.header.fwd_cnt;
    }
    return sent;
  }
  // The guest sends one byte and the program gets it.
  bool Works(HostProgram& program, uint32_t guest_port = kGuestPort) {
    return guest_->SendData(host_port_, guest_port, "?") && program.Read(1) == "?";
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/v.sock";
  std::shared_ptr<VsockDevice> device_;
  std::unique_ptr<VsockGuest> guest_;
  std::optional<HostService> service_;
  uint32_t host_port_ = 0;
};

// Bytes by whose place one knows them.
inline std::string Pattern(size_t length, size_t begin = 0) {
  std::string text(length, '\0');
  for (size_t i = 0; i < length; ++i) {
    const size_t at = begin + i;
    text[i] = static_cast<char>(at ^ (at >> 8) * 7 ^ (at >> 16) * 13);
  }
  return text;
}

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_FIXTURE_H_
