// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_TD_HOB_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_TD_HOB_H_

#include <stdint.h>

#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/firmware/tdx_metadata.h"
#include "vmm/crypto/digest.h"

namespace sealvm {

// The hand-off block list that tells a TD's firmware of its memory (Intel TDX Virtual Firmware
// Design Guide 1.01 section 4.2; UEFI PI specification 1.8 volume 3, sections 5.2 and 5.5), in the
// form of QEMU's hw/i386/tdvf-hob.c: ranges in the order of their addresses, those of the sections
// TD_HOB and TempMem as system memory, the rest of `ram` as not accepted yet. `ram` is sorted and
// does not overlap. kInvalidInput when such a section is not in it or the list does not fit its
// section.
Result<std::vector<uint8_t>> BuildTdHob(std::span<const RamRange> ram, const TdxMetadata& metadata);

// What OVMF extends RTMR0 with first: SHA-384 of the list without the block that ends it.
Sha384Digest TdHobDigest(std::span<const uint8_t> td_hob);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_TD_HOB_H_
