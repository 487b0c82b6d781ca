// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/sev_launch.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealvm {
namespace {

std::span<const uint8_t> MakeVmsa(const MeasuredVcpus& vcpus, uint32_t eip, LaunchPlan& plan) {
  const auto page = plan.MakePages(kPageSize).first<kPageSize>();
  BuildVmsa(MakeResetState(vcpus.vmm, eip, vcpus.signature), vcpus.sev_features, page);
  return page;
}

}  // namespace

Result<> AddVmsas(const FirmwareImage& image, const SevMetadata& metadata,
                  const MeasuredVcpus& vcpus, LaunchPlan& plan) {
  if (vcpus.count == 0 || vcpus.count > kMaxMeasuredVcpus) {
    return InvalidInput(fmt::format("a guest cannot have {} vCPUs", vcpus.count),
                        fmt::format("give a number from 1 to {}", kMaxMeasuredVcpus));
  }
  const uint32_t ap_eip = metadata.ap_reset_eip.value_or(0);
  if (vcpus.count > 1 && ap_eip == 0) {
    return InvalidInput(
        fmt::format("{}: has no SEV-ES reset block: more than one vCPU cannot start", image.name()),
        "give one vCPU or another firmware");
  }
  std::span<const uint8_t> page = MakeVmsa(vcpus, kResetVector, plan);
  for (uint32_t i = 0; i < vcpus.count; ++i) {
    if (i == 1) page = MakeVmsa(vcpus, ap_eip, plan);
    plan.Add({.kind = LaunchStepKind::kVmsa,
              .gpa = kVmsaGpa,
              .size = kPageSize,
              .content = page,
              .what = fmt::format("vCPU {}", i)});
  }
  return {};
}

Result<SevArea> KernelHashArea(const FirmwareImage& image, const SevMetadata& metadata) {
  constexpr std::string_view kHint = "without --kernel, or with OVMF.amdsev.fd of ovmf-amdsev";
  if (!metadata.hash_area || metadata.hash_area->empty()) {
    return InvalidInput(
        fmt::format("{}: has no area for a kernel hash table: --kernel cannot be measured",
                    image.name()),
        std::string(kHint));
  }
  const SevArea area = *metadata.hash_area;
  if (area.size < kKernelHashTableSize || area.gpa > image.base() ||
      area.size > image.base() - area.gpa) {
    return InvalidInput(
        fmt::format("{}: its area for a kernel hash table, {:#x} bytes at {:#x}, is "
                    "too small or does not end below the image",
                    image.name(), area.size, area.gpa),
        std::string(kHint));
  }
  return area;
}

Result<LaunchPlan> PlanSevLaunch(const FirmwareImage& image, const SevMetadata& metadata,
                                 const std::optional<KernelHashTable>& hashes,
                                 const std::optional<MeasuredVcpus>& vcpus) {
  // Without integrity the host could replace what was verified.
  if (IsBuiltInFirmware(image)) {
    return InvalidInput(fmt::format("{}: guest-fw runs in snp and tdx guests alone", image.name()),
                        "such as OVMF.amdsev.fd of Debian's ovmf-amdsev");
  }
  LaunchPlan plan;
  plan.AddFirmware({.kind = LaunchStepKind::kSevData,
                    .gpa = image.base(),
                    .size = image.size(),
                    .content = image.bytes(),
                    .what = "firmware"});
  if (hashes) {
    const SevArea area = SEALVM_TRY(KernelHashArea(image, metadata));
    const auto table = plan.MakePages(kPageSize).first<kKernelHashTableSize>();
    std::ranges::copy(*hashes, table.begin());
    plan.Add({.kind = LaunchStepKind::kSevData,
              .gpa = area.gpa,
              .size = table.size(),
              .content = table,
              .what = "kernel hash table"});
  }
  if (vcpus) SEALVM_TRY(AddVmsas(image, metadata, *vcpus, plan));
  return plan;
}

Sha256Digest SevLaunchDigest(const LaunchPlan& plan, const StepObserver& observer) {
  Sha256Stream stream;
  for (const LaunchStep& step : plan.steps()) {
    stream.Update(step.content);
    if (!observer) continue;
    Sha256Stream so_far = stream;
    observer({.operation = step.kind == LaunchStepKind::kVmsa ? "VMSA" : "DATA",
              .gpa = step.gpa,
              .size = step.size,
              .content_digest = Sha256Of(step.content),
              .digest = so_far.Finish(),
              .what = step.what});
  }
  return stream.Finish();
}

}  // namespace sealvm
