// SPDX-License-Identifier: Apache-2.0
// What a frame costs the network device without a guest: from the driver's rings through the
// device's thread to a peer that does nothing, or to a socket, and back. Items are frames.
//
//   bazel run -c opt //tests/bench:net_bench
#include <benchmark/benchmark.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "devices/virtio/net/net_testing.h"
#include "devices/virtio/net/stream_peer.h"

namespace sealvm {
namespace {

constexpr int kBatch = 64;
constexpr uint16_t kQueueSize = 256;

// Takes all, and gives as many frames of one length as it is asked for, without touching them.
class IdlePeer : public NetPeer {
 public:
  explicit IdlePeer(size_t frame_bytes)
      : frame_bytes_(frame_bytes),
        frames_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE)) {}

  void Give(uint64_t frames) {
    left_ += frames;
    eventfd_write(frames_.get(), 1);
  }

  int fd() const override { return frames_.get(); }
  bool offloads() const override { return true; }
  bool receives_directly() const override { return true; }
  Received Receive(std::span<const iovec>) override {
    if (left_ == 0) {
      eventfd_t value = 0;
      eventfd_read(frames_.get(), &value);
      if (left_ == 0) return {};
    }
    --left_;
    const size_t bytes = sizeof(NetHeader) + frame_bytes_;
    return {.outcome = Outcome::kDone, .bytes = bytes, .direct = bytes, .rest = {}};
  }
  Outcome Send(const NetHeader&, std::span<const iovec>) override { return Outcome::kDone; }
  std::string gone_reason() override { return ""; }

 private:
  const size_t frame_bytes_;
  const Fd frames_;
  std::atomic<uint64_t> left_ = 0;
};

// A device on one peer, with its driver.
class Setup {
 public:
  explicit Setup(std::unique_ptr<NetPeer> peer, bool packed) {
    std::vector<std::unique_ptr<NetPeer>> peers;
    peers.push_back(std::move(peer));
    device_ = NetDevice::CreateOn({}, std::move(peers));
    driver_ = std::make_unique<TestDriver>(guest_, *device_, DriverQueue::Options{.packed = packed},
                                           ~uint64_t{0}, kQueueSize);
    if (!driver_->Start()) abort();
    driver_->queue(0).WantInterrupts(false);
    driver_->queue(1).WantInterrupts(false);
  }

  TestGuest& guest() { return guest_; }
  void Add(uint16_t queue, GuestBuffer buffer, bool device_writes) {
    const std::array buffers = {buffer};
    const std::span<const GuestBuffer> none;
    driver_->queue(queue).Add(device_writes ? none : buffers, device_writes ? buffers : none);
  }
  void Kick(uint16_t queue) { driver_->Kick(queue); }
  void Await(uint16_t queue, int count) {
    while (count > 0) {
      if (driver_->queue(queue).TakeUsed()) {
        --count;
      } else {
        std::this_thread::yield();  // a machine may have one CPU for us two
      }
    }
  }

 private:
  TestGuest guest_;
  std::shared_ptr<NetDevice> device_;
  std::unique_ptr<TestDriver> driver_;
};

void Transmit(benchmark::State& state, Setup& setup, const std::function<void()>& after) {
  const size_t bytes = static_cast<size_t>(state.range(0));
  const GuestBuffer packet = setup.guest().Place(Join({}, MakeFrame(bytes)));
  for (auto _ : state) {
    for (int i = 0; i < kBatch; ++i) setup.Add(1, packet, false);
    setup.Kick(1);
    setup.Await(1, kBatch);
    after();
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}

void BM_TransmitToNobody(benchmark::State& state) {
  Setup setup(std::make_unique<IdlePeer>(0), state.range(1) != 0);
  Transmit(state, setup, [] {});
}
BENCHMARK(BM_TransmitToNobody)
    ->ArgsProduct({{60, 1514}, {0, 1}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void BM_TransmitToStream(benchmark::State& state) {
  auto [host, theirs] = MakeSockets(SOCK_STREAM);
  Setup setup(std::make_unique<StreamPeer>(std::move(theirs)), state.range(1) != 0);
  Bytes sink(256 * 1024);
  Transmit(state, setup, [&] {
    while (recv(host.get(), sink.data(), sink.size(), 0) > 0) {
    }
  });
}
BENCHMARK(BM_TransmitToStream)
    ->ArgsProduct({{60, 1514}, {0}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void BM_ReceiveFromNobody(benchmark::State& state) {
  const size_t bytes = static_cast<size_t>(state.range(0));
  auto peer = std::make_unique<IdlePeer>(bytes);
  IdlePeer& frames = *peer;
  Setup setup(std::move(peer), state.range(1) != 0);
  const GuestBuffer room = setup.guest().Room(2048);
  for (auto _ : state) {
    for (int i = 0; i < kBatch; ++i) setup.Add(0, room, true);
    frames.Give(kBatch);
    setup.Kick(0);
    setup.Await(0, kBatch);
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(BM_ReceiveFromNobody)
    ->ArgsProduct({{60, 1514}, {0, 1}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void BM_ReceiveFromStream(benchmark::State& state) {
  const size_t bytes = static_cast<size_t>(state.range(0));
  auto [host, theirs] = MakeSockets(SOCK_STREAM);
  Setup setup(std::make_unique<StreamPeer>(std::move(theirs)), false);
  const GuestBuffer room = setup.guest().Room(2048);
  Bytes stream;
  for (int i = 0; i < kBatch; ++i) {
    stream.insert(stream.end(),
                  {0, 0, static_cast<uint8_t>(bytes >> 8), static_cast<uint8_t>(bytes)});
    stream.resize(stream.size() + bytes);
  }
  for (auto _ : state) {
    for (int i = 0; i < kBatch; ++i) setup.Add(0, room, true);
    if (send(host.get(), stream.data(), stream.size(), 0) < 0) abort();
    setup.Kick(0);
    setup.Await(0, kBatch);
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(BM_ReceiveFromStream)->Arg(60)->Arg(1514)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace sealvm

BENCHMARK_MAIN();
