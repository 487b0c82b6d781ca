// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MODE_SELECTION_H_
#define SEALVM_VMM_ISOLATION_MODE_SELECTION_H_

#include "memory/base/result.h"
#include "vmm/api/config.h"

namespace sealvm {

// Whether this version of sealvm has code for a mode; kAuto has not, it is a choice among the
// others.
bool IsImplemented(IsolationMode mode);

// The mode that a guest gets. kAuto becomes the strongest that works here; a mode asked for by name
// is itself or an error of kind kRefused: never a silent downgrade.
Result<IsolationMode> SelectIsolation(IsolationMode requested);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MODE_SELECTION_H_
