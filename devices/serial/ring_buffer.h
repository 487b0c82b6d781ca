// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_SERIAL_RING_BUFFER_H_
#define SEALVM_DEVICES_SERIAL_RING_BUFFER_H_

#include <stddef.h>

#include <array>

namespace sealvm {

// A queue of at most kCapacity small values, in place. Not thread-safe.
template <typename T, size_t kCapacity>
class RingBuffer {
 public:
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }
  size_t size() const { return size_; }
  static constexpr size_t capacity() { return kCapacity; }

  // The i-th oldest value; `i` < size().
  const T& operator[](size_t i) const { return values_[(first_ + i) % kCapacity]; }
  T& operator[](size_t i) { return values_[(first_ + i) % kCapacity]; }
  T& front() { return (*this)[0]; }

  // False, and nothing done, when full.
  bool Push(const T& value) {
    if (full()) return false;
    ++size_;
    (*this)[size_ - 1] = value;
    return true;
  }

  // Takes the oldest value; not empty().
  T Pop() {
    const T value = values_[first_];
    first_ = (first_ + 1) % kCapacity;
    --size_;
    return value;
  }

  void Clear() { first_ = size_ = 0; }

 private:
  std::array<T, kCapacity> values_{};
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_SERIAL_RING_BUFFER_H_
