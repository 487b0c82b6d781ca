// SPDX-License-Identifier: Apache-2.0
// From entry.S to the kernel, or to the guest's end.

#include <stdint.h>

#include "guest-fw/measured/boot.h"
#include "guest-fw/measured/console.h"
#include "guest-fw/measured/hardware_cpu.h"
#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/no_isolation.h"
#include "guest-fw/measured/snp_isolation.h"
#include "guest-fw/measured/tdx_isolation.h"

extern "C" {
[[gnu::visibility("hidden")]] extern const uint8_t kernel_hashes[];
[[noreturn]] void SealvmEnterKernel(uint64_t entry, uint64_t boot_params);
// What abstract classes have in place of a function.
void __cxa_pure_virtual() { __builtin_trap(); }
}

namespace sealvm::measured {
namespace {

// What a page table entry without an isolation's bit can hold (AMD APM vol. 2 section 5.1), and
// SNP's addresses end below the C-bit.
constexpr uint64_t kRamEnd = uint64_t{1} << SNP_C_BIT;

[[noreturn]] void Run(const BootInputs& inputs, HardwareCpu& cpu, Isolation& isolation) {
  uint64_t entry = 0;
  const Failure failure = Boot(inputs, cpu, isolation, GuestMemory(), &entry);
  if (failure == Failure::kNone) SealvmEnterKernel(entry, BOOT_PARAMS);
  PrintFailure(isolation, failure);
  isolation.Terminate(failure);
  cpu.Halt();
}

}  // namespace

extern "C" [[noreturn]] void SealvmMeasuredMain(uint32_t kind, uint32_t address_width) {
  HardwareCpu cpu;
  const GuestMemory memory;
  if (kind == KIND_SNP) {
    SnpIsolation isolation(cpu, memory);
    Run({.kind = IsolationKind::kSnp, .ram_end = kRamEnd, .image_hashes = kernel_hashes}, cpu,
        isolation);
  }
  if (kind == KIND_TDX) {
    TdxIsolation isolation(cpu, memory, address_width);
    Run({.kind = IsolationKind::kTdx,
         .ram_end = uint64_t{1} << ((address_width - 1) & 63),
         .image_hashes = kernel_hashes},
        cpu, isolation);
  }
  NoIsolation isolation(cpu);
  Run({.kind = IsolationKind::kNone, .ram_end = kRamEnd, .image_hashes = kernel_hashes}, cpu,
      isolation);
}

}  // namespace sealvm::measured
