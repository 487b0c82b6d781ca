// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/panic_watch.h"

#include <string_view>

namespace sealvm {
namespace {

// What panic() prints first: Linux kernel/panic.c.
constexpr std::string_view kMessage = "Kernel panic - not syncing";
// A line's beginning is enough: level and time stamps before the message are short.
constexpr size_t kMaxLine = 256;

}  // namespace

void PanicWatch::Observe(std::span<const uint8_t> output) {
  for (const uint8_t byte : output) {
    if (byte == '\n') {
      FinishLine();
    } else if (line_.size() < kMaxLine) {
      line_.push_back(static_cast<char>(byte));
    }
  }
}

void PanicWatch::FinishLine() {
  const uint64_t left = lines_left_.load(std::memory_order_relaxed);
  if (line_.find(kMessage) != std::string::npos) {
    lines_left_.store(kMemoryLines, std::memory_order_relaxed);
  } else if (left > 0) {
    lines_left_.store(left - 1, std::memory_order_relaxed);
  }
  line_.clear();
}

}  // namespace sealvm
