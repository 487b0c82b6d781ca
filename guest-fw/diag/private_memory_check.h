// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_PRIVATE_MEMORY_CHECK_H_
#define SEALVM_GUEST_FW_DIAG_PRIVATE_MEMORY_CHECK_H_

#include <stdint.h>

#include <string_view>

#include "guest-fw/diag/conversion.h"

namespace sealvm::diag {

// A piece of RAM under both of its names. Nothing else uses it.
struct AliasedRange {
  uintptr_t private_base = 0;
  uintptr_t shared_base = 0;
  uint64_t gpa = 0;   // page aligned
  uint64_t size = 0;  // bytes, whole pages, at least kMinCheckedSize
};

// Room for a page with neighbours.
inline constexpr uint64_t kMinCheckedSize = 4 * kConversionPage;

// What went wrong at which guest physical address, and the two values that tell: words of memory,
// or results of a hypercall.
struct PrivateMemoryFault {
  std::string_view what;  // empty while nothing did
  uint64_t address = 0;
  int64_t expected = 0;
  int64_t found = 0;
  bool is_result = false;
};

// Tests what a sealed guest relies on in a range of its memory. The range is private before and
// after. Each test returns false at the first fault, which fault() then tells.
class PrivateMemoryCheck {
 public:
  explicit PrivateMemoryCheck(const AliasedRange& range) : range_(range) {}

  // Both halves keep what is written to them, and neither shows it to the other.
  bool CheckSeparation();
  // Conversions do what they say, and leave nothing of the half that they end. One that asks for
  // what already is changes nothing: kernels make such ones at their start for all RAM.
  bool CheckConversions(const Converter& convert);
  // Hostile requests fail and change nothing.
  bool CheckRefusals(const Converter& convert, const HostileConversions& hostile);

  const PrivateMemoryFault& fault() const { return fault_; }
  // Conversions made and requests refused so far.
  uint64_t conversions() const { return conversions_; }
  uint64_t refusals() const { return refusals_; }

 private:
  enum class Half { kPrivate, kShared };
  // Pages of the range.
  struct Pages {
    uint64_t first;
    uint64_t count;
  };

  Pages all() const { return {0, range_.size / kConversionPage}; }
  volatile uint64_t* Word(Half half, uint64_t offset) const;
  // `filling` makes one content differ from another.
  bool Fill(Half half, Pages pages, uint64_t filling) const;
  bool Expect(Half half, Pages pages, uint64_t filling, std::string_view what);
  bool Convert(const Converter& convert, Pages pages, uint64_t attributes);
  bool CheckWholeRange(const Converter& convert);
  bool CheckOnePage(const Converter& convert);

  AliasedRange range_;
  PrivateMemoryFault fault_;
  uint64_t conversions_ = 0;
  uint64_t refusals_ = 0;
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_PRIVATE_MEMORY_CHECK_H_
