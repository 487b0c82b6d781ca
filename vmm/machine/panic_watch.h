// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_PANIC_WATCH_H_
#define SEALVM_VMM_MACHINE_PANIC_WATCH_H_

#include <stdint.h>

#include <atomic>
#include <span>
#include <string>

namespace sealvm {

// Tells a reset that ends a Linux panic from one that was asked for. Distribution kernels have the
// pvpanic driver as a module that a small initrd does not load; such a kernel says on its console
// that it panicked and then resets. The watch believes a panic message for kMemoryLines lines, so
// that an old message in a log that somebody prints does not count.
//
// A guest can fool it, about itself alone.
class PanicWatch {
 public:
  // Longer than the register dumps and call traces that follow the message.
  static constexpr uint64_t kMemoryLines = 200;

  // Takes console output in order. One thread at a time.
  void Observe(std::span<const uint8_t> output);
  // Whether the guest's kernel has just said that it panicked. Any thread.
  bool panicked() const { return lines_left_.load(std::memory_order_relaxed) > 0; }

 private:
  void FinishLine();

  std::string line_;
  std::atomic<uint64_t> lines_left_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_PANIC_WATCH_H_
