// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MODE_SELECTION_H_
#define SEALVM_VMM_ISOLATION_MODE_SELECTION_H_

#include "memory/base/result.h"
#include "vmm/api/config.h"

namespace sealvm {

// Whether this version of sealvm has code for a mode; kAuto has not, it is a choice among the
// others.
bool IsImplemented(IsolationMode mode);

// kRefused for a mode that this version does not have.
Result<> CheckImplemented(IsolationMode mode);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MODE_SELECTION_H_
