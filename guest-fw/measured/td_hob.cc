// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/td_hob.h"

namespace sealvm::measured {
namespace {

// Every block starts with u16 type, u16 length, u32 reserved.
constexpr uint64_t kHeaderSize = 8;
constexpr uint16_t kHandoff = 1;
constexpr uint16_t kResource = 3;
constexpr uint16_t kEnd = 0xffff;
// EFI_HOB_HANDOFF_INFO_TABLE: u32 version, ..., u64 end of the list.
constexpr uint64_t kHandoffSize = 56;
constexpr uint64_t kVersion = 8;
constexpr uint64_t kEndOfList = 48;
constexpr uint32_t kKnownVersion = 9;
// EFI_HOB_RESOURCE_DESCRIPTOR: GUID, u32 type, u32 attributes, u64 start, u64 length.
constexpr uint64_t kResourceSize = 48;
constexpr uint64_t kResourceType = 24;
constexpr uint64_t kResourceStart = 32;
constexpr uint64_t kResourceLength = 40;
constexpr uint32_t kSystemMemory = 0;
constexpr uint32_t kUnacceptedMemory = 7;

template <typename T>
T At(const uint8_t* bytes, uint64_t offset) {
  T value;
  memcpy(&value, bytes + offset, sizeof(value));
  return value;
}

}  // namespace

Failure ReadTdHob(const uint8_t* list, uint64_t address, uint64_t size, RamMap* ram) {
  if (size < kHandoffSize || At<uint16_t>(list, 0) != kHandoff ||
      At<uint16_t>(list, 2) != kHandoffSize || At<uint32_t>(list, kVersion) != kKnownVersion) {
    return Failure::kTdHob;
  }
  const uint64_t end = At<uint64_t>(list, kEndOfList) - address;
  if (end > size) return Failure::kTdHob;
  for (uint64_t at = kHandoffSize; at <= end && kHeaderSize <= end - at;) {
    const uint8_t* block = list + at;
    const uint16_t type = At<uint16_t>(block, 0);
    const uint16_t length = At<uint16_t>(block, 2);
    if (length < kHeaderSize || length > end - at || At<uint32_t>(block, 4) != 0) {
      return Failure::kTdHob;
    }
    if (type == kEnd) return at + length == end ? ram->Finish() : Failure::kTdHob;
    if (type == kResource) {
      if (length != kResourceSize) return Failure::kTdHob;
      const uint32_t resource = At<uint32_t>(block, kResourceType);
      if (resource == kSystemMemory || resource == kUnacceptedMemory) {
        SEALVM_FW_TRY(ram->Add({.base = At<uint64_t>(block, kResourceStart),
                                .size = At<uint64_t>(block, kResourceLength)}));
      }
    }
    at += length;
  }
  return Failure::kTdHob;
}

}  // namespace sealvm::measured
