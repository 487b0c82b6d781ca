// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/acpi_loader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "memory/base/endian.h"
#include "vmm/boot/acpi/acpi_table.h"
#include "vmm/boot/acpi/acpi_tables.h"
#include "vmm/boot/acpi/fadt.h"

namespace sealvm {
namespace {

// A script is a row of commands: a type, then fields, padded to a fixed size. Names end in zero.
constexpr size_t kCommandSize = 128;
constexpr size_t kNameSize = 56;
constexpr uint32_t kAllocate = 1;     // name, alignment, zone
constexpr uint32_t kAddPointer = 2;   // name, name of what it points into, offset, width
constexpr uint32_t kAddChecksum = 3;  // name, offset of the sum, start, length
constexpr uint8_t kZoneHigh = 1;
constexpr uint8_t kZoneBiosArea = 2;

// Far above what 64 vCPUs and all devices need.
constexpr uint64_t kMaxTables = 128 * kKiB;

class Script {
 public:
  void Allocate(std::string_view file, uint32_t alignment, uint8_t zone) {
    Begin(kAllocate);
    AddName(file);
    Add(alignment, 4);
    Add(zone, 1);
    End();
  }

  // The field's value is an offset into the tables.
  void AddPointer(std::string_view file, size_t offset, size_t width) {
    Begin(kAddPointer);
    AddName(file);
    AddName(AcpiLoaderFiles::kTablesName);
    Add(offset, 4);
    Add(width, 1);
    End();
  }

  void AddChecksum(std::string_view file, size_t offset, size_t start, size_t length) {
    Begin(kAddChecksum);
    AddName(file);
    Add(offset, 4);
    Add(start, 4);
    Add(length, 4);
    End();
  }

  std::vector<uint8_t> Finish() && { return std::move(bytes_); }

 private:
  void Begin(uint32_t type) { Add(type, 4); }
  void End() { bytes_.resize((bytes_.size() + kCommandSize - 1) / kCommandSize * kCommandSize); }

  void AddName(std::string_view name) {
    bytes_.insert(bytes_.end(), name.begin(), name.end());
    bytes_.resize(bytes_.size() + kNameSize - name.size());
  }

  void Add(uint64_t value, size_t width) {
    bytes_.resize(bytes_.size() + width);
    StoreLeAny(std::span(bytes_).last(width), value);
  }

  std::vector<uint8_t> bytes_;
};

// Takes the tables apart. `start` is where the first one lies in what BuildAcpiTables made at
// address 0.
class Splitter {
 public:
  Splitter(const AcpiTables& tables, uint64_t start) : start_(start) {
    const std::span bytes(tables.bytes);
    files_.rsdp.assign(bytes.begin(), bytes.begin() + kRsdpSize);
    files_.tables.assign(bytes.begin() + static_cast<ptrdiff_t>(start), bytes.end());
    script_.Allocate(AcpiLoaderFiles::kTablesName, kFacsAlignment, kZoneHigh);
    script_.Allocate(AcpiLoaderFiles::kRsdpName, kRsdpAlignment, kZoneBiosArea);
    for (const AcpiTablePlace& place : tables.tables) AddPointersOf(place);
    Relocate(AcpiLoaderFiles::kRsdpName, files_.rsdp, kRsdpXsdt, 8);
    // After the pointers, which are part of the sums.
    for (const AcpiTablePlace& place : tables.tables) AddChecksumOf(place);
    Sum(AcpiLoaderFiles::kRsdpName, files_.rsdp, kRsdpChecksum, 0, kRsdpVersion1Size);
    Sum(AcpiLoaderFiles::kRsdpName, files_.rsdp, kRsdpExtendedChecksum, 0, kRsdpSize);
  }

  AcpiLoaderFiles Finish() && {
    files_.script = std::move(script_).Finish();
    return std::move(files_);
  }

 private:
  static constexpr uint32_t kRsdpAlignment = 16;

  size_t OffsetOf(const AcpiTablePlace& place) const { return place.gpa - start_; }

  void AddPointersOf(const AcpiTablePlace& place) {
    const size_t at = OffsetOf(place);
    const auto relocate = [&](size_t offset, size_t width) {
      Relocate(AcpiLoaderFiles::kTablesName, files_.tables, at + offset, width);
    };
    if (place.signature == "FACP") {
      relocate(kFadtFirmwareCtrl, 4);
      relocate(kFadtDsdt, 4);
      relocate(kFadtXDsdt, 8);
    }
    if (place.signature == "XSDT") {
      for (size_t entry = kAcpiHeaderSize; entry < place.size; entry += 8) relocate(entry, 8);
    }
  }

  // A pointer to nothing stays one.
  void Relocate(std::string_view file, std::vector<uint8_t>& bytes, size_t offset, size_t width) {
    const std::span field = std::span(bytes).subspan(offset, width);
    const uint64_t target = LoadLeAny(field);
    if (target == 0) return;
    StoreLeAny(field, target - start_);
    script_.AddPointer(file, offset, width);
  }

  void AddChecksumOf(const AcpiTablePlace& place) {
    // The FACS has none (ACPI 6.5 section 5.2.10).
    if (place.signature == "FACS") return;
    const size_t at = OffsetOf(place);
    Sum(AcpiLoaderFiles::kTablesName, files_.tables, at + kAcpiChecksumOffset, at, place.size);
  }

  void Sum(std::string_view file, std::vector<uint8_t>& bytes, size_t offset, size_t start,
           size_t length) {
    bytes[offset] = 0;
    script_.AddChecksum(file, offset, start, length);
  }

  const uint64_t start_;
  AcpiLoaderFiles files_;
  Script script_;
};

}  // namespace

Result<AcpiLoaderFiles> BuildAcpiLoader(const PlatformDescription& platform) {
  const AcpiTables tables = SEALVM_TRY(BuildAcpiTables(platform, 0, kMaxTables));
  return Splitter(tables, tables.tables.front().gpa).Finish();
}

}  // namespace sealvm
