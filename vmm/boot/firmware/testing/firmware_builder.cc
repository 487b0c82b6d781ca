// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/testing/firmware_builder.h"

#include <stdlib.h>

#include <algorithm>
#include <concepts>
#include <span>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

class Bytes {
 public:
  template <std::unsigned_integral T>
  Bytes& Add(T value) {
    bytes_.resize(bytes_.size() + sizeof(T));
    StoreLeAny(std::span(bytes_).last(sizeof(T)), value);
    return *this;
  }
  Bytes& Add(std::span<const uint8_t> more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  const std::vector<uint8_t>& get() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

void PutAt(std::vector<uint8_t>& image, size_t from_end, std::span<const uint8_t> bytes) {
  if (from_end > image.size() || bytes.size() > from_end) abort();
  std::ranges::copy(bytes, image.end() - static_cast<ptrdiff_t>(from_end));
}

std::vector<uint8_t> SevDescriptor(const FirmwareBuilder& builder) {
  Bytes bytes;
  const auto count = static_cast<uint32_t>(builder.sev_sections.size());
  bytes.Add(builder.sev_signature).Add(builder.sev_length.value_or(16 + 12 * count));
  bytes.Add(builder.sev_version).Add(builder.sev_count.value_or(count));
  for (const SevSection& section : builder.sev_sections) {
    bytes.Add(section.gpa).Add(section.size).Add(static_cast<uint32_t>(section.type));
  }
  return bytes.get();
}

std::vector<uint8_t> TdxDescriptor(const FirmwareBuilder& builder) {
  Bytes bytes;
  const auto count = static_cast<uint32_t>(builder.tdx_sections.size());
  bytes.Add(builder.tdx_signature).Add(builder.tdx_length.value_or(16 + 32 * count));
  bytes.Add(builder.tdx_version).Add(builder.tdx_count.value_or(count));
  for (const TdxSection& section : builder.tdx_sections) {
    bytes.Add(section.file_offset).Add(section.file_size).Add(section.gpa);
    bytes.Add(section.memory_size).Add(static_cast<uint32_t>(section.type));
    bytes.Add(section.attributes);
  }
  return bytes.get();
}

class Table {
 public:
  void AddEntry(const Guid& guid, std::span<const uint8_t> data) {
    bytes_.Add(data).Add(static_cast<uint16_t>(data.size() + 18)).Add(guid.bytes);
  }
  void AddArea(const Guid& guid, const std::optional<SevArea>& area) {
    if (area) AddEntry(guid, Bytes().Add(area->gpa).Add(area->size).get());
  }
  void AddNumber(const Guid& guid, uint32_t number) { AddEntry(guid, Bytes().Add(number).get()); }
  std::vector<uint8_t> Finish(std::optional<uint16_t> length) {
    bytes_.Add(length.value_or(static_cast<uint16_t>(bytes_.get().size() + 18)));
    return bytes_.Add(kOvmfTableFooterGuid.bytes).get();
  }

 private:
  Bytes bytes_;
};

}  // namespace

std::vector<uint8_t> FirmwareBuilder::Build() const {
  std::vector<uint8_t> image(size);
  for (size_t i = 0; i < size; ++i) image[i] = static_cast<uint8_t>(i / kPageSize * 37 + i % 251);
  if (has_tdx) {
    PutAt(image, kTdxOffset, TdxDescriptor(*this));
    constexpr Guid kMetadataGuid = Guid::Of("e9eaf9f3-168e-44d5-a8eb-7f4d8738f6ae");
    if (has_tdx_guid) PutAt(image, kTdxOffset + sizeof(Guid), kMetadataGuid.bytes);
  }
  if (has_sev) PutAt(image, kSevOffset, SevDescriptor(*this));
  if (!has_footer) return image;
  Table table;
  for (const auto& [guid, data] : more_entries) table.AddEntry(guid, data);
  if (has_tdx) table.AddNumber(kTdxMetadataOffsetGuid, tdx_offset.value_or(kTdxOffset));
  if (has_sev) table.AddNumber(kSevMetadataOffsetGuid, sev_offset.value_or(kSevOffset));
  table.AddArea(kSevHashTableBlockGuid, hash_area);
  table.AddArea(kSevSecretBlockGuid, secret_area);
  if (reset_eip) table.AddNumber(kSevEsResetBlockGuid, *reset_eip);
  const std::vector<uint8_t> bytes = table.Finish(table_length);
  PutAt(image, 0x20 + bytes.size(), bytes);
  return image;
}

FirmwareImage FirmwareBuilder::Image() const {
  Result<FirmwareImage> image = FirmwareImage::FromBytes("firmware", Build());
  if (!image) abort();
  return *std::move(image);
}

}  // namespace sealvm
