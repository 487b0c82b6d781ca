// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/queue_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzQueue(false, {data, size});
  return 0;
}
