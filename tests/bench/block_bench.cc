// SPDX-License-Identifier: Apache-2.0
// What a request costs a block device, from the driver's kick to its answer, without a guest: the
// device's own thread, the engine and the host's kernel. The image is in the host's page cache.
//
//   bazel run -c opt //tests/bench:block_bench
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "devices/virtio/block/block_device.h"
#include "devices/virtio/block/testing/block_disk.h"
#include "devices/virtio/block/testing/temp_image.h"
#include "devices/virtio/block/uring_engine.h"
#include "devices/virtio/testing/must.h"

namespace sealvm {
namespace {

constexpr uint64_t kImageBytes = 64 * kMiB;

struct Setup {
  BlockOptions::Engine engine;
  uint32_t type;
  int depth;
  uint32_t bytes;
};

struct Slot {
  GuestBuffer header;
  GuestBuffer data;
  GuestBuffer status;
};

// Keeps `depth` requests of one kind in flight, at one place after the other.
class Load {
 public:
  Load(BlockDisk& disk, const Setup& setup) : disk_(disk), setup_(setup) {
    for (int i = 0; i < setup.depth; ++i) {
      const Slot slot = {disk.guest().Room(sizeof(BlkHeader)),
                         {disk.guest().Allocate(setup.bytes, kPageSize), setup.bytes},
                         disk.guest().Room(1)};
      free_.push_back(slot);
    }
  }

  void Fill() {
    bool added = false;
    for (; !free_.empty(); added = true) {
      Add(free_.back());
      free_.pop_back();
    }
    if (added) disk_.driver().Kick(0);
  }

  // All that is back, at least one.
  int64_t Collect() {
    auto used = disk_.driver().queue(0).TakeUsed();
    if (!used) used = disk_.driver().Wait(0);
    int64_t count = 0;
    for (; used; used = disk_.driver().queue(0).TakeUsed()) {
      MustHold(used->written > 0, "a request failed");
      free_.push_back(slots_[used->token]);
      ++count;
    }
    MustHold(count > 0, "the device failed");
    return count;
  }

  bool idle() const { return free_.size() == static_cast<size_t>(setup_.depth); }

 private:
  void Add(const Slot& slot) {
    const BlkHeader header = {.type = setup_.type, .reserved = 0, .sector = sector_};
    Must(disk_.guest().view()->Write(slot.header.gpa,
                                     {reinterpret_cast<const uint8_t*>(&header), sizeof(header)}));
    sector_ = (sector_ + setup_.bytes / kSectorBytes) % (kImageBytes / kSectorBytes);
    const bool read = setup_.type == kBlkIn;
    const GuestBuffer out[] = {slot.header, slot.data};
    const GuestBuffer in[] = {slot.data, slot.status};
    const auto token = disk_.driver().queue(0).Add(std::span(out).first(read ? 1 : 2),
                                                   std::span(in).last(read ? 2 : 1));
    slots_[token] = slot;
  }

  BlockDisk& disk_;
  const Setup setup_;
  uint64_t sector_ = 0;
  std::vector<Slot> free_;
  std::vector<Slot> slots_ = std::vector<Slot>(kMaxQueueSize);  // by token
};

void RunSetup(benchmark::State& state, const Setup& setup) {
  TempImage image(kImageBytes);
  image.Write(0, std::string(kImageBytes, 'b'));
  if (setup.engine == BlockOptions::Engine::kUring) {
    const auto engine = UringEngine::Create(image.fd(), 8);
    if (!engine) return state.SkipWithError(engine.error().ToString().c_str());
  }
  BlockDisk disk({.block = {.path = image.path(), .engine = setup.engine, .name = "disk"},
                  .ring = {.indirect = true, .event_idx = true}});
  Load load(disk, setup);
  int64_t requests = 0;
  for (auto _ : state) {
    load.Fill();
    requests += load.Collect();
  }
  while (!load.idle()) load.Collect();
  using benchmark::Counter;
  state.SetBytesProcessed(requests * setup.bytes);
  state.counters["requests/s"] = Counter(static_cast<double>(requests), Counter::kIsRate);
  state.counters["s/request"] =
      Counter(static_cast<double>(requests), Counter::kIsRate | Counter::kInvert);
}

void Register(const Setup& setup) {
  const std::string name =
      std::string(setup.engine == BlockOptions::Engine::kUring ? "io_uring" : "threads") +
      (setup.type == kBlkIn ? "/read" : "/write") + "/bytes:" + std::to_string(setup.bytes) +
      "/depth:" + std::to_string(setup.depth);
  benchmark::RegisterBenchmark(name.c_str(), [setup](benchmark::State& state) {
    RunSetup(state, setup);
  })->UseRealTime();
}

void RegisterAll() {
  for (const auto engine : {BlockOptions::Engine::kUring, BlockOptions::Engine::kThreads}) {
    for (const uint32_t type : {kBlkIn, kBlkOut}) {
      for (const int depth : {1, 32}) Register({engine, type, depth, 4096});
      Register({engine, type, 8, 128 * 1024});
    }
  }
}

}  // namespace
}  // namespace sealvm

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  sealvm::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
