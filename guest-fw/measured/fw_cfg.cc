// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/fw_cfg.h"

#include <algorithm>

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

constexpr uint16_t kDmaPortHigh = 0x514;
constexpr uint16_t kDmaPortLow = 0x518;
constexpr uint32_t kControlError = 1 << 0;
constexpr uint32_t kControlRead = 1 << 1;
constexpr uint32_t kControlSelect = 1 << 3;
constexpr uint32_t kSignature = 0x554d4551;  // "QEMU"

// In the shared window, behind the page that is the GHCB: control block, data.
constexpr uint64_t kControlBlock = SHARED_BASE + 0x1000;
constexpr uint64_t kBuffer = SHARED_BASE + 0x2000;
constexpr uint32_t kBufferSize = SHARED_END - kBuffer;

// How often a request that is under way is looked at: it is done when the port's write returns,
// unless the host is slow on purpose.
constexpr unsigned kPatience = 1 << 24;

// The directory: u32 count, and entries of u32 size, u16 key, u16 reserved, name; big-endian.
constexpr uint32_t kDirectoryEntry = 64;
constexpr uint32_t kNameOffset = 8;
constexpr uint32_t kNameSize = 56;
constexpr uint32_t kMaxFiles = (SCRATCH_SIZE - 4) / kDirectoryEntry;

}  // namespace

Failure FwCfg::Open() {
  // The DMA register reads as "QEMU CFG".
  uint32_t signature = 0;
  SEALVM_FW_TRY(isolation_.In(kDmaPortHigh, 4, &signature));
  return signature == kSignature ? Failure::kNone : Failure::kNoFwCfg;
}

Failure FwCfg::Transfer(uint32_t control, uint32_t size) {
  memory_.StoreShared(kControlBlock + 4, __builtin_bswap32(size));
  memory_.StoreShared(kControlBlock + 8, __builtin_bswap64(kBuffer));
  memory_.StoreShared(kControlBlock, __builtin_bswap32(control));
  asm volatile("" ::: "memory");
  SEALVM_FW_TRY(isolation_.Out(kDmaPortHigh, 4, 0));
  SEALVM_FW_TRY(isolation_.Out(kDmaPortLow, 4, __builtin_bswap32(uint32_t{kControlBlock})));
  for (unsigned i = 0; i < kPatience; ++i) {
    const uint32_t left = __builtin_bswap32(memory_.LoadShared<uint32_t>(kControlBlock));
    if (left == 0) return Failure::kNone;
    if ((left & kControlError) != 0) return Failure::kFwCfgTransfer;
    __builtin_ia32_pause();
  }
  return Failure::kFwCfgTransfer;
}

Failure FwCfg::Read(uint16_t key, uint64_t size, uint64_t to) {
  uint32_t select = kControlSelect | uint32_t{key} << 16;
  for (uint64_t done = 0; done < size;) {
    const auto piece = static_cast<uint32_t>(std::min<uint64_t>(size - done, kBufferSize));
    SEALVM_FW_TRY(Transfer(kControlRead | select, piece));
    memory_.Copy(to + done, kBuffer, piece);
    done += piece;
    select = 0;
  }
  return Failure::kNone;
}

Failure FwCfg::ReadNumber(uint16_t key, uint32_t* value) {
  SEALVM_FW_TRY(Read(key, sizeof(*value), SCRATCH));
  *value = memory_.Load<uint32_t>(SCRATCH);
  return Failure::kNone;
}

Failure FwCfg::Find(const char* name, FwCfgFile* file) {
  uint32_t count = 0;
  SEALVM_FW_TRY(ReadNumber(kFwCfgFileDirectory, &count));
  count = __builtin_bswap32(count);
  if (count > kMaxFiles) return Failure::kFwCfgFile;
  SEALVM_FW_TRY(Read(kFwCfgFileDirectory, 4 + count * kDirectoryEntry, SCRATCH));
  const size_t length = strlen(name) + 1;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t entry = SCRATCH + 4 + i * kDirectoryEntry;
    if (length > kNameSize || memcmp(memory_.At(entry + kNameOffset), name, length) != 0) continue;
    *file = {.size = __builtin_bswap32(memory_.Load<uint32_t>(entry)),
             .key = __builtin_bswap16(memory_.Load<uint16_t>(entry + 4))};
    return Failure::kNone;
  }
  return Failure::kFwCfgFile;
}

}  // namespace sealvm::measured
