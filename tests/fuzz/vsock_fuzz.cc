// SPDX-License-Identifier: Apache-2.0
// A hostile guest and clumsy programs of the host at a socket device: packets of any content, and
// programs that come, send, read and leave when they like. Every packet for the guest must be well
// formed, and each stream must be a beginning of what was sent.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "devices/virtio/testing/test_driver.h"
#include "devices/virtio/vsock/unix_socket.h"
#include "devices/virtio/vsock/vsock_device.h"
#include "devices/virtio/vsock/vsock_testing.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

constexpr uint16_t kReceive = 0;
constexpr uint16_t kTransmit = 1;
constexpr uint32_t kCid = 3;
constexpr uint32_t kServicePort = 10;
constexpr uint32_t kRoom = 600;
constexpr int kReceiveBuffers = 16;
constexpr uint32_t kMaxPayload = 3 * VsockConnection::kBufferBytes / 2;

const std::string& SocketPath() {
  static const TemporaryDirectory directory;
  static const std::string path = directory.path() + "/v";
  return path;
}

// Where the guest's connections go.
UnixListener& Service() {
  static UnixListener service =
      *UnixListener::Create(SocketPath() + "_" + std::to_string(kServicePort));
  return service;
}

// A connection that the guest opened, seen from both ends.
struct Stream {
  Fd socket;
  std::string from_guest = {};
  std::string read = {};
  std::string from_host = {};
  std::string received = {};
};

class HostileGuest {
 public:
  explicit HostileGuest(FuzzInput& input) : input_(input) {
    Service();
    const uint8_t choice = input_.TakeByte();
    const DriverQueue::Options ring = {.packed = (choice & 1) != 0,
                                       .indirect = (choice & 2) != 0,
                                       .event_idx = (choice & 4) != 0,
                                       .in_order = (choice & 8) != 0};
    device_ = *VsockDevice::Create({.guest_cid = kCid, .socket_path = SocketPath()});
    driver_.emplace(guest_, *device_, ring);
    Start();
  }

  void Run() {
    while (!input_.empty()) Step();
    driver_.reset();
    // The reset closed everything: each stream ends.
    for (auto& [port, stream] : streams_) {
      while (ReadSome(stream, 1 << 16)) {
      }
    }
    while (Service().Accept()) {
    }
  }

 private:
  void Start() {
    SEALVM_FUZZ_CHECK(driver_->Start().has_value());
    for (int i = 0; i < kReceiveBuffers; ++i) Give(guest_.Room(kVsockHeaderBytes + kRoom));
  }
  void Give(GuestBuffer buffer) { given_[driver_->Submit(kReceive, {}, {&buffer, 1})] = buffer; }

  void Step() {
    switch (input_.TakeByte() % 12) {
      case 0:
        return ComeIn();
      case 1:
      case 2:
        return SendFromHost();
      case 3:
      case 4:
        return ReadOnHost();
      case 5:
        return Leave();
      case 6:
        return Connect();
      default:
        return SendPacket();
    }
  }

  uint32_t TakeGuestPort() { return 1 + input_.TakeByte() % 4; }

  Stream* TakeStream() {
    const auto found = streams_.find(TakeGuestPort());
    return found == streams_.end() ? nullptr : &found->second;
  }

  VsockHeader Header(VsockOp op, uint32_t guest_port) {
    return {.src_cid = kCid,
            .dst_cid = kVsockHostCid,
            .src_port = guest_port,
            .dst_port = kServicePort,
            .op = op,
            .buf_alloc = 2000};
  }

  void Connect() {
    const uint32_t port = TakeGuestPort();
    Send(Header(VsockOp::kRequest, port), {});
    Accept(port);
  }

  // The device connects before it gives the request back.
  void Accept(uint32_t guest_port) {
    if (Result<Fd> socket = Service().Accept()) {
      streams_[guest_port] = Stream{.socket = *std::move(socket)};
    }
  }

  VsockOp TakeOp() {
    const uint8_t choice = input_.TakeByte();
    return choice < 0xf0 ? VsockOp{static_cast<uint16_t>(choice % 8)}
                         : VsockOp{static_cast<uint16_t>(input_.TakeNumber(2))};
  }

  void SendPacket() {
    const uint32_t port = TakeGuestPort();
    VsockHeader header = Header(TakeOp(), port);
    const uint8_t oddities = input_.TakeByte();
    if (oddities == 0xff) header.src_cid = input_.TakeNumber(8);
    if (oddities == 0xfe) header.dst_cid = input_.TakeNumber(8);
    if (oddities == 0xfd) header.type = static_cast<uint16_t>(input_.TakeNumber(2));
    if (oddities >= 0xe0 && oddities < 0xf0) header.dst_port = last_host_port_;
    header.flags = input_.TakeByte() % 4;
    header.buf_alloc = uint32_t{input_.TakeByte()} << (oddities % 16);
    header.fwd_cnt =
        oddities % 8 == 7 ? static_cast<uint32_t>(input_.TakeNumber(4)) : Received(port);
    const uint32_t length = header.op == VsockOp::kData ? TakeLength() : 0;
    header.len = oddities % 32 == 9 ? static_cast<uint32_t>(input_.TakeNumber(4)) : length;
    const bool for_stream = header.src_cid == kCid && header.dst_cid == kVsockHostCid &&
                            header.type == kVsockStream && header.dst_port == kServicePort &&
                            header.len <= length;
    const std::string payload = TakePayload(for_stream ? port : 0, length, header.len);
    Send(header, payload);
    if (header.op == VsockOp::kRequest) Accept(port);
  }

  uint32_t TakeLength() {
    const uint8_t choice = input_.TakeByte();
    return choice < 0xe0 ? choice : static_cast<uint32_t>(input_.TakeNumber(3)) % kMaxPayload;
  }

  uint32_t Received(uint32_t port) const {
    const auto found = streams_.find(port);
    return found == streams_.end() ? 0 : static_cast<uint32_t>(found->second.received.size());
  }

  // Bytes by whose place in the stream one knows them.
  static std::string Pattern(size_t begin, size_t length) {
    std::string text(length, '\0');
    for (size_t i = 0; i < length; ++i) text[i] = static_cast<char>((begin + i) * 31 >> 3);
    return text;
  }

  std::string TakePayload(uint32_t port, uint32_t length, uint32_t counted) {
    const auto found = streams_.find(port);
    if (found == streams_.end()) return Pattern(0, length);
    std::string& sent = found->second.from_guest;
    std::string payload = Pattern(sent.size(), length);
    sent += payload.substr(0, counted);
    return payload;
  }

  void Send(const VsockHeader& header, const std::string& payload) {
    const auto bytes = EncodeVsockHeader(header);
    SEALVM_FUZZ_CHECK(guest_.view()->Write(header_.gpa, bytes).has_value());
    const auto* text = reinterpret_cast<const uint8_t*>(payload.data());
    SEALVM_FUZZ_CHECK(guest_.view()->Write(payload_.gpa, {text, payload.size()}).has_value());
    std::vector<GuestBuffer> buffers = {header_};
    if (!payload.empty()) buffers.push_back({payload_.gpa, static_cast<uint32_t>(payload.size())});
    driver_->Submit(kTransmit, buffers, {});
    bool taken = false;
    // It may wait for room for its answers.
    SEALVM_FUZZ_CHECK(driver_->transport().WaitUntil([&] {
      Drain();
      taken = taken || driver_->queue(kTransmit).TakeUsed().has_value();
      return taken;
    }));
    SEALVM_FUZZ_CHECK(!driver_->transport().failure());
  }

  // Takes what the device has for the guest.
  void Drain() {
    while (const auto used = driver_->queue(kReceive).TakeUsed()) {
      const GuestBuffer buffer = given_.at(used->token);
      given_.erase(used->token);
      SEALVM_FUZZ_CHECK(used->written >= kVsockHeaderBytes && used->written <= buffer.length);
      OnPacket(guest_.ReadText({buffer.gpa, used->written}));
      Give(buffer);
    }
  }

  void OnPacket(const std::string& packet) {
    VsockHeaderBytes bytes;
    std::copy_n(packet.begin(), bytes.size(), bytes.begin());
    const VsockHeader header = DecodeVsockHeader(bytes);
    SEALVM_FUZZ_CHECK(header.dst_cid == kCid);
    SEALVM_FUZZ_CHECK(header.len == packet.size() - kVsockHeaderBytes);
    SEALVM_FUZZ_CHECK(header.op >= VsockOp::kRequest && header.op <= VsockOp::kCreditRequest);
    SEALVM_FUZZ_CHECK((header.len > 0) == (header.op == VsockOp::kData));
    if (header.op == VsockOp::kReset) return;
    SEALVM_FUZZ_CHECK(header.src_cid == kVsockHostCid && header.type == kVsockStream);
    SEALVM_FUZZ_CHECK(header.buf_alloc == VsockConnection::kBufferBytes);
    if (header.src_port != kServicePort) {
      last_host_port_ = header.src_port;
      return;
    }
    const auto found = streams_.find(header.dst_port);
    if (found == streams_.end() || header.op != VsockOp::kData) return;
    found->second.received += packet.substr(kVsockHeaderBytes);
    SEALVM_FUZZ_CHECK(found->second.from_host.starts_with(found->second.received));
  }

  void ComeIn() {
    Result<Fd> program = ConnectUnix(SocketPath());
    if (!program) return;
    const std::array<std::string, 4> greetings = {"CONNECT 1\n", "CONNECT 2\nearly", "CONNECT",
                                                  "HELLO THERE, THIS IS NO GREETING AT ALL\n"};
    const std::string& text = greetings[input_.TakeByte() % greetings.size()];
    SEALVM_FUZZ_CHECK(send(program->get(), text.data(), text.size(), MSG_NOSIGNAL) >= 0);
    visitors_.push_back(*std::move(program));
    if (visitors_.size() > 8) visitors_.erase(visitors_.begin());
    Drain();
  }

  void SendFromHost() {
    Stream* const stream = TakeStream();
    if (stream == nullptr || !stream->socket.valid()) return;
    const std::string text = Pattern(stream->from_host.size(), size_t{input_.TakeByte()} * 16);
    const ssize_t sent = send(stream->socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) stream->from_host.append(text, 0, static_cast<size_t>(sent));
    Drain();
  }

  // True when there was something.
  static bool ReadSome(Stream& stream, size_t most) {
    std::string text(most, '\0');
    const ssize_t got = recv(stream.socket.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (got <= 0) return false;
    stream.read.append(text, 0, static_cast<size_t>(got));
    SEALVM_FUZZ_CHECK(stream.from_guest.starts_with(stream.read));
    return true;
  }

  void ReadOnHost() {
    Stream* const stream = TakeStream();
    if (stream != nullptr) ReadSome(*stream, 1 + size_t{input_.TakeByte()} * 512);
  }

  void Leave() {
    const uint8_t choice = input_.TakeByte();
    if (choice >= 0xf0) return Restart();
    Stream* const stream = TakeStream();
    if (stream == nullptr) return;
    if (choice % 3 == 0) stream->socket.Reset();
    if (choice % 3 == 1) shutdown(stream->socket.get(), SHUT_WR);
    if (choice % 3 == 2) shutdown(stream->socket.get(), SHUT_RD);
    Drain();
  }

  void Restart() {
    if (++restarts_ > 8) return;
    driver_->Reset();
    given_.clear();
    streams_.clear();
    Start();
  }

  FuzzInput& input_;
  TestGuest guest_;
  std::shared_ptr<VsockDevice> device_;
  std::optional<TestDriver> driver_;
  const GuestBuffer header_ = guest_.Room(kVsockHeaderBytes);
  const GuestBuffer payload_ = guest_.Room(kMaxPayload);
  std::map<uint16_t, GuestBuffer> given_;  // by token
  std::map<uint32_t, Stream> streams_;     // by the guest's port
  std::vector<Fd> visitors_;
  uint32_t last_host_port_ = 0;
  int restarts_ = 0;
};

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzInput input({data, size});
  sealvm::HostileGuest guest(input);
  guest.Run();
  return 0;
}
