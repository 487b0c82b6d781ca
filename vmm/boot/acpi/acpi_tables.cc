// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/acpi_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "memory/base/endian.h"
#include "vmm/boot/acpi/acpi_table.h"
#include "vmm/boot/acpi/dsdt.h"
#include "vmm/boot/acpi/fadt.h"
#include "vmm/boot/acpi/madt.h"

namespace sealvm {
namespace {

constexpr uint64_t kTableAlignment = 16;
constexpr uint8_t kXsdtRevision = 1;

// Puts tables one behind the other.
class Area {
 public:
  explicit Area(Gpa base) {
    tables_.base = base;
    tables_.bytes.resize(kRsdpSize);
  }

  uint32_t Add(std::string_view signature, const std::vector<uint8_t>& table,
               uint64_t alignment = kTableAlignment) {
    const uint64_t offset = (tables_.bytes.size() + alignment - 1) / alignment * alignment;
    tables_.bytes.resize(offset);
    tables_.bytes.insert(tables_.bytes.end(), table.begin(), table.end());
    const Gpa gpa = tables_.base + offset;
    tables_.tables.push_back({std::string(signature), gpa, table.size()});
    return static_cast<uint32_t>(gpa);
  }

  AcpiTables Finish(std::span<const uint8_t> rsdp) && {
    std::ranges::copy(rsdp, tables_.bytes.begin());
    return std::move(tables_);
  }

 private:
  AcpiTables tables_;
};

std::vector<uint8_t> BuildXsdt(std::initializer_list<uint64_t> entries) {
  AcpiTable table("XSDT", kXsdtRevision);
  for (const uint64_t entry : entries) table.Append64(entry);
  return std::move(table).Finish();
}

// Without an RSDT.
std::vector<uint8_t> BuildRsdp(uint64_t xsdt) {
  constexpr std::string_view kSignature = "RSD PTR ";
  constexpr uint8_t kRevision = 2;
  std::vector<uint8_t> rsdp(kRsdpSize);
  const std::span bytes(rsdp);
  std::ranges::copy(kSignature, rsdp.begin());
  std::ranges::copy(kAcpiOemId, rsdp.begin() + 9);
  rsdp[15] = kRevision;
  StoreLeAny(bytes.subspan(20, 4), kRsdpSize);
  StoreLeAny(bytes.subspan(kRsdpXsdt, 8), xsdt);
  rsdp[kRsdpChecksum] = AcpiChecksum(bytes.first(kRsdpVersion1Size));
  rsdp[kRsdpExtendedChecksum] = AcpiChecksum(bytes);
  return rsdp;
}

Result<> Check(const PlatformDescription& platform, Gpa base, uint64_t limit) {
  if (base % kFacsAlignment != 0 || base > UINT32_MAX || limit > UINT32_MAX - base) {
    return HostError(fmt::format("ACPI tables cannot lie at {:#x}", base));
  }
  std::vector<uint32_t> ids = platform.apic_ids;
  std::ranges::sort(ids);
  if (ids.empty() || std::ranges::adjacent_find(ids) != ids.end()) {
    return HostError("ACPI tables need at least one vCPU, and no APIC identifier twice");
  }
  return {};
}

}  // namespace

Result<AcpiTables> BuildAcpiTables(const PlatformDescription& platform, Gpa base, uint64_t limit) {
  SEALVM_TRY(Check(platform, base, limit));
  Area area(base);
  const uint32_t facs = platform.fixed_hardware ? area.Add("FACS", BuildFacs(), kFacsAlignment) : 0;
  const uint32_t dsdt = area.Add("DSDT", BuildDsdt(platform));
  const uint32_t fadt = area.Add("FACP", BuildFadt(platform, dsdt, facs));
  const uint32_t madt = area.Add("APIC", BuildMadt(platform));
  const uint32_t xsdt = area.Add("XSDT", BuildXsdt({fadt, madt}));
  AcpiTables tables = std::move(area).Finish(BuildRsdp(xsdt));
  if (tables.bytes.size() > limit) {
    return HostError(
        fmt::format("ACPI tables of {} bytes do not fit into {}", tables.bytes.size(), limit));
  }
  return tables;
}

}  // namespace sealvm
