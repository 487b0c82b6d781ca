// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_SNP_ISOLATION_H_
#define SEALVM_GUEST_FW_MEASURED_SNP_ISOLATION_H_

#include <stddef.h>

#include "guest-fw/measured/cpuid_page.h"
#include "guest-fw/measured/ghcb.h"
#include "guest-fw/measured/isolation.h"
#include "guest-fw/measured/page_tables.h"

namespace sealvm::measured {

// An SEV-SNP guest at VMPL 0. Pages become private when the hypervisor has assigned them and
// PVALIDATE has said that they were not: one that was already means that the hypervisor has put
// another page in place of one in use (AMD APM vol. 2 section 15.36.6), and ends the guest.
class SnpIsolation final : public Isolation {
 public:
  SnpIsolation(Cpu& cpu, const GuestMemory& memory);

  Failure Start() override;
  Failure Out(uint16_t port, unsigned width, uint32_t value) override;
  Failure In(uint16_t port, unsigned width, uint32_t* value) override;
  CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) override;
  Failure Accept(const Range& range) override;
  Failure CloseWindow() override;
  void Terminate(Failure failure) override;

 private:
  struct Page {
    uint64_t gpa = 0;
    bool large = false;
  };
  // As many as fit into the GHCB's buffer.
  static constexpr size_t kMaxBatch = 253;

  // The pages at the front of `*range` that make a batch; takes them away.
  static size_t NextBatch(Range* range, Page (&batch)[kMaxBatch]);
  // Asks the hypervisor for all pages of a batch.
  Failure RequestStates(const Page (&batch)[kMaxBatch], size_t count, bool make_private);
  Failure ChangeStates(Range range, bool make_private);
  Failure Validate(const Page& page);
  Failure ValidateOne(uint64_t gpa, bool large, uint32_t* status);
  // The virtual address of what is at `gpa`.
  uint64_t Show(uint64_t gpa);

  Cpu& cpu_;
  const GuestMemory memory_;
  PageTables page_tables_;
  Ghcb ghcb_;
  CpuidPage cpuid_page_;
  bool io_works_ = false;
  uint64_t shown_ = 0;  // the GiB at PageTables::kHighWindow
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_SNP_ISOLATION_H_
