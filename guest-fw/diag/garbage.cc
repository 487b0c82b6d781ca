// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/garbage.h"

#include <stdint.h>

#include "devices/platform_addresses.h"
#include "guest-fw/diag/console.h"
#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/supervisor.h"
#include "guest-fw/diag/text_buffer.h"

namespace sealvm::diag {
namespace {

constexpr uint32_t kPortCount = 0x10000;
constexpr uint32_t kWidths[] = {1, 2, 4};
// Reset Control Register of PC chipsets: bit 2 resets.
constexpr uint16_t kResetControlPort = 0xcf9;

// Marsaglia's xorshift64 ("Xorshift RNGs", Journal of Statistical Software 8/14).
class Random {
 public:
  uint32_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>(state_ >> 32);
  }

 private:
  uint64_t state_ = 0x5ea1'5ea1'5ea1'5ea1;
};

struct Window {
  uint64_t base;
  uint64_t length;

  bool Touches(uint32_t port, uint32_t width) const {
    return port < base + length && base < port + width;
  }
};

bool EndsTheRun(const AcpiInfo& acpi, uint32_t port, uint32_t width) {
  const uint64_t reset = acpi.reset().space == AcpiRegister::Space::kIo ? acpi.reset().address : 0;
  const Window windows[] = {{kExitDevicePort, kExitDeviceLength},
                            {kPvpanicPort, kPvpanicLength},
                            {kI8042CommandPort, kI8042PortLength},
                            {kPort92, kPort92Length},
                            {kResetControlPort, 1},
                            {acpi.sleep_control().address, 2},
                            {reset, reset != 0 ? 1u : 0u}};
  for (const Window& window : windows) {
    if (window.Touches(port, width)) {
      return true;
    }
  }
  return false;
}

// Ports that one visit of ring 0 covers; what to do there is worked out in ring 3.
struct Batch {
  static constexpr uint32_t kSize = 256;

  uint32_t first = 0;
  uint8_t widths[kSize];  // a bit for each width, with the width's own value
  uint32_t values[kSize];
};
static_assert(kPortCount % Batch::kSize == 0);

uint8_t AllowedWidths(GarbagePorts ports, const AcpiInfo& acpi, uint32_t port) {
  uint8_t widths = 0;
  for (const uint32_t width : kWidths) {
    if (port + width <= kPortCount &&
        (ports == GarbagePorts::kAll || !EndsTheRun(acpi, port, width))) {
      widths = static_cast<uint8_t>(widths | width);
    }
  }
  return widths;
}

// Without __builtin_popcount, which calls libgcc.
uint64_t CountWidths(uint8_t widths) {
  uint64_t count = 0;
  for (const uint32_t width : kWidths) {
    count += (widths & width) != 0 ? 1 : 0;
  }
  return count;
}

void AccessPort(uint16_t port, uint8_t widths, uint32_t value) {
  if ((widths & 1) != 0) {
    Out8(port, static_cast<uint8_t>(value));
    In8(port);
  }
  if ((widths & 2) != 0) {
    Out16(port, static_cast<uint16_t>(value));
    In16(port);
  }
  if ((widths & 4) != 0) {
    Out32(port, value);
    In32(port);
  }
}

}  // namespace

void WriteGarbage(GarbagePorts ports, const AcpiInfo& acpi) {
  Random random;
  uint64_t accesses = 0;
  Batch batch;
  for (batch.first = 0; batch.first < kPortCount; batch.first += Batch::kSize) {
    for (uint32_t i = 0; i < Batch::kSize; ++i) {
      batch.widths[i] = AllowedWidths(ports, acpi, batch.first + i);
      batch.values[i] = random.Next();
      accesses += 2 * CountWidths(batch.widths[i]);
    }
    InRing0([&] {
      for (uint32_t i = 0; i < Batch::kSize; ++i) {
        AccessPort(static_cast<uint16_t>(batch.first + i), batch.widths[i], batch.values[i]);
      }
    });
  }
  SetUpConsole();
  char storage[80];
  WriteConsole(TextBuffer(storage)
                   .Text("\ngarbage: ")
                   .Decimal(accesses)
                   .Text(" accesses survived\n")
                   .view());
}

}  // namespace sealvm::diag
