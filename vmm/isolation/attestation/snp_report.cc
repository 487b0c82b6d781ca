// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/snp_report.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

// Versions from which on the fields are there.
constexpr uint32_t kVersionWithCpuid = 3;
constexpr uint32_t kVersionWithMitigations = 5;

// KEY_INFO, the word at 48h.
constexpr uint32_t kAuthorKeyEnabled = 1 << 0;
constexpr uint32_t kChipKeyMasked = 1 << 1;
constexpr unsigned kSigningKeyShift = 2;
constexpr uint32_t kSigningKeyMask = 7;

constexpr std::pair<uint64_t, std::string_view> kPlatformBits[] = {
    {1 << 0, "SMT on"},
    {1 << 1, "TSME on"},
    {1 << 2, "ECC on"},
    {1 << 3, "RAPL off"},
    {1 << 4, "ciphertext hiding on"},
    {1 << 5, "alias check done"},
    {1 << 7, "SEV-TIO on"},
};
constexpr uint64_t kKnownPlatformBits = 0xbf;

uint8_t ByteOf(uint64_t raw, unsigned index) { return static_cast<uint8_t>(raw >> (8 * index)); }

SnpFirmwareVersion ParseVersion(const FieldReader& reader, size_t offset) {
  return {
      .major = reader.U8(offset + 2), .minor = reader.U8(offset + 1), .build = reader.U8(offset)};
}

}  // namespace

SnpTcb ParseSnpTcb(uint64_t raw, bool has_fmc) {
  if (has_fmc) {
    return {.fmc = ByteOf(raw, 0),
            .boot_loader = ByteOf(raw, 1),
            .tee = ByteOf(raw, 2),
            .snp = ByteOf(raw, 3),
            .microcode = ByteOf(raw, 7)};
  }
  return {.fmc = std::nullopt,
          .boot_loader = ByteOf(raw, 0),
          .tee = ByteOf(raw, 1),
          .snp = ByteOf(raw, 6),
          .microcode = ByteOf(raw, 7)};
}

std::string DescribeSnpTcb(const SnpTcb& tcb) {
  const std::string fmc = tcb.fmc ? fmt::format("FMC {}, ", *tcb.fmc) : std::string();
  return fmt::format("{}boot loader {}, TEE {}, SNP {}, microcode {}", fmc, tcb.boot_loader,
                     tcb.tee, tcb.snp, tcb.microcode);
}

Result<SnpReport> ParseSnpReport(std::span<const uint8_t> bytes, std::string_view name) {
  if (bytes.size() != kSnpReportSize) {
    return InvalidInput(fmt::format("{}: an SNP report has {} bytes, this has {}", name,
                                    kSnpReportSize, bytes.size()));
  }
  const FieldReader in(bytes);
  SnpReport report;
  report.version = in.U32(0x000);
  if (report.version < kMinSnpReportVersion || report.version > kMaxSnpReportVersion) {
    return InvalidInput(fmt::format("{}: SNP report of version {}, known are {} to {}", name,
                                    report.version, kMinSnpReportVersion, kMaxSnpReportVersion));
  }
  report.guest_svn = in.U32(0x004);
  report.policy = in.U64(0x008);
  report.family_id = in.Array<16>(0x010);
  report.image_id = in.Array<16>(0x020);
  report.vmpl = in.U32(0x030);
  report.signature_algorithm = in.U32(0x034);
  report.current_tcb = in.U64(0x038);
  report.platform_info = in.U64(0x040);
  const uint32_t key_info = in.U32(0x048);
  report.author_key_enabled = (key_info & kAuthorKeyEnabled) != 0;
  report.chip_key_masked = (key_info & kChipKeyMasked) != 0;
  report.signing_key = static_cast<uint8_t>(key_info >> kSigningKeyShift & kSigningKeyMask);
  report.report_data = in.Array<64>(0x050);
  report.measurement = in.Array<48>(0x090);
  report.host_data = in.Array<32>(0x0c0);
  report.id_key_digest = in.Array<48>(0x0e0);
  report.author_key_digest = in.Array<48>(0x110);
  report.report_id = in.Array<32>(0x140);
  report.report_id_ma = in.Array<32>(0x160);
  report.reported_tcb = in.U64(0x180);
  if (report.version >= kVersionWithCpuid) {
    report.cpuid =
        SnpCpuid{.family = in.U8(0x188), .model = in.U8(0x189), .stepping = in.U8(0x18a)};
  }
  report.chip_id = in.Array<64>(0x1a0);
  report.committed_tcb = in.U64(0x1e0);
  report.current = ParseVersion(in, 0x1e8);
  report.committed = ParseVersion(in, 0x1ec);
  report.launch_tcb = in.U64(0x1f0);
  if (report.version >= kVersionWithMitigations) {
    report.launch_mit_vector = in.U64(0x1f8);
    report.current_mit_vector = in.U64(0x200);
  }
  report.bytes.assign(bytes.begin(), bytes.end());
  return report;
}

std::string DescribeSnpPlatformInfo(uint64_t platform_info) {
  std::string text;
  for (const auto& [bit, words] : kPlatformBits) {
    if ((platform_info & bit) == 0) continue;
    text.append(text.empty() ? "" : ", ").append(words);
  }
  if (const uint64_t unknown = platform_info & ~kKnownPlatformBits; unknown != 0) {
    text += fmt::format("{}unknown bits {:#x}", text.empty() ? "" : ", ", unknown);
  }
  return text.empty() ? "nothing set" : text;
}

std::string SnpSigningKeyName(uint8_t key) {
  switch (static_cast<SnpSigningKey>(key)) {
    case SnpSigningKey::kVcek:
      return "VCEK";
    case SnpSigningKey::kVlek:
      return "VLEK";
    case SnpSigningKey::kNone:
      return "none";
  }
  return fmt::format("unknown ({})", key);
}

}  // namespace sealvm::attestation
