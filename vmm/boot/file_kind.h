// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FILE_KIND_H_
#define SEALVM_VMM_BOOT_FILE_KIND_H_

#include <stdint.h>

#include <span>
#include <string_view>

namespace sealvm {

// Says what a file that is no kernel looks like by its first bytes, for an error line: "is empty",
// "is a gzip file", "is an ARM64 kernel Image". Knows what users mix up with kernels.
std::string_view DescribeFileStart(std::span<const uint8_t> start);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FILE_KIND_H_
