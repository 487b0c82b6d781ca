// SPDX-License-Identifier: Apache-2.0
// What a virtqueue costs the device: taking requests and giving them back, without a guest, a
// transport or anything done with the buffers. The driver's side runs in between and is not timed.
// Times are the thread's CPU time, so that a busy machine disturbs them little.
//
//   bazel run -c opt //tests/bench:virtqueue_bench
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>

#include "devices/virtio/testing/must.h"
#include "devices/virtio/testing/test_driver.h"
#include "devices/virtio/virtqueue.h"

namespace sealvm {
namespace {

constexpr uint16_t kQueueSize = 256;
// Requests between two looks at the clock, and between two of the driver's kicks.
constexpr int kBatch = 64;

struct Setup {
  DriverQueue::Options options;
  uint16_t descriptors;
};

double CpuSeconds() {
  timespec now = {};
  MustHold(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0, "no clock of CPU time");
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// As a device does that is kicked and goes on until there is no more.
void ServeBatch(Virtqueue& ring, DescriptorChain& chain) {
  Must(ring.WantKicks(false));
  do {
    while (Must(ring.Pop(chain))) Must(ring.Push(chain, 1));
  } while (Must(ring.WantKicks(true)));
  benchmark::DoNotOptimize(Must(ring.TakeInterruptWanted()));
}

void RunSetup(benchmark::State& state, const Setup& setup) {
  TestGuest guest;
  DriverQueue driver(guest, kQueueSize, setup.options);
  const auto ring = Must(Virtqueue::Create(driver.features(), driver.layout(), guest.view()));
  std::array<GuestBuffer, 3> buffers;
  std::ranges::generate(buffers, [&] { return guest.Room(kPageSize); });
  // One is read, as a request's header, and the others written.
  const auto used = std::span<const GuestBuffer>(buffers).first(setup.descriptors);
  DescriptorChain chain;
  for (auto _ : state) {
    for (int i = 0; i < kBatch; ++i) driver.Add(used.first(1), used.subspan(1));
    MustHold(driver.TakeKickWanted(), "the device does not want to hear of requests");
    const double start = CpuSeconds();
    ServeBatch(*ring, chain);
    state.SetIterationTime(CpuSeconds() - start);
    for (int i = 0; i < kBatch; ++i) MustHold(driver.TakeUsed().has_value(), "a request is lost");
  }
  using benchmark::Counter;
  const auto requests = static_cast<double>(state.iterations()) * kBatch;
  state.counters["s/request"] = Counter(requests, Counter::kIsRate | Counter::kInvert);
  state.counters["descriptors/s"] = Counter(requests * setup.descriptors, Counter::kIsRate);
}

void Register(const Setup& setup) {
  const DriverQueue::Options& options = setup.options;
  const std::string name = std::string(options.packed ? "packed" : "split") +
                           (options.indirect ? "/indirect" : "/direct") +
                           (options.event_idx ? "/event_idx" : "/flags") +
                           "/descriptors:" + std::to_string(setup.descriptors);
  benchmark::RegisterBenchmark(name.c_str(), [setup](benchmark::State& state) {
    RunSetup(state, setup);
  })->UseManualTime();
}

void RegisterAll() {
  for (const bool packed : {false, true}) {
    for (const bool indirect : {false, true}) {
      for (const bool event_idx : {false, true}) {
        for (const uint16_t descriptors : {1, 3}) {
          Register({{.packed = packed, .indirect = indirect, .event_idx = event_idx}, descriptors});
        }
      }
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
