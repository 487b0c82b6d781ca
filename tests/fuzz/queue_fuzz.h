// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_FUZZ_QUEUE_FUZZ_H_
#define SEALVM_TESTS_FUZZ_QUEUE_FUZZ_H_

#include <stdint.h>

#include <span>

namespace sealvm {

// A hostile driver at a split or packed virtqueue: the input lays the ring out and is a sequence of
// writes into its memory and of calls of the device.
void FuzzQueue(bool packed, std::span<const uint8_t> bytes);

}  // namespace sealvm

#endif  // SEALVM_TESTS_FUZZ_QUEUE_FUZZ_H_
