// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_LOADER_IMAGE_H_
#define SEALVM_GUEST_FW_MEASURED_LOADER_IMAGE_H_

#include <stdint.h>

#include <span>

namespace sealvm {

// The measured loader: a firmware image that ends at 4 GiB, for guests with SEV-SNP, TDX or no
// isolation. It takes kernel, initrd and command line from fw_cfg and, unless the guest has no
// isolation, enters the kernel only if their SHA-256 are those in the kernel hash table. What it
// tells a VMM is in OVMF's form; guest-fw/README.md describes it.
//
// The bytes live as long as the program; page aligned. Thread-safe.
std::span<const uint8_t> MeasuredLoaderImage();

}  // namespace sealvm

#endif  // SEALVM_GUEST_FW_MEASURED_LOADER_IMAGE_H_
