// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_PHYSICAL_MEMORY_H_
#define SEALVM_GUEST_FW_DIAG_PHYSICAL_MEMORY_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace sealvm::diag {

// Guest physical memory from 0 to `size` bytes as the running program sees it: in the guest mapped
// at address 0, in the host's tests an array. Checked: nothing outside is touched.
class PhysicalMemory {
 public:
  PhysicalMemory(uintptr_t base, uint64_t size) : base_(base), size_(size) {}

  // Null when the range is not wholly inside.
  uint8_t* At(uint64_t address, uint64_t length) const {
    if (address > size_ || length > size_ - address) {
      return nullptr;
    }
    return reinterpret_cast<uint8_t*>(base_ + address);
  }

  // The value at `address`, little endian; 0 when outside.
  template <typename T>
  T Read(uint64_t address) const {
    T value{};
    if (const uint8_t* p = At(address, sizeof(T))) {
      memcpy(&value, p, sizeof(T));
    }
    return value;
  }

 private:
  uintptr_t base_;
  uint64_t size_;
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_PHYSICAL_MEMORY_H_
