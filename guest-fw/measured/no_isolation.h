// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_NO_ISOLATION_H_
#define SEALVM_GUEST_FW_MEASURED_NO_ISOLATION_H_

#include "guest-fw/measured/isolation.h"

namespace sealvm::measured {

// A guest whose memory the host sees: all RAM is there from the start, and I/O is the instruction.
// A failure is told to pvpanic.
class NoIsolation final : public Isolation {
 public:
  explicit NoIsolation(Cpu& cpu) : cpu_(cpu) {}

  Failure Start() override;
  Failure Out(uint16_t port, unsigned width, uint32_t value) override;
  Failure In(uint16_t port, unsigned width, uint32_t* value) override;
  CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) override;
  Failure Accept(const Range& range) override;
  Failure CloseWindow() override;
  void Terminate(Failure failure) override;

 private:
  Cpu& cpu_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_NO_ISOLATION_H_
