// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/td_hob.h"

#include <fmt/format.h>

#include <algorithm>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Every block starts with u16 type, u16 length, u32 reserved.
constexpr size_t kHeaderSize = 8;
constexpr uint16_t kHandoffType = 1;
constexpr uint16_t kResourceType = 3;
constexpr uint16_t kEndType = 0xffff;
// EFI_HOB_HANDOFF_INFO_TABLE: u32 version, u32 boot mode, four u64 that nobody reads, u64 end of
// the list.
constexpr size_t kHandoffSize = 56;
constexpr size_t kVersionOffset = 8;
constexpr size_t kEndOfListOffset = 48;
constexpr uint32_t kHandoffVersion = 9;
// EFI_HOB_RESOURCE_DESCRIPTOR: GUID of the owner, u32 type, u32 attributes, u64 start, u64 length.
constexpr size_t kResourceSize = 48;
constexpr uint32_t kSystemMemory = 0;
constexpr uint32_t kUnacceptedMemory = 7;
// Present, initialized, tested.
constexpr uint32_t kAttributes = 7;

struct Range {
  Gpa base = 0;
  uint64_t size = 0;
  bool added = false;

  Gpa end() const { return base + size; }
};

class HobList {
 public:
  std::span<uint8_t> Add(uint16_t type, size_t size) {
    bytes_.resize(bytes_.size() + size);
    const auto block = std::span(bytes_).last(size);
    StoreLeAny(block.first(2), type);
    StoreLeAny(block.subspan(2, 2), size);
    return block;
  }

  void AddResource(const Range& range) {
    const auto block = Add(kResourceType, kResourceSize);
    StoreLeAny(block.subspan(24, 4), range.added ? kSystemMemory : kUnacceptedMemory);
    StoreLeAny(block.subspan(28, 4), kAttributes);
    StoreLeAny(block.subspan(32, 8), range.base);
    StoreLeAny(block.subspan(40, 8), range.size);
  }

  std::vector<uint8_t>& bytes() { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

// The sections that the firmware finds accepted, by address.
std::vector<Range> AddedRanges(const TdxMetadata& metadata) {
  std::vector<Range> added;
  for (const TdxSection& section : metadata.sections) {
    const bool in_ram =
        section.type == TdxSectionType::kTdHob || section.type == TdxSectionType::kTempMem;
    if (!in_ram || section.memory_size == 0) continue;
    added.push_back({.base = section.gpa, .size = section.memory_size, .added = true});
  }
  std::ranges::sort(added, {}, &Range::base);
  return added;
}

// `ram` cut where sections are.
Result<std::vector<Range>> CutRam(std::span<const RamRange> ram, const TdxMetadata& metadata) {
  const std::vector<Range> added = AddedRanges(metadata);
  std::vector<Range> cut;
  auto next = added.begin();
  for (const RamRange& range : ram) {
    Gpa done = range.base;
    for (; next != added.end() && next->base >= done && next->end() <= range.end(); ++next) {
      if (next->base > done) cut.push_back({.base = done, .size = next->base - done});
      cut.push_back(*next);
      done = next->end();
    }
    if (done < range.end()) cut.push_back({.base = done, .size = range.end() - done});
  }
  if (next != added.end()) {
    return InvalidInput(
        fmt::format("the firmware needs {:#x} bytes at {:#x}, where the guest has no memory",
                    next->size, next->base),
        "give the guest more memory");
  }
  return cut;
}

}  // namespace

Result<std::vector<uint8_t>> BuildTdHob(std::span<const RamRange> ram,
                                        const TdxMetadata& metadata) {
  const auto section =
      std::ranges::find(metadata.sections, TdxSectionType::kTdHob, &TdxSection::type);
  if (section == metadata.sections.end() || section->memory_size == 0) {
    return InvalidInput("the firmware's TDX metadata has no section for a TD HOB",
                        "give another firmware");
  }
  HobList list;
  StoreLeAny(list.Add(kHandoffType, kHandoffSize).subspan(kVersionOffset, 4), kHandoffVersion);
  for (const Range& range : SEALVM_TRY(CutRam(ram, metadata))) list.AddResource(range);
  list.Add(kEndType, kHeaderSize);
  std::vector<uint8_t>& bytes = list.bytes();
  if (bytes.size() > section->memory_size) {
    return InvalidInput(fmt::format("a TD HOB of {} bytes does not fit into the firmware's section "
                                    "of {} bytes",
                                    bytes.size(), section->memory_size),
                        "give another firmware");
  }
  StoreLeAny(std::span(bytes).subspan(kEndOfListOffset, 8), section->gpa + bytes.size());
  return std::move(bytes);
}

Sha384Digest TdHobDigest(std::span<const uint8_t> td_hob) {
  return Sha384Of(td_hob.first(td_hob.size() - kHeaderSize));
}

}  // namespace sealvm
