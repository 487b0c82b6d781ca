// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/convert_task.h"

#include <algorithm>
#include <string_view>

#include "devices/platform_addresses.h"
#include "guest-fw/diag/console.h"
#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/end.h"
#include "guest-fw/diag/hypercall.h"
#include "guest-fw/diag/identity.h"
#include "guest-fw/diag/private_memory.h"
#include "guest-fw/diag/supervisor.h"
#include "guest-fw/diag/text_buffer.h"

namespace sealvm::diag {
namespace {

// Boot marks (devices/debug_port.h): from the range that is free, behind the one for user space.
constexpr uint8_t kMarkPrivateFilled = 0x81;
constexpr uint8_t kMarkShared = 0x82;
constexpr uint8_t kMarkSharedFilled = 0x83;
constexpr uint8_t kMarkPrivate = 0x84;

constexpr uint64_t kStormSize = uint64_t{2} << 20;

AliasedRange TakeRange(const Hypercalls& hypercalls, uint64_t bytes) {
  const Startup& startup = GetStartup();
  if (!startup.sev.active() || !hypercalls.convert_memory()) {
    Fail("the host takes no conversions");
  }
  const auto span = FreeRam(startup).Lowest(bytes);
  if (!span) {
    Fail("there is not as much free RAM together");
  }
  return AliasesOf(*span);
}

void Convert(const Hypercalls& hypercalls, const AliasedRange& range, uint64_t attributes) {
  if (hypercalls.Convert({range.gpa, range.size / kConversionPage, attributes}) != 0) {
    Fail("the host refused a conversion");
  }
}

void Fill(uintptr_t base, uint64_t size) {
  for (uint64_t offset = 0; offset < size; offset += sizeof(uint64_t)) {
    *reinterpret_cast<volatile uint64_t*>(base + offset) = ~offset;
  }
}

bool IsZero(uintptr_t base, uint64_t size) {
  for (uint64_t offset = 0; offset < size; offset += sizeof(uint64_t)) {
    if (*reinterpret_cast<volatile uint64_t*>(base + offset) != 0) {
      return false;
    }
  }
  return true;
}

void MarkAndWait(uint8_t mark, uint64_t bytes, std::string_view step) {
  InRing0([mark] { Out8(kDebugPort, mark); });
  char text[80];
  WriteConsole(TextBuffer(text).Text("convert: ").Size(bytes).Text(step).Char('\n').view());
  char input[1];
  ReadLine(input);
}

}  // namespace

void ConvertStepByStep(uint64_t bytes) {
  const Hypercalls hypercalls;
  const AliasedRange range = TakeRange(hypercalls, bytes);
  Fill(range.private_base, bytes);
  MarkAndWait(kMarkPrivateFilled, bytes, " of private memory filled");
  Convert(hypercalls, range, kToShared);
  MarkAndWait(kMarkShared, bytes, " converted to shared");
  Fill(range.shared_base, bytes);
  MarkAndWait(kMarkSharedFilled, bytes, " of shared memory filled");
  Convert(hypercalls, range, kToPrivate);
  MarkAndWait(kMarkPrivate, bytes, " converted to private");
  if (!IsZero(range.private_base, bytes)) {
    Fail("old content in memory that became private");
  }
  WriteConsole("convert: done\n");
}

void StormConversions(uint32_t count) {
  const Hypercalls hypercalls;
  const AliasedRange range = TakeRange(hypercalls, kStormSize);
  const ConversionRequest hostile = {range.gpa | GetStartup().sev.c_mask(), 1, kToShared};
  uint64_t ticks = 0;
  uint64_t wrong = 0;
  InRing0([&] {
    const uint64_t before = ReadTsc();
    for (uint32_t i = 0; i < count; ++i) {
      const ConversionRequest request = {range.gpa, range.size / kConversionPage,
                                         i % 2 == 0 ? kToShared : kToPrivate};
      wrong += hypercalls.Convert(request) != 0 ? 1 : 0;
      wrong += hypercalls.Convert(hostile) != kHypercallInvalid ? 1 : 0;
    }
    ticks = ReadTsc() - before;
  });
  if (wrong != 0) {
    Fail("a conversion had another result than it must have");
  }
  char text[120];
  TextBuffer line(text);
  line.Text("conversion-storm: ").Decimal(count).Text(" conversions of ").Size(kStormSize);
  const uint64_t pair = std::max<uint64_t>(ticks / count, 1);
  line.Text(" and as many refusals, ").Decimal(pair).Text(" TSC ticks a pair");
  if (const uint64_t hertz = TscHertz(); hertz != 0) {
    line.Text(", ").Decimal(hertz / pair).Text(" pairs a second");
  }
  WriteConsole(line.Char('\n').view());
}

}  // namespace sealvm::diag
