// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_CPUID_PAGE_H_
#define SEALVM_GUEST_FW_MEASURED_CPUID_PAGE_H_

#include <stdint.h>

#include "guest-fw/measured/cpu.h"
#include "guest-fw/measured/failure.h"

namespace sealvm::measured {

// The CPUID page of an SNP guest (AMD 56860 section 8.14.2.6): what the platform's firmware let the
// hypervisor say. Borrows the page, which is private memory.
class CpuidPage {
 public:
  explicit CpuidPage(const uint8_t* page) : page_(page) {}

  // kCpuidPage unless the number of functions is one that fits, what is reserved is zero, no
  // function comes twice, and the C-bit is where SNP has it: Linux takes it from here. Before the
  // other methods.
  Failure Check() const;
  // Zeros for a function that is not there, as the hardware has for those beyond its range.
  CpuidResult Find(uint32_t leaf, uint32_t subleaf) const;

 private:
  uint32_t Word(uint32_t offset) const;
  uint32_t count() const { return Word(0); }

  const uint8_t* const page_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_CPUID_PAGE_H_
