// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_SEV_FACE_H_
#define SEALVM_GUEST_FW_DIAG_SEV_FACE_H_

#include <stdint.h>

namespace sealvm::diag {

// What CPUID leaf 0x8000001f and the MSR SEV_STATUS say of this guest's memory (AMD64 APM vol. 3
// appendix E.4.17, vol. 2 section 15.34.10).
struct SevFace {
  uint64_t status = 0;  // 0 where CPUID or the machine does not know the MSR
  unsigned c_bit = 0;   // the address bit that makes memory private

  bool active() const { return (status & 1) != 0; }
  bool es() const { return active() && (status & 2) != 0; }
  bool snp() const { return active() && (status & 4) != 0; }

  // The bit must be part of a page's address and above all memory that is not private: this program
  // needs the low 4 GiB of it.
  bool plausible() const { return !active() || (c_bit >= 32 && c_bit < 52); }
  uint64_t c_mask() const { return active() ? uint64_t{1} << c_bit : 0; }
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_SEV_FACE_H_
