// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_TDX_ISOLATION_H_
#define SEALVM_GUEST_FW_MEASURED_TDX_ISOLATION_H_

#include "guest-fw/measured/isolation.h"
#include "guest-fw/measured/page_tables.h"

namespace sealvm::measured {

// A TD. Pages become private when the TD accepts them; one that was accepted already is one that
// the description of RAM has twice, and ends the guest.
class TdxIsolation final : public Isolation {
 public:
  // `address_width` is GPAW as the processor was started with. The highest address bit says that
  // memory is shared.
  TdxIsolation(Cpu& cpu, const GuestMemory& memory, unsigned address_width);

  Failure Start() override;
  Failure Out(uint16_t port, unsigned width, uint32_t value) override;
  Failure In(uint16_t port, unsigned width, uint32_t* value) override;
  CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) override;
  Failure Accept(const Range& range) override;
  Failure CloseWindow() override;
  void Terminate(Failure failure) override;

 private:
  // TDG.VP.VMCALL with its registers; kTdCall when the module refuses.
  Failure Vmcall(TdcallRegisters& registers);
  Failure PortIo(uint16_t port, unsigned width, bool write, uint32_t* value);
  Failure MapGpa(const Range& range, bool shared);
  // The module's status, whose upper half tells what happened.
  uint32_t AcceptOne(uint64_t gpa, bool large);

  Cpu& cpu_;
  const GuestMemory memory_;
  const unsigned address_width_;
  const uint64_t shared_bit_;
  PageTables page_tables_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_TDX_ISOLATION_H_
