// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/tasks.h"

#include <new>

#include "guest-fw/diag/acpi.h"
#include "guest-fw/diag/address_space.h"
#include "guest-fw/diag/console.h"
#include "guest-fw/diag/convert_task.h"
#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/end.h"
#include "guest-fw/diag/garbage.h"
#include "guest-fw/diag/page_tables.h"
#include "guest-fw/diag/report.h"
#include "guest-fw/diag/supervisor.h"
#include "guest-fw/diag/text_buffer.h"
#include "guest-fw/diag/words.h"

namespace sealvm::diag {
namespace {

// Tables above the low 4 GiB are not mapped when they are read.
constexpr uint64_t kAcpiEnd = uint64_t{4} << 30;

alignas(AcpiInfo) uint8_t acpi_storage[sizeof(AcpiInfo)];

const AcpiInfo& LoadAcpi() {
  auto& acpi = *new (acpi_storage) AcpiInfo;
  const std::string_view error = acpi.Load(PhysicalMemory(0, kAcpiEnd), GetStartup().boot.rsdp());
  if (!error.empty()) {
    char storage[100];
    Fail(TextBuffer(storage).Text("ACPI: ").Text(error).view());
  }
  return acpi;
}

[[noreturn]] void Spin() {
  WriteConsole("spinning\n");
  for (;;) {
    Pause();
  }
}

[[noreturn]] void Echo() {
  char storage[256];
  for (;;) {
    const std::string_view line = ReadLine(storage);
    WriteConsole("echo: ");
    WriteConsole(line);
    WriteConsole("\n");
    if (line == "quit") {
      PowerOff(LoadAcpi());
    }
    if (line == "reset") {
      Reset();
    }
  }
}

// Reads where nothing is mapped.
[[noreturn]] void Fault() {
  const uint64_t address = PageTables::kEnd - 8;
  const uint64_t value = *reinterpret_cast<volatile uint64_t*>(address);
  char storage[60];
  Fail(TextBuffer(storage).Text("an unmapped address reads ").Hex(value).view());
}

[[noreturn]] void RefuseWord(std::string_view word) {
  WriteConsole("FAILED: unknown word ");
  WriteConsole(word);
  WriteConsole(
      "; known: diag=quick, spin, echo, panic, triple-fault, fault, exit:N, garbage, "
      "garbage-all, convert:SIZE, conversion-storm:N\n");
  EndByExitDevice(kExitBadWord);
}

}  // namespace

void RunTask() {
  MapAllMemory(GetStartup().boot);
  const Words words = ParseWords(GetStartup().boot.cmdline());
  switch (words.task) {
    case Task::kReport:
    case Task::kQuickReport:
      ReportAndPowerOff(words, LoadAcpi());
    case Task::kSpin:
      Spin();
    case Task::kTripleFault:
      EndByTripleFault();
    case Task::kPanic:
      EndByPanic();
    case Task::kExit:
      EndByExitDevice(words.exit_code);
    case Task::kGarbage:
      WriteGarbage(GarbagePorts::kHarmless, LoadAcpi());
      PowerOff(LoadAcpi());
    case Task::kGarbageAll:
      WriteGarbage(GarbagePorts::kAll, LoadAcpi());
      PowerOff(LoadAcpi());
    case Task::kEcho:
      WriteConsole("echo: ready\n");
      Echo();
    case Task::kFault:
      Fault();
    case Task::kConvert:
      ConvertStepByStep(words.convert_bytes);
      PowerOff(LoadAcpi());
    case Task::kStorm:
      StormConversions(words.storm_count);
      PowerOff(LoadAcpi());
    case Task::kUnknown:
      break;
  }
  RefuseWord(words.unknown);
}

}  // namespace sealvm::diag
