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
  const Window windows[] = {{kExitDevicePort, kExitDeviceLength}, {kPvpanicPort, kPvpanicLength},
                            {kI8042CommandPort, kI8042PortLength}, {kPort92, kPort92Length},
                            {kResetControlPort, 1},                {acpi.sleep_control().address, 2},
                            {reset, reset != 0 ? 1u : 0u}};
  for (const Window& window : windows) {
    if (window.Touches(port, width)) {
      return true;
    }
  }
  return false;
}

void Access(uint16_t port, uint32_t width, uint32_t value) {
  switch (width) {
    case 1:
      Out8(port, static_cast<uint8_t>(value));
      In8(port);
      break;
    case 2:
      Out16(port, static_cast<uint16_t>(value));
      In16(port);
      break;
    default:
      Out32(port, value);
      In32(port);
      break;
  }
}

}  // namespace

void WriteGarbage(GarbagePorts ports, const AcpiInfo& acpi) {
  Random random;
  uint64_t accesses = 0;
  for (uint32_t port = 0; port < kPortCount; ++port) {
    uint32_t widths = 0;
    for (const uint32_t width : {1u, 2u, 4u}) {
      if (port + width <= kPortCount &&
          (ports == GarbagePorts::kAll || !EndsTheRun(acpi, port, width))) {
        widths |= width;
        accesses += 2;
      }
    }
    const uint32_t value = random.Next();
    InRing0([=] {
      for (const uint32_t width : {1u, 2u, 4u}) {
        if ((widths & width) != 0) {
          Access(static_cast<uint16_t>(port), width, value);
        }
      }
    });
  }
  SetUpConsole();
  char storage[80];
  WriteConsole(
      TextBuffer(storage).Text("\ngarbage: ").Decimal(accesses).Text(" accesses survived\n").view());
}

}  // namespace sealvm::diag
