// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/no_isolation.h"

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {

Failure NoIsolation::Start() { return Failure::kNone; }

Failure NoIsolation::Out(uint16_t port, unsigned width, uint32_t value) {
  cpu_.Out(port, width, value);
  return Failure::kNone;
}

Failure NoIsolation::In(uint16_t port, unsigned width, uint32_t* value) {
  *value = cpu_.In(port, width);
  return Failure::kNone;
}

CpuidResult NoIsolation::Cpuid(uint32_t leaf, uint32_t subleaf) {
  return cpu_.Cpuid(leaf, subleaf);
}

Failure NoIsolation::Accept(const Range&) { return Failure::kNone; }

Failure NoIsolation::CloseWindow() { return Failure::kNone; }

void NoIsolation::Terminate(Failure) {
  cpu_.Out(PVPANIC_PORT, 1, PVPANIC_PANICKED);
  cpu_.Halt();
}

}  // namespace sealvm::measured
