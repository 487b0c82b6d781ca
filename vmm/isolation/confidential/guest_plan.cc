// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/guest_plan.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/boot/firmware/hash_enforcement.h"
#include "vmm/boot/firmware/ovmf_table.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/boot/firmware/tdx_metadata.h"
#include "vmm/isolation/measurement/sev_launch.h"
#include "vmm/isolation/measurement/snp_launch.h"
#include "vmm/isolation/measurement/td_hob.h"
#include "vmm/isolation/measurement/tdx_launch.h"

namespace sealvm {
namespace {

template <typename Digest>
std::vector<uint8_t> Bytes(const Digest& digest) {
  return {digest.begin(), digest.end()};
}

Result<std::string> CheckEnforcement(const FirmwareImage& image, const SevMetadata& metadata,
                                     bool allow_unenforced) {
  return CheckHashesEnforced(image, JudgeHashEnforcement(image, metadata.hash_area),
                             allow_unenforced);
}

Result<GuestPlan> PlanTd(const FirmwareImage& image, const OvmfTable& table,
                         const GuestPlanRequest& request) {
  const TdxMetadata metadata = SEALVM_TRY(RequireTdxMetadata(image, table));
  GuestPlan guest;
  std::vector<uint8_t> hob;
  for (const TdxSection& section : metadata.sections) {
    if (section.type == TdxSectionType::kTdHob) guest.hob = section.gpa;
  }
  if (guest.hob != 0) {
    const std::vector<RamRange> ram(request.layout.ram().begin(), request.layout.ram().end());
    hob = SEALVM_TRY(BuildTdHob(ram, metadata));
  }
  std::optional<KernelHashTable> hashes;
  if (request.kernel_hashes && !metadata.hash_page_offset) {
    guest.warning = kMrtdLacksKernel;
  } else if (request.kernel_hashes) {
    guest.warning = SEALVM_TRY(CheckEnforcement(image, SEALVM_TRY(ParseSevMetadata(image, table)),
                                                request.allow_unenforced_hashes));
    hashes = MakeKernelHashTable(*request.kernel_hashes);
  }
  guest.plan = SEALVM_TRY(PlanTdxLaunch(image, metadata, hob, hashes));
  guest.digest = Bytes(Mrtd(guest.plan));
  return guest;
}

Result<GuestPlan> PlanSevFamily(const FirmwareImage& image, const OvmfTable& table,
                                const GuestPlanRequest& request) {
  const SevMetadata metadata = SEALVM_TRY(ParseSevMetadata(image, table));
  GuestPlan guest;
  guest.ap_reset_eip = metadata.ap_reset_eip;
  if (metadata.secret_area) {
    guest.secret_gpa = metadata.secret_area->gpa;
    guest.secret_size = metadata.secret_area->size;
  }
  std::optional<KernelHashTable> hashes;
  if (request.kernel_hashes) {
    SEALVM_TRY(KernelHashArea(image, metadata));
    guest.warning = SEALVM_TRY(CheckEnforcement(image, metadata, request.allow_unenforced_hashes));
    hashes = MakeKernelHashTable(*request.kernel_hashes);
  }
  MeasuredVcpus vcpus = {.count = request.cpus, .signature = request.signature};
  if (request.mode == IsolationMode::kSnp) {
    vcpus.sev_features = request.sev_features;
    guest.plan = SEALVM_TRY(PlanSnpLaunch(image, metadata, hashes, vcpus));
    guest.digest = Bytes(SnpLaunchDigest(guest.plan.steps()));
    return guest;
  }
  std::optional<MeasuredVcpus> measured;
  if (request.mode == IsolationMode::kSevEs) measured = vcpus;
  guest.plan = SEALVM_TRY(PlanSevLaunch(image, metadata, hashes, measured));
  guest.digest = Bytes(SevLaunchDigest(guest.plan));
  return guest;
}

}  // namespace

Result<GuestPlan> PlanGuest(const FirmwareImage& image, const GuestPlanRequest& request) {
  const OvmfTable table = SEALVM_TRY(OvmfTable::Parse(image));
  return request.mode == IsolationMode::kTdx ? PlanTd(image, table, request)
                                             : PlanSevFamily(image, table, request);
}

}  // namespace sealvm
