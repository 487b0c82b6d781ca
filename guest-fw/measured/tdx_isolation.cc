// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/tdx_isolation.h"

#include <algorithm>

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

constexpr Range kWindow = {.base = SHARED_BASE, .size = SHARED_END - SHARED_BASE};

// Leaves of TDCALL and status (Intel TDX module 1.5 ABI reference).
constexpr uint64_t kVpVmcall = 0;
constexpr uint64_t kVpInfo = 1;
constexpr uint64_t kMemPageAccept = 6;
constexpr uint64_t kAcceptLarge = 1;
constexpr uint32_t kPageAlreadyAccepted = 0x00000b0a;
constexpr uint32_t kPageSizeMismatch = 0xc0000b0b;
constexpr uint64_t kWidthMask = 0x3f;

// TDG.VP.VMCALL (Intel TDX Guest-Hypervisor Communication Interface 1.5): R10 is 0 for these calls
// and the status after them; RCX says which registers the hypervisor sees.
constexpr uint64_t kInstructionIo = 30;
constexpr uint64_t kMapGpa = 0x10001;
constexpr uint64_t kReportFatalError = 0x10003;
constexpr uint64_t kSuccess = 0;
constexpr uint64_t kRetry = 1;
constexpr uint64_t kExposeR10ToR15 = 0xfc00;
// RDX, RBX, RSI, RDI, R8, R9: more text of a fatal error.
constexpr uint64_t kExposeText = 0x3cc;
constexpr uint64_t kIoWrite = 1;

// A hypervisor that says "later" has to get on.
constexpr unsigned kMaxRetries = 1 << 20;

}  // namespace

TdxIsolation::TdxIsolation(Cpu& cpu, const GuestMemory& memory, unsigned address_width)
    : cpu_(cpu),
      memory_(memory),
      address_width_(address_width),
      shared_bit_(uint64_t{1} << ((address_width - 1) & 63)),
      page_tables_(memory, 0, shared_bit_) {}

Failure TdxIsolation::Start() {
  TdcallRegisters info = {.rax = kVpInfo};
  cpu_.Tdcall(info);
  if (info.rax != 0) return Failure::kTdCall;
  const uint64_t width = info.rcx & kWidthMask;
  if (width != address_width_ || (width != 48 && width != 52)) return Failure::kAddressWidth;
  // Memory that was added without being measured holds what the host put there.
  memory_.Zero(MAILBOX_PAGE, kSmallPage);
  cpu_.OpenApGate();
  SEALVM_FW_TRY(MapGpa(kWindow, true));
  page_tables_.SetShared(kWindow, true);
  cpu_.FlushTlb();
  return Failure::kNone;
}

Failure TdxIsolation::Vmcall(TdcallRegisters& registers) {
  registers.rax = kVpVmcall;
  registers.rcx |= kExposeR10ToR15;
  registers.r10 = 0;
  cpu_.Tdcall(registers);
  return registers.rax == 0 ? Failure::kNone : Failure::kTdCall;
}

Failure TdxIsolation::PortIo(uint16_t port, unsigned width, bool write, uint32_t* value) {
  TdcallRegisters registers = {.r11 = kInstructionIo,
                               .r12 = width,
                               .r13 = write ? kIoWrite : 0,
                               .r14 = port,
                               .r15 = write ? *value : 0};
  SEALVM_FW_TRY(Vmcall(registers));
  if (registers.r10 != kSuccess) return Failure::kHypervisorAnswer;
  if (!write) *value = static_cast<uint32_t>(registers.r11 & ((uint64_t{1} << 8 * width) - 1));
  return Failure::kNone;
}

Failure TdxIsolation::Out(uint16_t port, unsigned width, uint32_t value) {
  return PortIo(port, width, true, &value);
}

Failure TdxIsolation::In(uint16_t port, unsigned width, uint32_t* value) {
  return PortIo(port, width, false, value);
}

// The leaves that the firmware asks for are the module's to answer.
CpuidResult TdxIsolation::Cpuid(uint32_t leaf, uint32_t subleaf) {
  return cpu_.Cpuid(leaf, subleaf);
}

Failure TdxIsolation::MapGpa(const Range& range, bool shared) {
  const uint64_t bit = shared ? shared_bit_ : 0;
  Range left = range;
  for (unsigned i = 0; i < kMaxRetries; ++i) {
    TdcallRegisters registers = {.r11 = kMapGpa, .r12 = left.base | bit, .r13 = left.size};
    SEALVM_FW_TRY(Vmcall(registers));
    if (registers.r10 == kSuccess) return Failure::kNone;
    if (registers.r10 != kRetry) return Failure::kMapGpa;
    // R11 is where to go on.
    const uint64_t next = registers.r11 & ~shared_bit_;
    if (next < left.base || next >= left.end() || next % kSmallPage != 0) return Failure::kMapGpa;
    left = {.base = next, .size = left.end() - next};
  }
  return Failure::kMapGpa;
}

uint32_t TdxIsolation::AcceptOne(uint64_t gpa, bool large) {
  TdcallRegisters registers = {.rax = kMemPageAccept, .rcx = gpa | (large ? kAcceptLarge : 0)};
  cpu_.Tdcall(registers);
  return static_cast<uint32_t>(registers.rax >> 32);
}

Failure TdxIsolation::Accept(const Range& range) {
  for (uint64_t gpa = range.base; gpa < range.end();) {
    bool large = gpa % kLargePage == 0 && range.end() - gpa >= kLargePage;
    uint32_t status = AcceptOne(gpa, large);
    if (large && status == kPageSizeMismatch) {
      large = false;
      status = AcceptOne(gpa, large);
    }
    if (status == kPageAlreadyAccepted) return Failure::kAlreadyAccepted;
    if (status != 0) return Failure::kAccept;
    gpa += large ? kLargePage : kSmallPage;
  }
  return Failure::kNone;
}

Failure TdxIsolation::CloseWindow() {
  SEALVM_FW_TRY(MapGpa(kWindow, false));
  page_tables_.SetShared(kWindow, false);
  cpu_.FlushTlb();
  return Accept(kWindow);
}

void TdxIsolation::Terminate(Failure failure) {
  // The text lies in registers, in this order; R12 has a code of the guest's own in bits 62:32
  // (Intel TDX Guest-Hypervisor Communication Interface 1.5, section 3.4).
  uint64_t text[8] = {};
  const char* reason = FailureText(failure);
  memcpy(text, reason, std::min(strlen(reason), sizeof(text)));
  TdcallRegisters registers = {.rcx = kExposeText,
                               .rdx = text[7],
                               .rbx = text[2],
                               .rsi = text[4],
                               .rdi = text[3],
                               .r8 = text[5],
                               .r9 = text[6],
                               .r11 = kReportFatalError,
                               .r12 = static_cast<uint64_t>(failure) << 32,
                               .r14 = text[0],
                               .r15 = text[1]};
  // It does not return, unless the hypervisor wants to see the guest halt.
  (void)Vmcall(registers);
  cpu_.Halt();
}

}  // namespace sealvm::measured
