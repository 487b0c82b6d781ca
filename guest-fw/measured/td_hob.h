// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_TD_HOB_H_
#define SEALVM_GUEST_FW_MEASURED_TD_HOB_H_

#include <stdint.h>

#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/ram_map.h"

namespace sealvm::measured {

// Reads RAM from the hand-off block list of a TD (UEFI PI specification 1.8 volume 3, chapter 5;
// Intel TDX Virtual Firmware Design Guide 1.01 section 4.2) in the `size` bytes that lie at
// `address`, and finishes `ram`. The list is not measured: which memory is accepted already is
// known from the image's own metadata, never from here. kTdHob for a list that is malformed.
Failure ReadTdHob(const uint8_t* list, uint64_t address, uint64_t size, RamMap* ram);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_TD_HOB_H_
