// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/report.h"

#include "guest-fw/diag/address_space.h"
#include "guest-fw/diag/console.h"
#include "guest-fw/diag/end.h"
#include "guest-fw/diag/identity.h"
#include "guest-fw/diag/memory_check.h"
#include "guest-fw/diag/private_memory.h"
#include "guest-fw/diag/report_line.h"
#include "guest-fw/diag/smp.h"
#include "guest-fw/diag/supervisor.h"
#include "guest-fw/diag/text_buffer.h"

namespace sealvm::diag {
namespace {

void PrintBanner(std::string_view version) {
  char storage[100];
  TextBuffer banner(storage);
  banner.Text("\nsealvm ");
  if (!version.empty()) {
    banner.Text(version).Char(' ');
  }
  WriteConsole(banner.Text("diagnostic guest\n\n").view());
}

bool IsSealed(Privacy ram) { return ram == Privacy::kPrivate || ram == Privacy::kMixed; }

// SEV without its extensions is also the face that a sealed guest is shown; trying tells which.
// False when there is a C-bit that does nothing.
bool PrintPlainSev(const SevFace& sev, Privacy ram) {
  if (IsSealed(ram)) {
    Line("Isolation")->Text("sealed: SEV's face without its hardware, C-bit ").Decimal(sev.c_bit);
    Line("")->Text("as this guest finds it: no statement about hardware");
  } else if (ram == Privacy::kEncrypted) {
    Line("Isolation")->Text("AMD SEV, C-bit ").Decimal(sev.c_bit);
  } else {
    Line("Isolation")->Text("FAILED: SEV's face, but no effect of C-bit ").Decimal(sev.c_bit);
    return false;
  }
  return true;
}

bool PrintIsolation(const SevFace& sev, Privacy ram) {
  if (IsTdx()) {
    Line("Isolation")->Text("Intel TDX");
  } else if (!sev.active()) {
    Line("Isolation")->Text("none that a guest can see (no SEV, no TDX)");
  } else if (sev.es() || sev.snp()) {
    Line("Isolation")->Text(sev.snp() ? "AMD SEV-SNP" : "AMD SEV-ES");
  } else {
    return PrintPlainSev(sev, ram);
  }
  return true;
}

void PrintIdentity() {
  char hypervisor[16];
  char processor[64];
  Line("Hypervisor")->Text(HypervisorText(hypervisor));
  Line("Processor")->Text(ProcessorText(processor));
}

void PrintMemoryMap(const Startup& startup) {
  const BootInfo& boot = startup.boot;
  std::string_view label = "Memory map";
  for (const MemoryRange& range : boot.ranges()) {
    Line line(label);
    line->Hex(range.base, 12).Text(" - ").Hex(range.end() - 1, 12).Text("  ");
    line->Padded(RangeTypeName(range.type), 12).Size(range.size);
    if (const Privacy privacy = PrivacyOf(startup, range); privacy != Privacy::kUnknown) {
      line->Text(", ").Text(PrivacyName(privacy));
    }
    label = "";
  }
  Line("Memory")->Size(boot.UsableBytes()).Text(" usable");
}

bool TestAllMemory(const Startup& startup) {
  CheckPlan plan(startup.boot.ranges());
  plan.Exclude(InUseStart(), InUseEnd());
  const uint64_t before = ReadTsc();
  const auto fault = CheckMemory(0, plan.spans());
  const uint64_t ticks = ReadTsc() - before;

  Line line("Memory test");
  if (fault) {
    line->Text("FAILED at ").Hex(fault->address, 12).Text(": wrote ").Hex(fault->expected, 16);
    line->Text(", read ").Hex(fault->found, 16);
    return false;
  }
  line->Size(plan.bytes()).Text(" written and read back");
  AppendSeconds(*line.operator->(), " in ", ticks, " s");
  line->Text(", ").Size(startup.boot.UsableBytes() - plan.bytes()).Text(" in use left out");
  return true;
}

bool TestVcpus(const Startup& startup, const AcpiInfo& acpi) {
  const size_t listed = acpi.apic_ids().size();
  const SmpResult smp = StartOtherVcpus(acpi.apic_ids(), startup.boot.ranges(), PageTableRoot());
  Line line("vCPUs");
  line->Decimal(listed).Text(" listed by ACPI, ").Decimal(smp.answered).Text(" running (");
  line->Text(smp.x2apic ? "x2APIC)" : "xAPIC)");
  if (smp.answered == listed) {
    return true;
  }
  line->Text(" FAILED: ");
  if (!smp.has_trampoline_page) {
    line->Text("no RAM below 640 KiB to start them from");
  } else {
    line->Text("APIC id ").Decimal(smp.first_silent).Text(" does not answer");
  }
  return false;
}

void PrintTime(uint64_t entry_tsc) {
  Line line("Time");
  const uint64_t ticks = ReadTsc() - entry_tsc;
  AppendSeconds(*line.operator->(), "", ticks, " s, ");
  line->Decimal(ticks / 1'000'000).Text(" million TSC ticks");
  line->Text(" since the first instruction");
}

}  // namespace

void ReportAndPowerOff(const Words& words, const AcpiInfo& acpi) {
  const Startup& startup = GetStartup();
  PrintBanner(words.version);
  const Privacy ram = PrivacyOfRam(startup);
  bool good = PrintIsolation(startup.sev, ram);
  PrintIdentity();
  PrintMemoryMap(startup);
  if (words.task == Task::kQuickReport) {
    Line("Memory test")->Text("left out (diag=quick)");
  } else {
    good = TestAllMemory(startup) && good;
  }
  if (IsSealed(ram)) {
    good = TestPrivateMemory(startup) && good;
  }
  good = TestVcpus(startup, acpi) && good;
  PrintTime(startup.entry_tsc);
  WriteConsole(good ? "\nself-test passed\n" : "\nself-test FAILED\n");
  if (good) {
    PowerOff(acpi);
  }
  EndByExitDevice(kExitFailed);
}

}  // namespace sealvm::diag
