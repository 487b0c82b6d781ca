// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace sealvm {
namespace {

constexpr uint16_t kReceive = 0;
constexpr uint16_t kTransmit = 1;
constexpr int kServiceBacklog = 2048;

void Must(bool holds, const char* what) {
  if (holds) return;
  perror(what);
  abort();
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  Must(path.size() < sizeof(address.sun_path), "path of a test's socket");
  path.copy(address.sun_path, path.size());
  return address;
}

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = "/tmp/vsock.XXXXXX";
  Must(mkdtemp(name.data()) != nullptr, "mkdtemp");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

HostProgram::HostProgram(Fd socket) : socket_(std::move(socket)) {
  const timeval patience = {.tv_sec = 20, .tv_usec = 0};
  setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

HostProgram HostProgram::ConnectTo(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Must(socket.valid(), "socket");
  const sockaddr_un address = AddressOf(path);
  Must(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0,
       "connect");
  return HostProgram(std::move(socket));
}

bool HostProgram::Send(const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t more = send(fd(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += static_cast<size_t>(more);
  }
  return true;
}

size_t HostProgram::SendWithoutWaiting(const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t more =
        send(fd(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (more <= 0) break;
    sent += static_cast<size_t>(more);
  }
  return sent;
}

std::string HostProgram::Read(size_t length) {
  std::string text(length, '\0');
  size_t got = 0;
  while (got < length) {
    const ssize_t more = recv(fd(), text.data() + got, length - got, 0);
    if (more <= 0) break;
    got += static_cast<size_t>(more);
  }
  text.resize(got);
  return text;
}

std::string HostProgram::ReadLine() {
  std::string line;
  while (!line.ends_with('\n')) {
    const std::string more = Read(1);
    if (more.empty()) break;
    line += more;
  }
  return line;
}

void HostProgram::EndSending() { shutdown(fd(), SHUT_WR); }

HostService::HostService(const std::string& path)
    : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = AddressOf(path);
  Must(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0,
       "bind");
  Must(listen(socket_.get(), kServiceBacklog) == 0, "listen");
}

HostProgram HostService::Accept() {
  Fd socket(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  Must(socket.valid(), "accept4");
  return HostProgram(std::move(socket));
}

VsockGuest::VsockGuest(VsockDevice& device, DriverQueue::Options options)
    : driver_(memory_, device, options, ~uint64_t{0}, 128) {
  Must(driver_.Start().has_value(), "activate");
}

void VsockGuest::Give(GuestBuffer buffer) {
  given_[driver_.Submit(kReceive, {}, {&buffer, 1})] = buffer;
}

void VsockGuest::GiveBuffers(int count) {
  for (int i = 0; i < count; ++i) Give(memory_.Room(kVsockHeaderBytes + kRoom));
}

void VsockGuest::Reset() {
  driver_.Reset();
  given_.clear();
  Must(driver_.Start().has_value(), "activate");
}

VsockHeader VsockGuest::Header(VsockOp op, uint32_t host_port, uint32_t guest_port) const {
  return {.src_cid = kCid,
          .dst_cid = kVsockHostCid,
          .src_port = guest_port,
          .dst_port = host_port,
          .op = op,
          .buf_alloc = kBuffer};
}

bool VsockGuest::Send(const VsockHeader& header, const std::string& payload) {
  Must(payload.size() <= payload_.length, "payload of a test's packet");
  Must(memory_.view()->Write(header_.gpa, EncodeVsockHeader(header)).has_value(), "write");
  Must(memory_.view()->Write(payload_.gpa, Bytes(payload)).has_value(), "write");
  const std::array<GuestBuffer, 2> buffers = {
      header_, GuestBuffer{payload_.gpa, static_cast<uint32_t>(payload.size())}};
  return driver_.Transact(kTransmit, std::span(buffers).first(payload.empty() ? 1 : 2), {})
      .has_value();
}

bool VsockGuest::Send(VsockOp op, uint32_t host_port, uint32_t guest_port, uint32_t flags) {
  VsockHeader header = Header(op, host_port, guest_port);
  header.flags = flags;
  return Send(header);
}

bool VsockGuest::SendData(uint32_t host_port, uint32_t guest_port, const std::string& payload) {
  VsockHeader header = Header(VsockOp::kData, host_port, guest_port);
  header.len = static_cast<uint32_t>(payload.size());
  return Send(header, payload);
}

void VsockGuest::Submit(const VsockHeader& header) {
  const GuestBuffer buffer = memory_.Place(EncodeVsockHeader(header));
  driver_.Submit(kTransmit, {&buffer, 1}, {});
}

std::optional<VsockPacket> VsockGuest::Next() {
  const auto used = driver_.Wait(kReceive);
  if (!used || used->written < kVsockHeaderBytes) return std::nullopt;
  const GuestBuffer buffer = given_.at(used->token);
  given_.erase(used->token);
  const std::string text = memory_.ReadText({buffer.gpa, used->written});
  VsockHeaderBytes header;
  std::copy_n(text.begin(), header.size(), header.begin());
  Give(buffer);
  return VsockPacket{DecodeVsockHeader(header), text.substr(header.size())};
}

}  // namespace sealvm
