// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/exceptions.h"

#include <stdint.h>

#include <string_view>

#include "guest-fw/diag/console.h"
#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/end.h"
#include "guest-fw/diag/layout.h"
#include "guest-fw/diag/text_buffer.h"

namespace sealvm::diag {
namespace {

// Segment descriptors: AMD64 APM vol. 2 section 4.8.
constexpr uint64_t kKernelCode = 0x00af'9b00'0000'ffff;
constexpr uint64_t kKernelData = 0x00cf'9300'0000'ffff;
constexpr uint64_t kUserData = 0x00cf'f300'0000'ffff;
constexpr uint64_t kUserCode = 0x00af'fb00'0000'ffff;
constexpr uint64_t kAvailableTss = uint64_t{0x89} << 40;

// Task state segment: section 12.2.5.
struct [[gnu::packed]] TaskState {
  uint32_t reserved0;
  uint64_t rsp[3];
  uint64_t reserved1;
  uint64_t ist[7];
  uint64_t reserved2;
  uint16_t reserved3;
  uint16_t io_map_base;
};
static_assert(sizeof(TaskState) == 104);

// Interrupt gate: section 4.8.4.
struct Gate {
  uint16_t offset_low;
  uint16_t selector;
  uint8_t ist;
  uint8_t attributes;
  uint16_t offset_middle;
  uint32_t offset_high;
  uint32_t reserved;
};
static_assert(sizeof(Gate) == 16);
constexpr uint8_t kPresentInterruptGate = 0x8e;
constexpr uint64_t kStubSize = 16;

struct [[gnu::packed]] DescriptorPointer {
  uint16_t limit;
  uint64_t base;
};

alignas(16) uint64_t gdt[8] = {0, 0, kKernelCode, kKernelData, kUserData, kUserCode, 0, 0};
alignas(16) Gate idt[EXCEPTION_COUNT];
alignas(16) TaskState task_state;

// What the stubs push, lowest address first.
struct ExceptionFrame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector, error_code;
  uint64_t rip, cs, rflags, rsp, ss;
};

enum Vector : uint8_t {
  kInvalidOpcode = 6,
  kDoubleFault = 8,
  kGeneralProtection = 13,
  kPageFault = 14,
};

constexpr std::string_view kExceptionNames[] = {
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound range",
    "invalid opcode",
    "no FPU",
    "double fault",
    "FPU segment",
    "invalid TSS",
    "segment not present",
    "stack segment",
    "general protection",
    "page fault",
    "vector 15",
    "x87 error",
    "alignment check",
    "machine check",
    "SIMD error",
    "virtualization",
    "control protection",
};

std::string_view ExceptionName(uint64_t vector) {
  return vector < std::size(kExceptionNames) ? kExceptionNames[vector] : "reserved";
}

[[noreturn]] void ReportException(const ExceptionFrame& frame) {
  char storage[200];
  TextBuffer line(storage);
  line.Text("\nFAILED: exception ")
      .Decimal(frame.vector)
      .Text(" (")
      .Text(ExceptionName(frame.vector))
      .Text(") in ring ")
      .Decimal(frame.cs & 3)
      .Text(", error code ")
      .Hex(frame.error_code)
      .Text(", RIP ")
      .Hex(frame.rip)
      .Text(", RSP ")
      .Hex(frame.rsp);
  if (frame.vector == kPageFault) {
    line.Text(", CR2 ").Hex(ReadCr2());
  }
  WriteConsole(line.Char('\n').view());
  EndByPanic();
}

}  // namespace

extern "C" {

extern const uint8_t exception_stubs[];
extern uint8_t supervisor_stack_top[];
extern uint8_t fault_stack_top[];
extern const uint8_t EnterSupervisorGate[];
extern const uint8_t ReadMsrInstruction[];
extern const uint8_t ReadMsrFault[];
void LoadDescriptorTables(const DescriptorPointer* gdt, const DescriptorPointer* idt);

void HandleException(ExceptionFrame* frame) {
  if (frame->vector == kInvalidOpcode &&
      frame->rip == reinterpret_cast<uint64_t>(EnterSupervisorGate)) {
    const auto function = reinterpret_cast<uint64_t (*)(uint64_t)>(frame->rdi);
    frame->rax = function(frame->rsi);
    frame->rip += 2;  // over UD2
    return;
  }
  if (frame->vector == kGeneralProtection &&
      frame->rip == reinterpret_cast<uint64_t>(ReadMsrInstruction)) {
    frame->rip = reinterpret_cast<uint64_t>(ReadMsrFault);
    return;
  }
  ReportException(*frame);
}

}  // extern "C"

void SetUpDescriptors() {
  const auto tss = reinterpret_cast<uint64_t>(&task_state);
  task_state.rsp[0] = reinterpret_cast<uint64_t>(supervisor_stack_top);
  task_state.ist[0] = reinterpret_cast<uint64_t>(fault_stack_top);
  task_state.io_map_base = sizeof(TaskState);
  gdt[TASK_STATE_SELECTOR / 8] =
      kAvailableTss | (tss & 0xff'ffff) << 16 | (tss >> 24 & 0xff) << 56 | (sizeof(TaskState) - 1);
  gdt[TASK_STATE_SELECTOR / 8 + 1] = tss >> 32;
  for (uint64_t vector = 0; vector < EXCEPTION_COUNT; ++vector) {
    const uint64_t stub = reinterpret_cast<uint64_t>(exception_stubs) + vector * kStubSize;
    idt[vector] = {.offset_low = static_cast<uint16_t>(stub),
                   .selector = KERNEL_CODE_SELECTOR,
                   .ist = static_cast<uint8_t>(vector == kDoubleFault ? 1 : 0),
                   .attributes = kPresentInterruptGate,
                   .offset_middle = static_cast<uint16_t>(stub >> 16),
                   .offset_high = static_cast<uint32_t>(stub >> 32),
                   .reserved = 0};
  }
  const DescriptorPointer gdt_pointer{sizeof(gdt) - 1, reinterpret_cast<uint64_t>(gdt)};
  const DescriptorPointer idt_pointer{sizeof(idt) - 1, reinterpret_cast<uint64_t>(idt)};
  LoadDescriptorTables(&gdt_pointer, &idt_pointer);
}

uint32_t GdtAddress() { return static_cast<uint32_t>(reinterpret_cast<uint64_t>(gdt)); }
uint16_t GdtLimit() { return sizeof(gdt) - 1; }

}  // namespace sealvm::diag
