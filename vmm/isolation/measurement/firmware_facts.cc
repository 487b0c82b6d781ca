// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/firmware_facts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/image_file.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/measurement/snp_launch.h"
#include "vmm/isolation/measurement/tdx_launch.h"

namespace sealvm {
namespace {

// EFI_FIRMWARE_VOLUME_HEADER.Signature (PI specification 1.8 volume 3, section 3.2.1).
constexpr uint64_t kVolumeSignatureOffset = 0x28;
constexpr std::string_view kVolumeSignature = "_FVH";
// Where the OVMF table's footer has its GUID, from the file's end.
constexpr uint64_t kFooterGuidFromEnd = 0x30;

struct KnownEntry {
  Guid guid;
  std::string_view name;
};
constexpr KnownEntry kKnownEntries[] = {
    {kSevEsResetBlockGuid, "SEV-ES reset block"},
    {kSevSecretBlockGuid, "SEV launch secret area"},
    {kSevHashTableBlockGuid, "SEV kernel hash table area"},
    {kSevMetadataOffsetGuid, "SEV metadata offset"},
    {kTdxMetadataOffsetGuid, "TDX metadata offset"},
    {kTdxHashPageGuid, "TDX kernel hash page"},
    {Guid::Of("784fa70e-3176-4677-8a20-04b68699e374"), "IGVM parameters offset"},
};

// The bytes at `offset` equal `expected`.
bool HasAt(const ImageFile& file, uint64_t offset, std::span<const uint8_t> expected) {
  std::array<uint8_t, 16> bytes = {};
  const auto read = std::span(bytes).first(expected.size());
  return file.Contains(offset, read.size()) && file.Read(offset, read).has_value() &&
         std::ranges::equal(read, expected);
}

bool LooksLikeFirmware(const ImageFile& file) {
  const std::span signature(reinterpret_cast<const uint8_t*>(kVolumeSignature.data()),
                            kVolumeSignature.size());
  if (HasAt(file, kVolumeSignatureOffset, signature)) return true;
  return file.size() >= kFooterGuidFromEnd &&
         HasAt(file, file.size() - kFooterGuidFromEnd, kOvmfTableFooterGuid.bytes);
}

FirmwareFacts::TableEntry Describe(const OvmfTableEntry& entry) {
  const auto known = std::ranges::find(kKnownEntries, entry.guid, &KnownEntry::guid);
  return {.guid = entry.guid.ToString(),
          .name = std::string(known != std::end(kKnownEntries) ? known->name : "unknown"),
          .size = entry.data.size()};
}

// Whether a guest could be launched, by trying.
template <typename T>
FirmwareFacts::Mode ModeOf(std::string_view name, const Result<T>& plan) {
  return {.name = std::string(name),
          .supported = plan.has_value(),
          .reason = plan ? std::string() : plan.error().message};
}

FirmwareFacts::Mode NoMode(std::string name, std::string reason) {
  return {.name = std::move(name), .reason = std::move(reason)};
}

void AddSev(const FirmwareImage& image, FirmwareFacts& facts) {
  facts.digests.push_back({"SEV launch digest without a kernel", HexText(Sha256Of(image.bytes()))});
  if (!facts.sev) {
    for (const char* mode : {"sev", "sev-es", "snp"}) {
      facts.modes.push_back(NoMode(mode, facts.sev_error));
    }
    return;
  }
  facts.modes.push_back(facts.has_table
                            ? FirmwareFacts::Mode{.name = "sev", .supported = true, .reason = {}}
                            : NoMode("sev", "it has no OVMF table"));
  // More than one vCPU needs what SEV-ES needs of a firmware.
  const MeasuredVcpus vcpus = {.count = 2, .sev_features = kSevFeatureSnpActive};
  facts.modes.push_back(ModeOf("sev-es", PlanSevLaunch(image, *facts.sev, {}, vcpus)));
  const Result<LaunchPlan> snp = PlanSnpLaunch(image, *facts.sev, {}, vcpus);
  facts.modes.push_back(ModeOf("snp", snp));
  if (!snp) return;
  const size_t behind = snp->steps_after_firmware().size();
  const auto firmware = std::span(snp->steps()).first(snp->steps().size() - behind);
  facts.digests.push_back({"SNP digest after the firmware", HexText(SnpLaunchDigest(firmware))});
}

void AddTdx(const FirmwareImage& image, FirmwareFacts& facts) {
  if (!facts.tdx) {
    facts.modes.push_back(
        NoMode("tdx", facts.tdx_error.empty() ? "it has no TDX metadata" : facts.tdx_error));
    return;
  }
  const Result<LaunchPlan> plan = PlanTdxLaunch(image, *facts.tdx);
  facts.modes.push_back(ModeOf("tdx", plan));
  if (!plan) return;
  for (MrtdOrder order : {MrtdOrder::kOnePass, MrtdOrder::kTwoPass}) {
    facts.digests.push_back(
        {"MRTD, " + std::string(MrtdOrderName(order)), HexText(Mrtd(*plan, order))});
  }
}

}  // namespace

Result<std::optional<FirmwareFacts>> InspectFirmware(const std::string& path) {
  if (!LooksLikeFirmware(SEALVM_TRY(ImageFile::Open(path)))) return std::nullopt;
  const FirmwareImage image = SEALVM_TRY(FirmwareImage::Open(path));
  const OvmfTable table = SEALVM_TRY(OvmfTable::Parse(image));
  FirmwareFacts facts;
  facts.path = path;
  facts.size = image.size();
  facts.base = image.base();
  facts.has_table = table.present();
  for (const OvmfTableEntry& entry : table.entries()) facts.table.push_back(Describe(entry));
  Result<SevMetadata> sev = ParseSevMetadata(image, table);
  if (sev) {
    facts.sev = *std::move(sev);
  } else {
    facts.sev_error = sev.error().message;
  }
  Result<std::optional<TdxMetadata>> tdx = ParseTdxMetadata(image, table);
  if (tdx) {
    facts.tdx = *std::move(tdx);
  } else {
    facts.tdx_error = tdx.error().message;
  }
  facts.digests.push_back({"SHA-256 of the file", HexText(Sha256Of(image.bytes()))});
  AddSev(image, facts);
  AddTdx(image, facts);
  facts.enforcement = JudgeHashEnforcement(image, facts.sev ? facts.sev->hash_area : std::nullopt);
  return facts;
}

}  // namespace sealvm
