// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_SPEED_PROBE_IMAGE_H_
#define SEALVM_GUEST_FW_SPEED_PROBE_IMAGE_H_

#include <stdint.h>

#include <span>

#include "guest-fw/speed_probe_layout.h"

namespace sealvm {

// A few bytes of 64-bit guest code by which the host measures how fast KVM runs guest kernel code.
//
// Entry state: long mode at CPL 0, interrupts off, RIP at the first byte wherever that was copied
// (the code is position independent and uses neither stack nor memory), RCX = iterations, at
// least 1.
//
// What it does: writes the byte kSpeedProbeStarted to I/O port kSpeedProbePort, executes RCX times
// kSpeedProbeLoopInstructions instructions (DEC, JNZ), writes kSpeedProbeFinished to the same port,
// and halts for good. Each write is one KVM_EXIT_IO; KVM_RUN goes on behind it. The time from the
// KVM_RUN after the first exit to the second exit is that of RCX * kSpeedProbeLoopInstructions + 2
// instructions and one exit.
inline constexpr uint16_t kSpeedProbePort = SPEED_PROBE_PORT;
inline constexpr uint8_t kSpeedProbeStarted = SPEED_PROBE_STARTED;
inline constexpr uint8_t kSpeedProbeFinished = SPEED_PROBE_FINISHED;
inline constexpr uint64_t kSpeedProbeLoopInstructions = SPEED_PROBE_LOOP_INSTRUCTIONS;

// The code. The bytes live as long as the program. Thread-safe.
std::span<const uint8_t> SpeedProbeImage();

}  // namespace sealvm

#endif  // SEALVM_GUEST_FW_SPEED_PROBE_IMAGE_H_
