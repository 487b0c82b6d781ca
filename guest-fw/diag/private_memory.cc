// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/private_memory.h"

#include <algorithm>
#include <optional>
#include <span>

#include "guest-fw/diag/address_space.h"
#include "guest-fw/diag/alias_probe.h"
#include "guest-fw/diag/hypercall.h"
#include "guest-fw/diag/report_line.h"

namespace sealvm::diag {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMiB = uint64_t{1} << 20;
// What is tested of one range. The second is for the smallest guests.
constexpr uint64_t kRangeSizes[] = {2 * kMiB, kMiB / 16};
constexpr uint64_t kNoSuchHypercall = 0xffff;

// With SEV-SNP the hardware stops a guest that touches the shared alias of a private page.
bool CanProbe(const SevFace& sev) { return sev.active() && !sev.es() && !sev.snp(); }

Privacy PrivacyOfPage(uint64_t page) {
  switch (ProbeAlias(page, SharedAlias(page))) {
    case AliasKind::kSame:
      return Privacy::kShared;
    case AliasKind::kSeparate:
      return Privacy::kPrivate;
    case AliasKind::kScrambled:
      break;
  }
  return Privacy::kEncrypted;
}

void AppendSigned(TextBuffer& text, int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  if (value < 0) {
    text.Char('-');
  }
  text.Decimal(value < 0 ? uint64_t{0} - bits : bits);
}

void PrintFault(const PrivateMemoryFault& fault) {
  Line line("Private memory");
  line->Text("  self-test FAILED: ").Text(fault.what).Text(" at ").Hex(fault.address);
  if (fault.is_result) {
    line->Text(": the hypercall returned ");
    AppendSigned(*line.operator->(), fault.found);
    line->Text(", not ");
    AppendSigned(*line.operator->(), fault.expected);
  } else {
    line->Text(": found ").Hex(static_cast<uint64_t>(fault.found), 16);
    line->Text(", not ").Hex(static_cast<uint64_t>(fault.expected), 16);
  }
}

// One range at each end of RAM, or only one when they would overlap.
struct TestedRanges {
  PageSpan spans[2];
  size_t count = 0;

  explicit TestedRanges(const CheckPlan& free) {
    for (const uint64_t size : kRangeSizes) {
      const auto lowest = free.Lowest(size);
      if (lowest && count == 0) {
        const PageSpan highest = *free.Highest(size);
        spans[0] = *lowest;
        spans[1] = highest;
        count = highest.start >= lowest->end ? 2 : 1;
      }
    }
  }
};

// Hypercalls that KVM itself refuses.
std::optional<PrivateMemoryFault> TestForbiddenHypercalls(const Hypercalls& hypercalls,
                                                          uint64_t gpa) {
  const ConversionRequest request = {gpa, 1, kToPrivate};
  const int64_t from_ring3 = hypercalls.Call(kHypercallMapGpaRange, request);
  if (from_ring3 != kHypercallNotPermitted) {
    return PrivateMemoryFault{"a conversion from ring 3", gpa, kHypercallNotPermitted, from_ring3,
                              true};
  }
  int64_t unknown = 0;
  InRing0([&] { unknown = hypercalls.Call(kNoSuchHypercall, request); });
  if (unknown != kHypercallUnknown) {
    return PrivateMemoryFault{"an unknown hypercall", gpa, kHypercallUnknown, unknown, true};
  }
  return std::nullopt;
}

// Adds up what was done.
struct Totals {
  uint64_t bytes = 0;
  uint64_t conversions = 0;
  uint64_t refusals = 0;

  void Add(const PageSpan& span, const PrivateMemoryCheck& check) {
    bytes += span.size();
    conversions += check.conversions();
    refusals += check.refusals();
  }
};

void PrintTotals(const Totals& totals) {
  Line line("Private memory");
  line->Text("  self-test passed: ").Size(totals.bytes).Text(" read/write, ");
  if (totals.conversions == 0) {
    line->Text("the host takes no conversions");
    return;
  }
  line->Decimal(totals.conversions).Text(" conversions, ");
  line->Decimal(totals.refusals).Text(" hostile requests refused");
}

}  // namespace

Privacy PrivacyOf(const Startup& startup, const MemoryRange& range) {
  const uint64_t first = (range.base + kPage - 1) & ~(kPage - 1);
  const uint64_t end = range.end() & ~(kPage - 1);
  if (!CanProbe(startup.sev) || !range.is_ram() || first >= end) {
    return Privacy::kUnknown;
  }
  const Privacy privacy = PrivacyOfPage(first);
  return PrivacyOfPage(end - kPage) == privacy ? privacy : Privacy::kMixed;
}

Privacy PrivacyOfRam(const Startup& startup) {
  Privacy privacy = Privacy::kUnknown;
  for (const MemoryRange& range : startup.boot.ranges()) {
    privacy = std::max(privacy, PrivacyOf(startup, range));
  }
  return privacy;
}

std::string_view PrivacyName(Privacy privacy) {
  switch (privacy) {
    case Privacy::kShared:
      return "shared";
    case Privacy::kPrivate:
      return "private";
    case Privacy::kMixed:
      return "private in part";
    case Privacy::kEncrypted:
      return "encrypted";
    case Privacy::kUnknown:
      break;
  }
  return "unknown";
}

CheckPlan FreeRam(const Startup& startup) {
  CheckPlan plan(startup.boot.ranges());
  plan.Exclude(InUseStart(), InUseEnd());
  plan.Exclude(0, kMiB);
  return plan;
}

AliasedRange AliasesOf(const PageSpan& span) {
  return {.private_base = span.start,
          .shared_base = SharedAlias(span.start),
          .gpa = span.start,
          .size = span.size()};
}

bool TestPrivateMemory(const Startup& startup) {
  const TestedRanges tested(FreeRam(startup));
  if (tested.count == 0) {
    Line("Private memory")->Text("  not tested: no free RAM");
    return true;
  }
  Hypercalls hypercalls;
  const Converter convert = hypercalls.converter();
  Totals totals;
  for (const PageSpan& span : std::span(tested.spans, tested.count)) {
    PrivateMemoryCheck check(AliasesOf(span));
    const HostileConversions hostile(startup.boot.ranges(), span.start, startup.sev.c_mask());
    const bool good = check.CheckSeparation() &&
                      (!hypercalls.convert_memory() ||
                       (check.CheckConversions(convert) && check.CheckRefusals(convert, hostile)));
    if (!good) {
      PrintFault(check.fault());
      return false;
    }
    totals.Add(span, check);
  }
  if (hypercalls.convert_memory()) {
    if (const auto fault = TestForbiddenHypercalls(hypercalls, tested.spans[0].start)) {
      PrintFault(*fault);
      return false;
    }
  }
  PrintTotals(totals);
  return true;
}

}  // namespace sealvm::diag
