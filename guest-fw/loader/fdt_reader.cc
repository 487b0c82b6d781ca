// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/fdt_reader.h"

namespace sealvm::loader {
namespace {

// Devicetree Specification 0.4 sections 5.2 and 5.4.1.
constexpr uint32_t kMagic = 0xd00d'feed;
constexpr uint32_t kVersion = 17;
constexpr size_t kTotalSizeOffset = 4;
constexpr size_t kStructureOffsetOffset = 8;
constexpr size_t kStringsOffsetOffset = 12;
constexpr size_t kVersionOffset = 20;
constexpr size_t kLastCompatibleOffset = 24;
constexpr size_t kStringsSizeOffset = 32;
constexpr size_t kStructureSizeOffset = 36;
constexpr size_t kHeaderSize = 40;

constexpr uint32_t kBeginNodeToken = 1;
constexpr uint32_t kEndNodeToken = 2;
constexpr uint32_t kPropertyToken = 3;
constexpr uint32_t kNopToken = 4;
constexpr uint32_t kEndToken = 9;

constexpr size_t kCell = sizeof(uint32_t);

// The text up to the first zero byte, which must exist.
std::optional<std::string_view> TextAt(std::span<const uint8_t> bytes, size_t offset) {
  for (size_t end = offset; end < bytes.size(); ++end) {
    if (bytes[end] == 0) {
      return std::string_view(reinterpret_cast<const char*>(bytes.data()) + offset, end - offset);
    }
  }
  return std::nullopt;
}

std::optional<std::span<const uint8_t>> Block(std::span<const uint8_t> tree, size_t offset_field,
                                              size_t size_field) {
  const auto offset = LoadBe32(tree, offset_field);
  const auto size = LoadBe32(tree, size_field);
  if (!offset || !size || *offset < kHeaderSize || *offset > tree.size() ||
      *size > tree.size() - *offset) {
    return std::nullopt;
  }
  return tree.subspan(*offset, *size);
}

}  // namespace

std::optional<uint32_t> LoadBe32(std::span<const uint8_t> bytes, size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(uint32_t)) {
    return std::nullopt;
  }
  uint32_t value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value = value << 8 | bytes[offset + i];
  }
  return value;
}

std::optional<uint64_t> LoadBe64(std::span<const uint8_t> bytes, size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(uint64_t)) {
    return std::nullopt;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value = value << 8 | bytes[offset + i];
  }
  return value;
}

std::optional<FdtReader> FdtReader::Open(std::span<const uint8_t> bytes) {
  const auto total = LoadBe32(bytes, kTotalSizeOffset);
  if (LoadBe32(bytes, 0) != kMagic || !total || *total < kHeaderSize || *total > bytes.size()) {
    return std::nullopt;
  }
  const auto tree = bytes.first(*total);
  if (LoadBe32(tree, kVersionOffset).value_or(0) < kVersion ||
      LoadBe32(tree, kLastCompatibleOffset).value_or(UINT32_MAX) > kVersion) {
    return std::nullopt;
  }
  const auto structure = Block(tree, kStructureOffsetOffset, kStructureSizeOffset);
  const auto strings = Block(tree, kStringsOffsetOffset, kStringsSizeOffset);
  if (!structure || !strings) {
    return std::nullopt;
  }
  return FdtReader(*structure, *strings);
}

FdtReader::Event FdtReader::Next() {
  if (failed_) {
    return Event::kError;
  }
  for (;;) {
    const auto token = TakeCell();
    if (!token) {
      return Fail();
    }
    if (*token == kNopToken) {
      continue;
    }
    // Not a switch: its jump table would be data with addresses.
    if (*token == kBeginNodeToken) {
      return BeginNode();
    }
    if (*token == kPropertyToken) {
      return Property();
    }
    if (*token == kEndNodeToken) {
      return EndNode();
    }
    return *token == kEndToken ? End() : Fail();
  }
}

std::optional<uint32_t> FdtReader::TakeCell() {
  const auto cell = LoadBe32(structure_, 0);
  if (cell) {
    structure_ = structure_.subspan(kCell);
  }
  return cell;
}

std::optional<std::span<const uint8_t>> FdtReader::TakePadded(size_t size) {
  if (size > structure_.size()) {
    return std::nullopt;
  }
  const size_t padding = (kCell - size % kCell) % kCell;
  if (padding > structure_.size() - size) {
    return std::nullopt;
  }
  const auto taken = structure_.first(size);
  structure_ = structure_.subspan(size + padding);
  return taken;
}

FdtReader::Event FdtReader::BeginNode() {
  const auto name = TextAt(structure_, 0);
  const bool second_root = depth_ == 0 && root_seen_;
  if (!name || second_root || depth_ == kMaxDepth || !TakePadded(name->size() + 1)) {
    return Fail();
  }
  name_ = *name;
  root_seen_ = true;
  properties_allowed_ = true;
  ++depth_;
  return Event::kBeginNode;
}

FdtReader::Event FdtReader::Property() {
  const auto size = TakeCell();
  const auto name_offset = TakeCell();
  if (!size || !name_offset || !properties_allowed_) {
    return Fail();
  }
  const auto value = TakePadded(*size);
  const auto name = TextAt(strings_, *name_offset);
  if (!value || !name) {
    return Fail();
  }
  value_ = *value;
  name_ = *name;
  return Event::kProperty;
}

FdtReader::Event FdtReader::EndNode() {
  if (depth_ == 0) {
    return Fail();
  }
  --depth_;
  // A node's properties come before its children (section 5.4.2).
  properties_allowed_ = false;
  return Event::kEndNode;
}

FdtReader::Event FdtReader::End() {
  if (depth_ != 0 || !root_seen_ || !structure_.empty()) {
    return Fail();
  }
  // Another call would read on.
  failed_ = true;
  return Event::kEnd;
}

FdtReader::Event FdtReader::Fail() {
  failed_ = true;
  return Event::kError;
}

}  // namespace sealvm::loader
