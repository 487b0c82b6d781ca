// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_TESTING_MEMORY_H_
#define SEALVM_VMM_ISOLATION_TDX_TESTING_MEMORY_H_

#include <stdint.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <span>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/isolation/tdx/get_quote.h"

namespace sealvm::tdx {

// Shared memory of a guest from kBase on; what lies outside is private.
class TestingQuoteMemory : public QuoteMemory {
 public:
  static constexpr uint64_t kBase = 0x100000;

  explicit TestingQuoteMemory(size_t size) : bytes_(size) {}

  Result<> Read(uint64_t gpa, std::span<uint8_t> out) const override {
    const std::lock_guard lock(mutex_);
    if (!Contains(gpa, out.size())) return HostError("private memory");
    std::ranges::copy(std::span(bytes_).subspan(gpa - kBase, out.size()), out.begin());
    return {};
  }
  Result<> Write(uint64_t gpa, std::span<const uint8_t> bytes) override {
    const std::lock_guard lock(mutex_);
    if (!Contains(gpa, bytes.size())) return HostError("private memory");
    std::ranges::copy(bytes, bytes_.begin() + static_cast<ptrdiff_t>(gpa - kBase));
    return {};
  }

  // The guest takes its memory back.
  void Privatize() {
    const std::lock_guard lock(mutex_);
    private_ = true;
  }

  // Writes a question with a report of `in_length` bytes of 0x5a at `gpa`.
  void Ask(uint64_t gpa, uint32_t in_length = 1024) {
    std::vector<uint8_t> bytes(kQuoteHeaderSize + std::min<uint32_t>(in_length, 2048), 0x5a);
    StoreLeAny(std::span(bytes).first(8), kQuoteBufferVersion);
    StoreLeAny(std::span(bytes).subspan(8, 8), 0);
    StoreLeAny(std::span(bytes).subspan(16, 4), in_length);
    StoreLeAny(std::span(bytes).subspan(20, 4), 0xffffffff);
    static_cast<void>(Write(gpa, bytes));
  }
  void Put64(uint64_t gpa, uint64_t value) {
    std::array<uint8_t, 8> bytes;
    StoreLeAny(bytes, value);
    static_cast<void>(Write(gpa, bytes));
  }

  uint64_t Status(uint64_t gpa) const { return Number(gpa + 8, 8); }
  uint32_t OutLength(uint64_t gpa) const { return static_cast<uint32_t>(Number(gpa + 20, 4)); }
  std::vector<uint8_t> Data(uint64_t gpa) const {
    std::vector<uint8_t> out(OutLength(gpa));
    if (!Read(gpa + kQuoteHeaderSize, out)) out.clear();
    return out;
  }

 private:
  bool Contains(uint64_t gpa, size_t size) const {
    return !private_ && gpa >= kBase && gpa - kBase <= bytes_.size() &&
           size <= bytes_.size() - (gpa - kBase);
  }
  uint64_t Number(uint64_t gpa, size_t size) const {
    std::vector<uint8_t> bytes(size);
    return Read(gpa, bytes) ? LoadLeAny(bytes) : 0;
  }

  mutable std::mutex mutex_;
  std::vector<uint8_t> bytes_;
  bool private_ = false;
};

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_TESTING_MEMORY_H_
