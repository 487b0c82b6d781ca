// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SPEED_PROBE_H_
#define SEALVM_VMM_ISOLATION_SPEED_PROBE_H_

#include "memory/base/result.h"
#include "vmm/api/doctor.h"
#include "vmm/kvm/system.h"

namespace sealvm {

// Below this, KVM emulates guest kernel code: an emulator does about a million instructions a
// second, a CPU thousands of millions, and a CPU that is itself emulated (TCG) still some hundred.
inline constexpr double kHardwareSpeedThreshold = 20e6;

// Runs the speed probe guest until it has run long enough to be measured: 2 to 20 ms.
Result<GuestSpeed> MeasureGuestSpeed(const kvm::System& system);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SPEED_PROBE_H_
