// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_GUEST_BUFFER_H_
#define SEALVM_MEMORY_GUEST_BUFFER_H_

#include <stdint.h>

#include "memory/guest_layout.h"

namespace sealvm {

// A piece of the guest's memory that the guest named. Nothing says that it is RAM or shared.
struct GuestBuffer {
  Gpa gpa = 0;
  uint32_t length = 0;  // bytes

  friend bool operator==(const GuestBuffer&, const GuestBuffer&) = default;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_GUEST_BUFFER_H_
