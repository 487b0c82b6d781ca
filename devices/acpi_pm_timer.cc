// SPDX-License-Identifier: Apache-2.0
#include "devices/acpi_pm_timer.h"

#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr uint64_t kHertz = 3579545;
constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr uint32_t kCounterMask = 0xffffff;

uint32_t Ticks(std::chrono::nanoseconds elapsed) {
  const auto ns = static_cast<uint64_t>(elapsed.count());
  // Apart, so that the product does not wrap after some hours.
  const uint64_t seconds = ns / kNanosecondsPerSecond;
  const uint64_t rest = ns % kNanosecondsPerSecond;
  return (seconds * kHertz + rest * kHertz / kNanosecondsPerSecond) & kCounterMask;
}

}  // namespace

AcpiPmTimer::AcpiPmTimer()
    : AcpiPmTimer([] { return std::chrono::steady_clock::now().time_since_epoch(); }) {}

AcpiPmTimer::AcpiPmTimer(Clock clock) : clock_(std::move(clock)), start_(clock_()) {}

void AcpiPmTimer::Read(uint64_t offset, std::span<uint8_t> data) {
  StoreLeAny(data, uint64_t{Ticks(clock_() - start_)} >> (8 * offset));
}

}  // namespace sealvm
