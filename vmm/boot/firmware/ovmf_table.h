// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_OVMF_TABLE_H_
#define SEALVM_VMM_BOOT_FIRMWARE_OVMF_TABLE_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "vmm/base/guid.h"
#include "vmm/boot/firmware/firmware_image.h"

namespace sealvm {

// The GUIDs of the table that ends 0x20 bytes before the image's end, and of its entries (edk2
// OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm).
inline constexpr Guid kOvmfTableFooterGuid = Guid::Of("96b582de-1fb2-45f7-baea-a366c55a082d");
inline constexpr Guid kSevEsResetBlockGuid = Guid::Of("00f771de-1a7e-4fcb-890e-68c77e2fb44e");
inline constexpr Guid kSevSecretBlockGuid = Guid::Of("4c2eb361-7d9b-4cc3-8081-127c90d3d294");
inline constexpr Guid kSevHashTableBlockGuid = Guid::Of("7255371f-3a3b-4b04-927b-1da6efa8d454");
inline constexpr Guid kSevMetadataOffsetGuid = Guid::Of("dc886566-984a-4798-a75e-5585a7bf67cc");
inline constexpr Guid kTdxMetadataOffsetGuid = Guid::Of("e47a6535-984a-4798-865e-4685a7bf8ec2");
// Not OVMF's but guest-fw's: the page of the image that holds a TD's kernel hash table, u32
// distance from the image's end and u32 size.
inline constexpr Guid kTdxHashPageGuid = Guid::Of("5c63ee5a-4d4b-4b0e-9d2e-0e641f5b87c1");

// One entry; `data` lies in the image.
struct OvmfTableEntry {
  Guid guid;
  std::span<const uint8_t> data;
};

// The table by which OVMF tells a VMM where it wants what. Borrows the image's bytes.
class OvmfTable {
 public:
  // An image without the footer has no table, which is no error; lengths that do not fit are
  // kInvalidInput, and so is a GUID that comes twice: readers would disagree about it.
  static Result<OvmfTable> Parse(const FirmwareImage& image);

  bool present() const { return present_; }
  // From the table's end to its start, the order in which it is read.
  std::span<const OvmfTableEntry> entries() const { return entries_; }
  // The data of the entry with this GUID.
  std::optional<std::span<const uint8_t>> Find(const Guid& guid) const;

 private:
  bool present_ = false;
  std::vector<OvmfTableEntry> entries_;
};

// The bytes of `image` from `offset` bytes before its end, for the entries that hold such an offset
// as their first u32. kInvalidInput with `what` ("SEV metadata") when it leads out of the image.
Result<std::span<const uint8_t>> FollowOffset(const FirmwareImage& image,
                                              std::span<const uint8_t> entry,
                                              std::string_view what);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_OVMF_TABLE_H_
