// SPDX-License-Identifier: Apache-2.0
// What a packet costs the socket device, without a guest, its rings and its thread: from the
// guest's memory into a program's socket, and back. And what a request costs the entropy device and
// the console, from the driver's kick to its answer.
//
//   bazel run -c opt //tests/bench:vsock_bench
#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "devices/virtio/console/console_device.h"
#include "devices/virtio/rng/rng_device.h"
#include "devices/virtio/testing/test_driver.h"
#include "devices/virtio/vsock/unix_socket.h"
#include "devices/virtio/vsock/vsock_muxer.h"
#include "devices/virtio/vsock/vsock_testing.h"

namespace sealvm {
namespace {

constexpr uint32_t kCid = 3;
constexpr uint32_t kServicePort = 10;
constexpr uint32_t kGuestPort = 20;

// A muxer with one connection that the guest opened.
class OpenConnection {
 public:
  OpenConnection() {
    loop_->Run([this] {
      muxer_ = *VsockMuxer::Create(*loop_, listener_, kCid, {}, counters_, [] {});
      Send(Header(VsockOp::kRequest), {});
      Take();
    });
    program_ = *service_.Accept();
  }
  ~OpenConnection() {
    loop_->Run([this] { muxer_.reset(); });
  }

  // On the muxer's thread, as its queues would.
  void Run(const EventLoop::Task& task) { loop_->Run(task); }

  VsockHeader Header(VsockOp op) const {
    return {.src_cid = kCid,
            .dst_cid = kVsockHostCid,
            .src_port = kGuestPort,
            .dst_port = kServicePort,
            .op = op,
            .buf_alloc = 1U << 31,
            .fwd_cnt = received_};
  }
  void Send(const VsockHeader& header, std::span<const GuestBuffer> payload) {
    muxer_->OnPacket(header, ChainCursor(payload), *guest_.view());
  }
  // The next packet; 0 when there is none.
  uint32_t Take() {
    const uint32_t written = *muxer_->NextPacket(room_, *guest_.view());
    if (written > kVsockHeaderBytes) received_ += written - kVsockHeaderBytes;
    return written;
  }
  void SetRoom(uint32_t payload) {
    room_.Clear();
    const GuestBuffer buffer = guest_.Room(payload + static_cast<uint32_t>(kVsockHeaderBytes));
    room_.Append(buffer, true).value();
  }

  TestGuest& guest() { return guest_; }
  int program() const { return program_.get(); }

 private:
  TemporaryDirectory directory_;
  UnixListener listener_ = *UnixListener::Create(directory_.path() + "/v");
  UnixListener service_ =
      *UnixListener::Create(directory_.path() + "/v_" + std::to_string(kServicePort));
  TestGuest guest_;
  DescriptorChain room_ = [this] {
    DescriptorChain chain;
    chain.Append(guest_.Room(4096), true).value();
    return chain;
  }();
  DeviceCounters counters_;
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create("bench");
  std::unique_ptr<VsockMuxer> muxer_;
  Fd program_;
  uint32_t received_ = 0;
};

void Drain(int fd, std::vector<uint8_t>& buffer, size_t length) {
  while (length > 0) {
    const ssize_t got = recv(fd, buffer.data(), std::min(length, buffer.size()), 0);
    if (got > 0) length -= static_cast<size_t>(got);
  }
}

// The program's reading is part of the time.
void VsockTransmit(benchmark::State& state) {
  OpenConnection connection;
  const auto length = static_cast<uint32_t>(state.range(0));
  const GuestBuffer payload = connection.guest().Room(length);
  VsockHeader header = connection.Header(VsockOp::kData);
  header.len = length;
  std::vector<uint8_t> buffer(length);
  connection.Run([&] {
    for (auto iteration : state) {
      connection.Send(header, {&payload, 1});
      Drain(connection.program(), buffer, length);
    }
  });
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * length);
}
BENCHMARK(VsockTransmit)->Arg(64)->Arg(4096)->Arg(65536);

// The program's writing, 64 KiB at a time, and the loop's hearing of it are part of the time.
void VsockReceive(benchmark::State& state) {
  OpenConnection connection;
  const auto length = static_cast<uint32_t>(state.range(0));
  connection.SetRoom(length);
  const std::vector<uint8_t> buffer(64 << 10);
  for (auto iteration : state) {
    send(connection.program(), buffer.data(), buffer.size(), 0);
    size_t received = 0;
    while (received < buffer.size()) {
      connection.Run([&] {
        while (const uint32_t written = connection.Take()) received += written - kVsockHeaderBytes;
        connection.Send(connection.Header(VsockOp::kCreditUpdate), {});
      });
    }
  }
  const auto bytes = static_cast<int64_t>(state.iterations() * buffer.size());
  state.SetItemsProcessed(bytes / length);
  state.SetBytesProcessed(bytes);
}
BENCHMARK(VsockReceive)->Arg(64)->Arg(4096)->Arg(65536)->UseRealTime();

void RngRequest(benchmark::State& state) {
  TestGuest guest;
  const std::shared_ptr<RngDevice> device = *RngDevice::Create();
  TestDriver driver(guest, *device);
  driver.Start().value();
  const GuestBuffer buffer = guest.Room(static_cast<uint32_t>(state.range(0)));
  for (auto iteration : state) driver.Transact(0, {}, {&buffer, 1});
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(RngRequest)->Arg(64)->Arg(65536)->UseRealTime();

void ConsoleOutput(benchmark::State& state) {
  TestGuest guest;
  size_t bytes = 0;
  const std::shared_ptr<ConsoleDevice> device = *ConsoleDevice::Create(
      {}, {.output = [&](std::span<const uint8_t> piece) { bytes += piece.size(); }});
  TestDriver driver(guest, *device);
  driver.Start().value();
  const GuestBuffer buffer = guest.Room(static_cast<uint32_t>(state.range(0)));
  for (auto iteration : state) driver.Transact(1, {&buffer, 1}, {});
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ConsoleOutput)->Arg(80)->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace sealvm

BENCHMARK_MAIN();
