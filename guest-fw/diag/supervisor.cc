// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/supervisor.h"

#include <new>

#include "guest-fw/diag/address_space.h"
#include "guest-fw/diag/console.h"
#include "guest-fw/diag/end.h"
#include "guest-fw/diag/exceptions.h"
#include "guest-fw/diag/identity.h"
#include "guest-fw/diag/tasks.h"

extern "C" {
uint64_t EnterSupervisor(uint64_t (*function)(uint64_t), uint64_t argument);
[[noreturn]] void EnterRing3(void (*function)());
bool ReadMsrOrFault(uint32_t msr, uint64_t* value);
}

namespace sealvm::diag {
namespace {

alignas(Startup) uint8_t startup_storage[sizeof(Startup)];

Startup& MutableStartup() { return *std::launder(reinterpret_cast<Startup*>(startup_storage)); }

}  // namespace

uint64_t CallSupervisor(uint64_t (*function)(uint64_t), uint64_t argument) {
  return CurrentRing() == 0 ? function(argument) : EnterSupervisor(function, argument);
}

CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidResult result;
  InRing0([&] { result = CpuidInRing0(leaf, subleaf); });
  return result;
}

bool TryReadMsr(uint32_t msr, uint64_t* value) {
  bool there = false;
  InRing0([&] { there = ReadMsrOrFault(msr, value); });
  return there;
}

const Startup& GetStartup() { return MutableStartup(); }

extern "C" [[noreturn]] void StartSupervisor(uint64_t zero_page, uint64_t entry_tsc) {
  SetUpDescriptors();
  SetUpConsole();
  auto& startup = *new (startup_storage) Startup;
  startup.entry_tsc = entry_tsc;
  const PhysicalMemory memory(0, UINT64_MAX);
  if (!startup.boot.Load(memory, zero_page) || startup.boot.ranges().empty()) {
    Fail("the zero page holds no memory map");
  }
  startup.sev = ReadSevFace();
  if (!startup.sev.plausible()) {
    Fail("CPUID puts the C-bit where it cannot be");
  }
  MapImage(startup.sev.c_mask());
  EnterRing3(RunTask);
}

}  // namespace sealvm::diag
