// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_TESTING_MUST_H_
#define SEALVM_DEVICES_VIRTIO_TESTING_MUST_H_

#include <stdio.h>
#include <stdlib.h>

#include <utility>

#include "memory/base/result.h"

namespace sealvm {

// Stops a test whose own machinery fails.
inline void MustHold(bool condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "%s\n", what);
  abort();
}

template <typename T>
T Must(Result<T> result) {
  if (!result) MustHold(false, result.error().ToString().c_str());
  return internal::TakeValue(std::move(result));
}

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_TESTING_MUST_H_
