// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/hash_enforcement.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/boot/firmware/kernel_hash_guids.h"
#include "vmm/boot/firmware/volume_scan.h"
#include "vmm/crypto/digest.h"

namespace sealvm {
namespace {

// Images that were examined.
struct KnownImage {
  std::string_view sha256;
  std::string_view name;
};
constexpr KnownImage kEnforcingImages[] = {
    {"3e4fd0b3fe3b2dbe481c3d9e99418a034174f26cbe1f55aa212b0f18c12d2d6f",
     "OVMF.amdsev.fd of Debian's ovmf-amdsev 2026.08+ds-2"},
};

// What the verifying library compares with; the table's own GUID is not a datum in every build.
constexpr Guid kVerifierGuids[] = {kCmdlineHashGuid, kInitrdHashGuid, kKernelHashGuid};

}  // namespace

std::string_view HashEnforcementName(HashEnforcement enforcement) {
  switch (enforcement) {
    case HashEnforcement::kYes:
      return "yes";
    case HashEnforcement::kNo:
      return "no";
    case HashEnforcement::kUnknown:
      break;
  }
  return "unknown";
}

HashEnforcementVerdict JudgeHashEnforcement(const FirmwareImage& image,
                                            const std::optional<SevArea>& hash_area) {
  if (!hash_area || hash_area->empty()) {
    return {HashEnforcement::kNo, "it has no area for a kernel hash table"};
  }
  if (IsBuiltInFirmware(image)) {
    return {HashEnforcement::kYes, "it is this sealvm's own guest-fw"};
  }
  const std::string sha256 = HexText(Sha256Of(image.bytes()));
  const auto known = std::ranges::find(kEnforcingImages, sha256, &KnownImage::sha256);
  if (known != std::end(kEnforcingImages)) {
    return {HashEnforcement::kYes, fmt::format("it is {}", known->name)};
  }
  const VolumeScan scan = ScanVolumes(image.bytes(), kVerifierGuids);
  if (std::ranges::all_of(scan.found, std::identity())) {
    return {HashEnforcement::kYes, "its drivers hold the code that compares the hashes"};
  }
  if (scan.unpacked > 0 && scan.damaged == 0) {
    return {HashEnforcement::kNo,
            "it has an area for a kernel hash table, and no code that compares anything with it"};
  }
  return {HashEnforcement::kUnknown,
          "it has an area for a kernel hash table, and its drivers cannot be looked into"};
}

Result<std::string> CheckHashesEnforced(const FirmwareImage& image,
                                        const HashEnforcementVerdict& verdict, bool allowed) {
  if (verdict.enforcement == HashEnforcement::kYes) return std::string();
  std::string trap = fmt::format(
      "{}: --kernel would be measured and not enforced: {}. The digest would promise a kernel, and "
      "the host could load another",
      image.name(), verdict.reason);
  if (allowed) return trap;
  return InvalidInput(std::move(trap),
                      "use guest-fw or OVMF.amdsev.fd of Debian's ovmf-amdsev, leave --kernel out, "
                      "or, knowing that, --allow-unenforced-hashes on");
}

}  // namespace sealvm
