// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_HANDOVER_STATUS_H_
#define SEALVM_VMM_BOOT_HANDOVER_STATUS_H_

#include <stdint.h>

#include "memory/base/result.h"
#include "vmm/boot/handover_tree.h"

namespace sealvm {

// What the sealed loader wrote to its status port: success, or an error (kHost) that says in words
// what the loader refused and names the payload. `value` comes from the guest and may be anything.
Result<> ReadHandoverStatus(uint32_t value, const Handover& handover);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_HANDOVER_STATUS_H_
