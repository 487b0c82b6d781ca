// SPDX-License-Identifier: Apache-2.0
// How fast payloads are copied and checked, in user mode on this machine: the loader's own code on
// memory that is mapped already.
#include <benchmark/benchmark.h>
#include <openssl/sha.h>
#include <x86intrin.h>

#include <memory>
#include <vector>

#include "guest-fw/loader/cpu.h"
#include "guest-fw/loader/payload_copier.h"

namespace sealvm::loader {
namespace {

constexpr size_t kSize = 32 << 20;  // a kernel and an initrd; more than most caches hold

class TwoBuffers {
 public:
  TwoBuffers() : from_(kSize, 0x5a), to_(kSize, 1) {}
  void Copy(uint64_t to, uint64_t from, size_t size) {
    memory_.Copy(Address(to_) + to, Address(from_) + from, size);
  }
  const uint8_t* Read(uint64_t address, size_t) const { return to_.data() + address; }
  const std::vector<uint8_t>& from() const { return from_; }

 private:
  static uint64_t Address(const std::vector<uint8_t>& v) {
    return reinterpret_cast<uint64_t>(v.data());
  }
  IdentityMemory memory_;
  std::vector<uint8_t> from_, to_;
};

void CopyAndCheck(benchmark::State& state, Sha256Engine engine) {
  if (engine == Sha256Engine::kShaNi && !CpuHasShaNi()) {
    state.SkipWithError("this CPU has no SHA extensions");
    return;
  }
  TwoBuffers memory;
  auto manifest = std::make_unique<Manifest>();
  manifest->payload_count = 1;
  manifest->payloads[0].length = kSize;
  SHA256(memory.from().data(), kSize, manifest->payloads[0].sha256.data());
  uint64_t cycles = 0;
  for (auto _ : state) {
    const uint64_t start = __rdtsc();
    const bool ok = CopyPayloads(memory, *manifest, engine).ok();
    cycles += __rdtsc() - start;
    if (!ok) state.SkipWithError("the digest differs");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSize));
  state.counters["tsc_cycles_per_byte"] =
      static_cast<double>(cycles) / (static_cast<double>(state.iterations()) * kSize);
}

BENCHMARK_CAPTURE(CopyAndCheck, sha_ni, Sha256Engine::kShaNi)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(CopyAndCheck, scalar, Sha256Engine::kScalar)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sealvm::loader

BENCHMARK_MAIN();
