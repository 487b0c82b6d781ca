// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_CONVERT_TASK_H_
#define SEALVM_GUEST_FW_DIAG_CONVERT_TASK_H_

#include <stdint.h>

namespace sealvm::diag {

// What tests of the host watch from outside. Both end the run as failed when the host takes no
// conversions or there is no free RAM for them. Ring 3.

// Fills `bytes` of private memory, converts them to shared with one hypercall, fills them, converts
// them back with one, and looks that they are zero. After each of the four steps it writes a boot
// mark, prints a line and waits for a line of input. `bytes` is in whole pages.
void ConvertStepByStep(uint64_t bytes);

// Converts the same 2 MiB `count` times, to and fro, and makes as many requests that are to be
// refused; prints how long it took.
void StormConversions(uint32_t count);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_CONVERT_TASK_H_
