// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_GHCB_H_
#define SEALVM_GUEST_FW_MEASURED_GHCB_H_

#include <stdint.h>

#include "guest-fw/measured/cpu.h"
#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/guest_memory.h"

namespace sealvm::measured {

// Asking the hypervisor of an SNP guest, by the MSR and by the page (SEV-ES Guest-Hypervisor
// Communication Block Standardization 2.04; all numbers are from there). Its answers are hostile:
// one that the standard does not allow is a failure.
class Ghcb {
 public:
  // What lies in the page for larger requests.
  static constexpr uint64_t kSharedBuffer = 0x800;
  static constexpr uint64_t kSharedBufferSize = 2032;

  // `page` is the GPA, identity mapped; it need not be shared before Register.
  Ghcb(Cpu& cpu, const GuestMemory& memory, uint64_t page)
      : cpu_(cpu), memory_(memory), page_(page) {}

  // kGhcbVersion, kCBit, kNoSnpFeature unless the hypervisor is one that can be talked to.
  Failure Negotiate();
  // A change of state of the page at `gpa`, without the GHCB.
  Failure ChangePageState(uint64_t gpa, bool make_private);
  // From now on the page, which is shared, is the GHCB.
  Failure Register();

  // Requests by the page.
  Failure Out(uint16_t port, unsigned width, uint32_t value);
  Failure In(uint16_t port, unsigned width, uint32_t* value);
  // `buffer` lies in the shared buffer. `*result` is the answer's second word.
  Failure PageStateChange(uint64_t buffer, uint64_t* result);

  // Ends the guest, if the hypervisor is willing.
  void Terminate(uint8_t reason);

  uint64_t page() const { return page_; }

 private:
  uint64_t CallMsr(uint64_t request);
  // Registers of the save area are given by those who need them, before.
  void Clear();
  void Set(uint64_t offset, uint64_t value);
  Failure Call(uint64_t exit_code, uint64_t info1, uint64_t info2);

  Cpu& cpu_;
  const GuestMemory memory_;
  const uint64_t page_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_GHCB_H_
