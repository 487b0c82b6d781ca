// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_DEBUG_PORT_H_
#define SEALVM_DEVICES_DEBUG_PORT_H_

#include <stdint.h>

#include <array>
#include <atomic>
#include <string_view>

#include "devices/byte_register_device.h"
#include "devices/guest_request.h"

namespace sealvm {

// Boot marks: bytes that a guest writes to kDebugPort to say how far it has come. The ranges are
// cloud-hypervisor's (its docs/debug-port.md): 0x00-0x1f firmware, 0x20-0x3f boot loader, 0x40-0x5f
// kernel, 0x60-0x7f user space, 0x80-0xff free for others. Two marks have a meaning of their own
// here.
//
// The first instruction of guest-fw.
inline constexpr uint8_t kBootMarkFirstInstruction = 0x01;
// The first process of the guest runs: the machine's event "booted". In the free range, so that no
// guest instrumented for cloud-hypervisor writes it by chance.
inline constexpr uint8_t kBootMarkUserspace = 0x80;

// "firmware", "bootloader", "kernel", "userspace" or "custom".
std::string_view BootMarkStage(uint8_t mark);

// One byte at kDebugPort. The first write of each value asks `sink` for kBootMark; later ones are
// only counted, so a guest that floods the port causes at most 256 requests and cannot hide a mark
// that it has not made yet. (Old kernels write arbitrary bytes to port 0x80 to pass time.) Reads
// all ones. Thread-safe.
class DebugPort : public ByteRegisterDevice {
 public:
  // `sink` must outlive the device.
  explicit DebugPort(GuestRequestSink& sink) : sink_(sink) {}

  std::string_view Name() const override { return "debug-port"; }

  // Writes so far, repeated ones included.
  uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }

 protected:
  uint8_t ReadRegister(uint64_t offset) override;
  void WriteRegister(uint64_t offset, uint8_t value) override;

 private:
  GuestRequestSink& sink_;
  std::array<std::atomic<bool>, 256> seen_{};
  std::atomic<uint64_t> writes_{0};
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_DEBUG_PORT_H_
