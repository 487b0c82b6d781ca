// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/report.h"

#include <algorithm>

#include "guest-fw/diag/console.h"
#include "guest-fw/diag/end.h"
#include "guest-fw/diag/identity.h"
#include "guest-fw/diag/memory_test.h"
#include "guest-fw/diag/smp.h"
#include "guest-fw/diag/supervisor.h"
#include "guest-fw/diag/text_buffer.h"

extern "C" {
extern const uint8_t image_start[];
extern const uint8_t image_end[];
}

namespace sealvm::diag {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr size_t kLabelWidth = 14;

// A line of the report that prints itself at its end.
class Line {
 public:
  explicit Line(std::string_view label) : text_(storage_) {
    text_.Text("  ").Padded(label, kLabelWidth);
  }
  ~Line() { WriteConsole(text_.Char('\n').view()); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  TextBuffer* operator->() { return &text_; }

 private:
  char storage_[160] = {};
  TextBuffer text_;
};

// TSC ticks as seconds; nothing when the frequency is not known.
void AppendSeconds(TextBuffer& text, std::string_view before, uint64_t ticks, std::string_view after) {
  const uint64_t kilohertz = TscHertz() / 1000;
  if (kilohertz != 0) {
    text.Text(before).Seconds(ticks * 1000 / kilohertz).Text(after);
  }
}

void PrintBanner(std::string_view version) {
  char storage[100];
  TextBuffer banner(storage);
  banner.Text("\nsealvm ");
  if (!version.empty()) {
    banner.Text(version).Char(' ');
  }
  WriteConsole(banner.Text("diagnostic guest\n\n").view());
}

void PrintIdentity() {
  char hypervisor[16];
  char processor[64];
  Line("Isolation")->Text(IsolationText());
  Line("Hypervisor")->Text(HypervisorText(hypervisor));
  Line("Processor")->Text(ProcessorText(processor));
}

void PrintMemoryMap(const BootInfo& boot) {
  std::string_view label = "Memory map";
  for (const MemoryRange& range : boot.ranges()) {
    Line line(label);
    line->Hex(range.base, 12).Text(" - ").Hex(range.end() - 1, 12).Text("  ");
    line->Padded(RangeTypeName(range.type), 12).Size(range.size);
    label = "";
  }
  Line("Memory")->Size(boot.UsableBytes()).Text(" usable");
}

// The largest page-aligned part of the usable range that holds the image, behind the image.
PageSpan RoomBehindImage(const BootInfo& boot) {
  const auto end = reinterpret_cast<uint64_t>(image_end);
  for (const PageSpan& span : TestPlan(boot.ranges()).spans()) {
    if (span.start < end && end < span.end) {
      return {end, span.end};
    }
  }
  return {end, end};
}

// Maps the RAM above 4 GiB, with page tables behind the image. Returns the end of what they use.
uint64_t MapHighMemory(const Startup& startup) {
  const PageSpan room = RoomBehindImage(startup.boot);
  startup.page_tables->UseArea(room.start, room.end);
  for (const MemoryRange& range : startup.boot.ranges()) {
    const uint64_t start = std::max(range.base, 4 * kGiB);
    if (range.is_ram() && start < range.end() &&
        !startup.page_tables->Map(start, range.end() - start, PageTables::Caching::kWriteBack)) {
      Fail("no room for the page tables of the memory above 4 GiB");
    }
  }
  InRing0([&] { WriteCr3(startup.page_tables->root()); });
  return startup.page_tables->area_used_end();
}

bool TestAllMemory(const Startup& startup) {
  const uint64_t in_use_end = MapHighMemory(startup);
  TestPlan plan(startup.boot.ranges());
  plan.Exclude(reinterpret_cast<uint64_t>(image_start), in_use_end);
  const uint64_t before = ReadTsc();
  const auto fault = TestMemory(0, plan.spans());
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
  const SmpResult smp =
      StartOtherVcpus(acpi.apic_ids(), startup.boot.ranges(), startup.page_tables->root());
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

}  // namespace

void ReportAndPowerOff(const Words& words, const AcpiInfo& acpi) {
  const Startup& startup = GetStartup();
  PrintBanner(words.version);
  PrintIdentity();
  PrintMemoryMap(startup.boot);
  bool good = true;
  if (words.task == Task::kQuickReport) {
    Line("Memory test")->Text("left out (diag=quick)");
  } else {
    good = TestAllMemory(startup);
  }
  good = TestVcpus(startup, acpi) && good;
  {
    Line line("Time");
    const uint64_t ticks = ReadTsc() - startup.entry_tsc;
    line->Decimal(ticks / 1000000).Text(" million TSC ticks");
    AppendSeconds(*line.operator->(), ", ", ticks, " s");
    line->Text(" since the first instruction");
  }
  WriteConsole(good ? "\nself-test passed\n" : "\nself-test FAILED\n");
  if (good) {
    PowerOff(acpi);
  }
  EndByExitDevice(kExitFailed);
}

}  // namespace sealvm::diag
