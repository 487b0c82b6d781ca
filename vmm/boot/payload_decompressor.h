// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_PAYLOAD_DECOMPRESSOR_H_
#define SEALVM_VMM_BOOT_PAYLOAD_DECOMPRESSOR_H_

#include <stdint.h>

#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/image_file.h"

namespace sealvm {

// How a bzImage's payload is compressed (boot.rst, "payload_offset", lists the magic numbers).
enum class PayloadFormat { kUnknown, kGzip, kXz, kZstd, kLz4, kLzma, kBzip2, kLzo, kElf };

// "gzip", "zstd", "uncompressed" ...
std::string_view PayloadFormatName(PayloadFormat format);
// Whether Decompress understands the format.
bool IsSupported(PayloadFormat format);
PayloadFormat DetectPayloadFormat(std::span<const uint8_t> start);

// No vmlinux is larger; a payload that unpacks to more is refused.
inline constexpr uint64_t kMaxVmlinuxSize = 1 * kGiB;

// Unpacks `size` bytes of `file` at `offset`; at most `limit` bytes come out. The kernel's build
// puts the unpacked size, 32 bits, behind formats that do not end with one (scripts/Makefile.lib,
// size_append); it is checked when it is there. kInvalidInput for corrupt or unsupported data.
Result<std::vector<uint8_t>> DecompressPayload(const ImageFile& file, uint64_t offset,
                                               uint64_t size, uint64_t limit = kMaxVmlinuxSize);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_PAYLOAD_DECOMPRESSOR_H_
