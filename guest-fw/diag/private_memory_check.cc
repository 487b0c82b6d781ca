// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/private_memory_check.h"

namespace sealvm::diag {
namespace {

constexpr uint64_t kPage = kConversionPage;
constexpr uint64_t kWord = sizeof(uint64_t);

// Fillings. Smaller than a word, so that no two words of any filling share a value.
constexpr uint64_t kZeroes = 0;
constexpr uint64_t kFirst = 1;
constexpr uint64_t kSecond = 2;
constexpr uint64_t kThird = 3;

// Multiplication by an odd number maps the 64-bit values one to one.
uint64_t Content(uint64_t gpa, uint64_t filling) {
  return filling == kZeroes ? 0 : (gpa + filling) * 0x9e37'79b9'7f4a'7c15;
}

constexpr std::string_view kPrivateLost = "private memory lost its content";
constexpr std::string_view kSharedLost = "the shared alias lost its content";
constexpr std::string_view kPrivateStale = "old content in memory that became private";
constexpr std::string_view kSharedStale = "old content in memory that became shared";

}  // namespace

volatile uint64_t* PrivateMemoryCheck::Word(Half half, uint64_t offset) const {
  const uintptr_t base = half == Half::kPrivate ? range_.private_base : range_.shared_base;
  return reinterpret_cast<volatile uint64_t*>(base + offset);
}

bool PrivateMemoryCheck::Fill(Half half, Pages pages, uint64_t filling) const {
  const uint64_t end = (pages.first + pages.count) * kPage;
  for (uint64_t offset = pages.first * kPage; offset < end; offset += kWord) {
    *Word(half, offset) = Content(range_.gpa + offset, filling);
  }
  return true;
}

bool PrivateMemoryCheck::Expect(Half half, Pages pages, uint64_t filling, std::string_view what) {
  const uint64_t end = (pages.first + pages.count) * kPage;
  for (uint64_t offset = pages.first * kPage; offset < end; offset += kWord) {
    const uint64_t gpa = range_.gpa + offset;
    const uint64_t found = *Word(half, offset);
    if (found != Content(gpa, filling)) {
      fault_ = {what, gpa, static_cast<int64_t>(Content(gpa, filling)), static_cast<int64_t>(found),
                false};
      return false;
    }
  }
  return true;
}

bool PrivateMemoryCheck::Convert(const Converter& convert, Pages pages, uint64_t attributes) {
  const ConversionRequest request = {range_.gpa + pages.first * kPage, pages.count, attributes};
  const int64_t result = convert(request);
  if (result != 0) {
    fault_ = {attributes == kToShared ? "conversion to shared" : "conversion to private",
              request.gpa, 0, result, true};
    return false;
  }
  ++conversions_;
  return true;
}

bool PrivateMemoryCheck::CheckSeparation() {
  constexpr std::string_view kShows = "one half of memory shows in the other";
  return Fill(Half::kPrivate, all(), kFirst) &&
         Expect(Half::kPrivate, all(), kFirst, kPrivateLost) &&
         Fill(Half::kShared, all(), kSecond) &&
         Expect(Half::kShared, all(), kSecond, kSharedLost) &&
         Expect(Half::kPrivate, all(), kFirst, kShows) && Fill(Half::kPrivate, all(), kThird) &&
         Expect(Half::kShared, all(), kSecond, kShows);
}

bool PrivateMemoryCheck::CheckConversions(const Converter& convert) {
  return CheckWholeRange(convert) && CheckOnePage(convert);
}

bool PrivateMemoryCheck::CheckWholeRange(const Converter& convert) {
  return Fill(Half::kPrivate, all(), kFirst) && Convert(convert, all(), kToPrivate) &&
         Expect(Half::kPrivate, all(), kFirst, kPrivateLost) &&
         Convert(convert, all(), kToShared) && Fill(Half::kShared, all(), kSecond) &&
         Convert(convert, all(), kToShared) && Expect(Half::kShared, all(), kSecond, kSharedLost) &&
         Convert(convert, all(), kToPrivate) &&
         Expect(Half::kPrivate, all(), kZeroes, kPrivateStale) &&
         Fill(Half::kPrivate, all(), kThird) && Convert(convert, all(), kToShared) &&
         Expect(Half::kShared, all(), kZeroes, kSharedStale) &&
         Convert(convert, all(), kToPrivate) &&
         Expect(Half::kPrivate, all(), kZeroes, kPrivateStale);
}

// Its neighbours stay as they are.
bool PrivateMemoryCheck::CheckOnePage(const Converter& convert) {
  const uint64_t middle = all().count / 2;
  const Pages one = {middle, 1};
  const Pages before = {0, middle};
  const Pages behind = {middle + 1, all().count - middle - 1};
  return Fill(Half::kPrivate, all(), kFirst) && Convert(convert, one, kToShared) &&
         Fill(Half::kShared, one, kSecond) &&
         Expect(Half::kPrivate, before, kFirst, kPrivateLost) &&
         Expect(Half::kPrivate, behind, kFirst, kPrivateLost) &&
         Convert(convert, one, kToPrivate) && Expect(Half::kPrivate, one, kZeroes, kPrivateStale) &&
         Expect(Half::kPrivate, before, kFirst, kPrivateLost) &&
         Expect(Half::kPrivate, behind, kFirst, kPrivateLost);
}

bool PrivateMemoryCheck::CheckRefusals(const Converter& convert,
                                       const HostileConversions& hostile) {
  Fill(Half::kPrivate, all(), kFirst);
  for (const HostileConversions::Entry& entry : hostile.entries()) {
    const int64_t result = convert(entry.request);
    if (result != kHypercallInvalid) {
      fault_ = {entry.name, entry.request.gpa, kHypercallInvalid, result, true};
      return false;
    }
    ++refusals_;
  }
  return Expect(Half::kPrivate, all(), kFirst, kPrivateLost);
}

}  // namespace sealvm::diag
