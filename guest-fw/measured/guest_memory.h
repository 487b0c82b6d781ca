// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_GUEST_MEMORY_H_
#define SEALVM_GUEST_FW_MEASURED_GUEST_MEMORY_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace sealvm::measured {

inline constexpr uint64_t kSmallPage = 4096;
inline constexpr uint64_t kLargePage = 2 << 20;
inline constexpr uint64_t kOneMiB = 1 << 20;
inline constexpr uint64_t kOneGiB = 1 << 30;
inline constexpr uint64_t kFourGiB = uint64_t{4} << 30;

// A piece of guest physical memory.
struct Range {
  uint64_t base = 0;
  uint64_t size = 0;  // bytes

  uint64_t end() const { return base + size; }
  friend bool operator==(const Range&, const Range&) = default;
};

// Memory below 4 GiB by guest physical address. In the firmware it is identity mapped; tests put it
// elsewhere. Callers have checked their addresses.
class GuestMemory {
 public:
  // Where address 0 is.
  explicit GuestMemory(uintptr_t origin = 0) : origin_(origin) {}

  uint8_t* At(uint64_t address) const { return reinterpret_cast<uint8_t*>(origin_ + address); }

  template <typename T>
  T Load(uint64_t address) const {
    T value;
    memcpy(&value, At(address), sizeof(value));
    return value;
  }
  template <typename T>
  void Store(uint64_t address, T value) const {
    memcpy(At(address), &value, sizeof(value));
  }
  void Zero(uint64_t address, uint64_t size) const { memset(At(address), 0, size); }

  // Of memory that the host may change at any time: one access, now.
  template <typename T>
  T LoadShared(uint64_t address) const {
    return *reinterpret_cast<const volatile T*>(At(address));
  }
  template <typename T>
  void StoreShared(uint64_t address, T value) const {
    *reinterpret_cast<volatile T*>(At(address)) = value;
  }
  // Reads the source once. What is in `to` afterwards has to be read from there.
  void Copy(uint64_t to, uint64_t from, uint64_t size) const {
    memcpy(At(to), At(from), size);
    asm volatile("" ::: "memory");
  }

 private:
  uintptr_t origin_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_GUEST_MEMORY_H_
