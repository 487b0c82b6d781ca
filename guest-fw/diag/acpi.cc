// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/acpi.h"

#include <optional>

namespace sealvm::diag {
namespace {

// System description table header: ACPI 6.5 section 5.2.6.
constexpr uint64_t kHeaderSize = 36;
constexpr uint64_t kLengthOffset = 4;
// Far above any table of a small machine; bounds the work that a wrong length causes.
constexpr uint32_t kMaxTableSize = 1 << 20;

// RSDP: section 5.2.5.3.
constexpr uint64_t kRsdpV1Size = 20;
constexpr uint64_t kRsdpLength = 20;
constexpr uint64_t kRsdpXsdt = 24;
constexpr uint32_t kRsdpV2Size = 36;

// FADT: section 5.2.9.
constexpr uint64_t kFadtDsdt = 40;
constexpr uint64_t kFadtPm1aControl = 64;
constexpr uint64_t kFadtFlags = 112;
constexpr uint64_t kFadtResetReg = 116;
constexpr uint64_t kFadtXDsdt = 140;
constexpr uint64_t kFadtSleepControlReg = 244;
constexpr uint64_t kFadtSize = 268;
constexpr uint32_t kFlagHardwareReduced = 1u << 20;

// MADT: section 5.2.12.
constexpr uint64_t kMadtFirstEntry = 44;
constexpr uint8_t kMadtLocalApic = 0;
constexpr uint8_t kMadtLocalX2apic = 9;
constexpr uint32_t kApicEnabled = 1;

// AML: section 20.2.
constexpr uint8_t kZeroOp = 0x00;
constexpr uint8_t kOneOp = 0x01;
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0a;
constexpr uint8_t kRootChar = '\\';
constexpr uint8_t kPackageOp = 0x12;

uint8_t Sum(const uint8_t* bytes, uint64_t size) {
  uint8_t sum = 0;
  for (uint64_t i = 0; i < size; ++i) {
    sum = static_cast<uint8_t>(sum + bytes[i]);
  }
  return sum;
}

bool HasSignature(const PhysicalMemory& memory, uint64_t address, std::string_view signature) {
  const uint8_t* bytes = memory.At(address, signature.size());
  return bytes != nullptr && memcmp(bytes, signature.data(), signature.size()) == 0;
}

// The whole table when header, bounds and checksum are right, else an empty span.
std::span<const uint8_t> CheckedTable(const PhysicalMemory& memory, uint64_t address,
                                      uint64_t minimum) {
  const uint32_t length = memory.Read<uint32_t>(address + kLengthOffset);
  const uint8_t* bytes = memory.At(address, length);
  if (bytes == nullptr || length < minimum || length > kMaxTableSize || Sum(bytes, length) != 0) {
    return {};
  }
  return {bytes, length};
}

AcpiRegister ReadRegister(const PhysicalMemory& memory, uint64_t address) {
  return {.space = AcpiRegister::Space{memory.Read<uint8_t>(address)},
          .address = memory.Read<uint64_t>(address + 4)};
}

// The XSDT's address from a valid RSDP.
std::optional<uint64_t> XsdtAddress(const PhysicalMemory& memory, uint64_t rsdp) {
  if (!HasSignature(memory, rsdp, "RSD PTR ")) {
    return std::nullopt;
  }
  const uint8_t* bytes = memory.At(rsdp, kRsdpV2Size);
  if (bytes == nullptr || memory.Read<uint32_t>(rsdp + kRsdpLength) != kRsdpV2Size ||
      Sum(bytes, kRsdpV1Size) != 0 || Sum(bytes, kRsdpV2Size) != 0) {
    return std::nullopt;
  }
  return memory.Read<uint64_t>(rsdp + kRsdpXsdt);
}

// The first element of the package named \_S5: the value for SLP_TYP. It is looked for as bytes:
// a full AML parser would be larger than this guest.
std::optional<uint8_t> FindS5(std::span<const uint8_t> aml) {
  for (size_t i = 1; i + 4 < aml.size(); ++i) {
    const bool named =
        memcmp(&aml[i], "_S5_", 4) == 0 &&
        (aml[i - 1] == kNameOp || (i >= 2 && aml[i - 1] == kRootChar && aml[i - 2] == kNameOp));
    size_t next = i + 4;
    if (!named || next + 1 >= aml.size() || aml[next] != kPackageOp) {
      continue;
    }
    // PkgLength: the top two bits of its first byte count the bytes that follow; then NumElements.
    next += 1 + 1 + (aml[next + 1] >> 6) + 1;
    if (next + 1 >= aml.size()) {
      return std::nullopt;
    }
    switch (aml[next]) {
      case kZeroOp:
      case kOneOp:
        return aml[next];
      case kBytePrefix:
        return aml[next + 1];
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view AcpiInfo::Load(const PhysicalMemory& memory, uint64_t rsdp) {
  if (rsdp == 0) {
    return "boot_params has no RSDP address";
  }
  const auto xsdt = XsdtAddress(memory, rsdp);
  if (!xsdt) {
    return "RSDP is not valid";
  }
  const auto table = CheckedTable(memory, *xsdt, kHeaderSize);
  if (table.empty() || !HasSignature(memory, *xsdt, "XSDT")) {
    return "XSDT is not valid";
  }
  uint64_t madt = 0;
  uint64_t fadt = 0;
  for (uint64_t entry = kHeaderSize; entry + 8 <= table.size(); entry += 8) {
    const auto address = memory.Read<uint64_t>(*xsdt + entry);
    if (CheckedTable(memory, address, kHeaderSize).empty()) {
      return "a table listed in the XSDT is not valid";
    }
    madt = HasSignature(memory, address, "APIC") ? address : madt;
    fadt = HasSignature(memory, address, "FACP") ? address : fadt;
  }
  if (madt == 0 || fadt == 0) {
    return madt == 0 ? "there is no MADT" : "there is no FADT";
  }
  const std::string_view error = LoadMadt(memory, madt);
  return error.empty() ? LoadFadt(memory, fadt) : error;
}

void AcpiInfo::AddApic(uint32_t id, uint32_t flags) {
  if ((flags & kApicEnabled) != 0 && apic_count_ < kMaxApics) {
    apic_ids_[apic_count_++] = id;
  }
}

std::string_view AcpiInfo::LoadMadt(const PhysicalMemory& memory, uint64_t madt) {
  apic_count_ = 0;
  const auto table = CheckedTable(memory, madt, kMadtFirstEntry);
  for (uint64_t entry = kMadtFirstEntry; entry < table.size();) {
    const uint8_t type = table[entry];
    const uint8_t length = entry + 1 < table.size() ? table[entry + 1] : 0;
    if (length < 2 || length > table.size() - entry) {
      return "MADT has an entry of a wrong length";
    }
    if (type == kMadtLocalApic && length >= 8) {
      AddApic(table[entry + 3], memory.Read<uint32_t>(madt + entry + 4));
    } else if (type == kMadtLocalX2apic && length >= 16) {
      AddApic(memory.Read<uint32_t>(madt + entry + 4), memory.Read<uint32_t>(madt + entry + 8));
    }
    entry += length;
  }
  return apic_count_ == 0 ? "MADT lists no processor" : "";
}

std::string_view AcpiInfo::LoadFadt(const PhysicalMemory& memory, uint64_t fadt) {
  if (CheckedTable(memory, fadt, kFadtSize).empty()) {
    return "FADT is older than ACPI 5";
  }
  hardware_reduced_ = (memory.Read<uint32_t>(fadt + kFadtFlags) & kFlagHardwareReduced) != 0;
  reset_ = ReadRegister(memory, fadt + kFadtResetReg);
  sleep_control_ = hardware_reduced_
                       ? ReadRegister(memory, fadt + kFadtSleepControlReg)
                       : AcpiRegister{.space = AcpiRegister::Space::kIo,
                                      .address = memory.Read<uint32_t>(fadt + kFadtPm1aControl)};
  if (sleep_control_.address == 0) {
    return "FADT names no sleep control register";
  }
  const auto x_dsdt = memory.Read<uint64_t>(fadt + kFadtXDsdt);
  return LoadS5(memory, x_dsdt != 0 ? x_dsdt : memory.Read<uint32_t>(fadt + kFadtDsdt));
}

std::string_view AcpiInfo::LoadS5(const PhysicalMemory& memory, uint64_t dsdt) {
  const auto table = CheckedTable(memory, dsdt, kHeaderSize);
  if (table.empty() || !HasSignature(memory, dsdt, "DSDT")) {
    return "DSDT is not valid";
  }
  const auto type = FindS5(table.subspan(kHeaderSize));
  if (!type) {
    return "DSDT has no \\_S5";
  }
  s5_sleep_type_ = *type;
  return "";
}

}  // namespace sealvm::diag
