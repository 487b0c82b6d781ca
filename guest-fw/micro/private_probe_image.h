// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MICRO_PRIVATE_PROBE_IMAGE_H_
#define SEALVM_GUEST_FW_MICRO_PRIVATE_PROBE_IMAGE_H_

#include <stdint.h>

#include <span>

#include "guest-fw/micro/private_probe_layout.h"

namespace sealvm {

// A few bytes of 64-bit guest code by which the host finds out whether guests can live in a kind of
// private memory: capability bits tell that KVM has the memory, not that this KVM and this CPU
// together can run a kernel in it.
//
// Entry state: long mode at CPL 0, interrupts off, an empty interrupt table, RIP at the first byte
// in ordinary memory, RDI = an address that reaches at least one page of private memory, R9 = what
// CR3 holds.
//
// What it does: before each step it writes the step's number to I/O port kPrivateProbePort, so the
// last number seen names the step that failed. It stores to private memory and loads from it,
// copies the rest of itself there and goes on in it: CPUID, RDMSR, moves to and from control
// registers, HLT. The HLT after PrivateProbeStep::kHalt is the success. A value that reads back
// wrong gives kPrivateProbeWrongValue and HLT.
enum class PrivateProbeStep : uint8_t {
  kStore = PRIVATE_PROBE_STORE,
  kLoad = PRIVATE_PROBE_LOAD,
  kExecute = PRIVATE_PROBE_EXECUTE,
  kCpuid = PRIVATE_PROBE_CPUID,
  kMsr = PRIVATE_PROBE_MSR,
  kControlRegister = PRIVATE_PROBE_CONTROL_REGISTER,
  kHalt = PRIVATE_PROBE_HALT,
};
inline constexpr uint16_t kPrivateProbePort = PRIVATE_PROBE_PORT;
inline constexpr uint8_t kPrivateProbeWrongValue = PRIVATE_PROBE_WRONG_VALUE;

// The code. The bytes live as long as the program. Thread-safe.
std::span<const uint8_t> PrivateProbeImage();

}  // namespace sealvm

#endif  // SEALVM_GUEST_FW_MICRO_PRIVATE_PROBE_IMAGE_H_
