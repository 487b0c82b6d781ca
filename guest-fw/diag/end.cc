// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/end.h"

#include "devices/platform_addresses.h"
#include "guest-fw/diag/console.h"
#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/supervisor.h"
#include "guest-fw/diag/text_buffer.h"

extern "C" [[noreturn]] void TripleFault();

namespace sealvm::diag {
namespace {

// SLEEP_CONTROL_REG: ACPI 6.5 section 4.8.3.7.
constexpr unsigned kSleepTypeShift = 2;
constexpr uint8_t kSleepEnable = 1 << 5;
// PM1 control: section 4.8.3.2.1.
constexpr unsigned kPm1SleepTypeShift = 10;
constexpr uint16_t kPm1SleepEnable = 1 << 13;

// 8042: pulse output bit 0, the CPU's reset.
constexpr uint8_t kPulseResetLine = 0xfe;

// pvpanic: the guest panicked (QEMU docs/specs/pvpanic.rst).
constexpr uint8_t kPvpanicPanicked = 1;

// Time for a request that the machine serves on another thread.
void WaitForTheEnd() {
  for (unsigned i = 0; i < 100; ++i) {
    In8(kDebugPort);
  }
}

void WriteSleepControl(const AcpiInfo& acpi) {
  const AcpiRegister& reg = acpi.sleep_control();
  const auto type = acpi.s5_sleep_type();
  const bool memory = reg.space == AcpiRegister::Space::kMemory;
  if (!acpi.hardware_reduced()) {
    Out16(static_cast<uint16_t>(reg.address),
          static_cast<uint16_t>(type << kPm1SleepTypeShift | kPm1SleepEnable));
    return;
  }
  const auto value = static_cast<uint8_t>(type << kSleepTypeShift | kSleepEnable);
  if (memory) {
    *reinterpret_cast<volatile uint8_t*>(reg.address) = value;
  } else {
    Out8(static_cast<uint16_t>(reg.address), value);
  }
}

}  // namespace

void PowerOff(const AcpiInfo& acpi) {
  InRing0([&] {
    WriteSleepControl(acpi);
    WaitForTheEnd();
  });
  WriteConsole("FAILED: the machine ignored ACPI power-off\n");
  EndByExitDevice(kExitStillAlive);
}

void Reset() {
  InRing0([] {
    Out8(kI8042CommandPort, kPulseResetLine);
    WaitForTheEnd();
  });
  WriteConsole("FAILED: the machine ignored a reset\n");
  EndByExitDevice(kExitStillAlive);
}

void EndByExitDevice(uint32_t code) {
  InRing0([code] {
    Out32(kExitDevicePort, code);
    WaitForTheEnd();
  });
  WriteConsole("FAILED: the machine has no exit device\n");
  EndByPanic();
}

void EndByPanic() {
  InRing0([] {
    Out8(kPvpanicPort, kPvpanicPanicked);
    WaitForTheEnd();
  });
  WriteConsole("FAILED: the machine has no pvpanic device\n");
  EndByTripleFault();
}

void EndByTripleFault() {
  InRing0([] { TripleFault(); });
  __builtin_unreachable();
}

void Fail(std::string_view why) {
  WriteConsole("\nFAILED: ");
  WriteConsole(why);
  WriteConsole("\n");
  EndByExitDevice(kExitFailed);
}

}  // namespace sealvm::diag
