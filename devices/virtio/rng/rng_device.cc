// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/rng/rng_device.h"

#include <string.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "devices/virtio/chain_io.h"

namespace sealvm {
namespace {

constexpr std::array<uint16_t, 1> kQueueSizes = {256};

}  // namespace

Result<std::shared_ptr<RngDevice>> RngDevice::Create() {
  return std::shared_ptr<RngDevice>(new RngDevice());
}

RngDevice::~RngDevice() { Reset(); }

std::span<const uint16_t> RngDevice::QueueSizes() const { return kQueueSizes; }

void RngDevice::ReadConfig(uint64_t, std::span<uint8_t> out) { std::ranges::fill(out, 0); }

bool RngDevice::OnKick(RunningQueue& queue) {
  bool more = true;
  for (int i = 0; i < kRequestsPerTurn; ++i) {
    more = queue.Pop(chain_);
    if (!more) break;
    Answer(queue);
  }
  queue.Interrupt();
  return more;
}

void RngDevice::Answer(RunningQueue& queue) {
  const auto wanted =
      static_cast<uint32_t>(std::min<uint64_t>(chain_.writable_bytes(), kMaxRequestBytes));
  const uint32_t written = Fill(*queue.memory(), wanted);
  DeviceCounters::Add(counters().requests);
  DeviceCounters::Add(counters().bytes_read, written);
  if (written < wanted) DeviceCounters::Add(counters().errors);
  queue.Push(chain_, written);
}

uint32_t RngDevice::Fill(SharedView& memory, uint32_t length) {
  ChainCursor cursor(chain_.writable());
  std::array<uint8_t, 4096> random;
  uint32_t written = 0;
  while (written < length) {
    const size_t piece = std::min<size_t>(length - written, random.size());
    const ssize_t got = getrandom(random.data(), piece, 0);
    if (got <= 0) break;
    if (!cursor.Write(memory, std::span(random).first(static_cast<size_t>(got)))) {
      DeviceCounters::Add(counters().refused_ranges);
      break;
    }
    written += static_cast<uint32_t>(got);
  }
  // The guest's keys may be made of these.
  explicit_bzero(random.data(), random.size());
  return written;
}

}  // namespace sealvm
