// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_CONVERSION_H_
#define SEALVM_GUEST_FW_DIAG_CONVERSION_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>

#include "guest-fw/diag/boot_info.h"

namespace sealvm::diag {

// The arguments of KVM's hypercall 12, KVM_HC_MAP_GPA_RANGE (Linux
// Documentation/virt/kvm/x86/hypercalls.rst): what a guest asks for when it shares memory.
struct ConversionRequest {
  uint64_t gpa = 0;  // without the C-bit
  uint64_t pages = 0;
  uint64_t attributes = 0;

  friend bool operator==(const ConversionRequest&, const ConversionRequest&) = default;
};

inline constexpr uint64_t kConversionPage = 4096;  // what `pages` counts
inline constexpr uint64_t kToPrivate = 1 << 4;
inline constexpr uint64_t kToShared = 0;

// What hypercalls return when they fail (<linux/kvm_para.h>).
inline constexpr int64_t kHypercallNotPermitted = -1;
inline constexpr int64_t kHypercallInvalid = -22;
inline constexpr int64_t kHypercallUnknown = -1000;

// How conversions are made: `convert` returns what the hypercall does.
struct Converter {
  int64_t (*convert)(void* context, const ConversionRequest& request) = nullptr;
  void* context = nullptr;

  int64_t operator()(const ConversionRequest& request) const { return convert(context, request); }
};

// Requests that a host has to refuse with kHypercallInvalid and without an effect.
class HostileConversions {
 public:
  struct Entry {
    std::string_view name;
    ConversionRequest request;
  };

  // `ranges` is the memory map, `free_page` a page of private memory that the guest does not use.
  HostileConversions(std::span<const MemoryRange> ranges, uint64_t free_page, uint64_t c_mask);

  std::span<const Entry> entries() const { return {entries_, count_}; }

 private:
  static constexpr size_t kMaxEntries = 32;

  // To shared and to private.
  void Add(std::string_view name, uint64_t gpa, uint64_t pages);

  Entry entries_[2 * kMaxEntries];
  size_t count_ = 0;
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_CONVERSION_H_
