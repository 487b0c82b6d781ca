// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_FUZZ_FUZZ_INPUT_H_
#define SEALVM_TESTS_FUZZ_FUZZ_INPUT_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <span>

// Stops a fuzz target whose invariant does not hold; unlike assert, in every build.
#define SEALVM_FUZZ_CHECK(condition)                                                 \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                       \
    }                                                                                \
  } while (false)

namespace sealvm {

// Takes a fuzzer's bytes apart into decisions. Past the end everything is zero.
class FuzzInput {
 public:
  explicit FuzzInput(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }

  uint8_t TakeByte() {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }

  uint64_t TakeNumber(size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | TakeByte();
    return value;
  }

  // At most `size` bytes.
  std::span<const uint8_t> TakeBytes(size_t size) {
    const auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace sealvm

#endif  // SEALVM_TESTS_FUZZ_FUZZ_INPUT_H_
