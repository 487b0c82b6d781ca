// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/kernel_hashes.h"

#include <string.h>

#include <algorithm>

namespace sealvm::measured {
namespace {

// As they lie in memory.
struct Guid {
  uint8_t bytes[16];
};
// 9438d606-4f22-4cc9-b479-a793d411fd21
constexpr Guid kTable = {{0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c, 0xb4, 0x79, 0xa7, 0x93,
                          0xd4, 0x11, 0xfd, 0x21}};
// 97d02dd8-bd20-4c94-aa78-e7714d36ab2a
constexpr Guid kCmdline = {{0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c, 0xaa, 0x78, 0xe7, 0x71,
                            0x4d, 0x36, 0xab, 0x2a}};
// 44baf731-3a2f-4bd7-9af1-41e29169781d
constexpr Guid kInitrd = {{0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b, 0x9a, 0xf1, 0x41, 0xe2,
                           0x91, 0x69, 0x78, 0x1d}};
// 4de79437-abd2-427f-b835-d5b172d2045b
constexpr Guid kKernel = {{0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42, 0xb8, 0x35, 0xd5, 0xb1,
                           0x72, 0xd2, 0x04, 0x5b}};

// GUID, u16 length of the whole.
constexpr size_t kHeaderSize = 18;
constexpr size_t kEntrySize = kHeaderSize + 32;

bool Is(const uint8_t* at, const Guid& guid) { return memcmp(at, guid.bytes, 16) == 0; }

uint16_t LengthAt(const uint8_t* at) {
  uint16_t length;
  memcpy(&length, at + 16, sizeof(length));
  return length;
}

}  // namespace

Failure ParseKernelHashes(const uint8_t* area, size_t size, bool* present, KernelHashes* hashes) {
  *present = !std::all_of(area, area + size, [](uint8_t byte) { return byte == 0; });
  if (!*present) return Failure::kNone;
  if (size < kHeaderSize || !Is(area, kTable)) return Failure::kHashTable;
  const size_t length = LengthAt(area);
  if (length > size || length != kHeaderSize + 3 * kEntrySize) return Failure::kHashTable;
  bool has_kernel = false;
  bool has_initrd = false;
  bool has_cmdline = false;
  for (size_t at = kHeaderSize; at < length; at += kEntrySize) {
    const uint8_t* entry = area + at;
    if (LengthAt(entry) != kEntrySize) return Failure::kHashTable;
    loader::Sha256Digest* digest = nullptr;
    if (Is(entry, kKernel) && !has_kernel) {
      has_kernel = true;
      digest = &hashes->kernel;
    } else if (Is(entry, kInitrd) && !has_initrd) {
      has_initrd = true;
      digest = &hashes->initrd;
    } else if (Is(entry, kCmdline) && !has_cmdline) {
      has_cmdline = true;
      digest = &hashes->cmdline;
    } else {
      return Failure::kHashTable;
    }
    memcpy(digest->data(), entry + kHeaderSize, digest->size());
  }
  return Failure::kNone;
}

}  // namespace sealvm::measured
