// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>

#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/ovmf_table.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/boot/firmware/tdx_metadata.h"
#include "vmm/boot/image_file.h"
#include "vmm/cli/measurement_report.h"
#include "vmm/isolation/measurement/sev_launch.h"
#include "vmm/isolation/measurement/snp_launch.h"
#include "vmm/isolation/measurement/tdx_launch.h"

namespace sealvm {
namespace {

// One calculation.
class Measurer {
 public:
  Measurer(const MeasureRequest& request, const FirmwareImage& firmware, const OvmfTable& table)
      : request_(request), firmware_(firmware), table_(table) {}

  Result<Measurement> Run() {
    measurement_.notes = request_.notes;
    if (!request_.kernel.empty()) SEALVM_TRY(OpenKernel());
    if (request_.isolation == IsolationMode::kTdx) {
      SEALVM_TRY(MeasureTdx());
    } else {
      SEALVM_TRY(MeasureSev());
    }
    return std::move(measurement_);
  }

 private:
  Result<> OpenKernel() {
    kernel_ = SEALVM_TRY(ImageFile::Open(request_.kernel, "--kernel"));
    if (!request_.initrd.empty()) {
      initrd_ = SEALVM_TRY(ImageFile::Open(request_.initrd, "--initrd"));
    }
    return {};
  }

  Result<> MeasureTdx() {
    const TdxMetadata metadata = SEALVM_TRY(RequireTdxMetadata(firmware_, table_));
    std::optional<KernelHashTable> hashes;
    if (kernel_ && metadata.hash_page_offset) {
      hashes = SEALVM_TRY(HashKernel(SEALVM_TRY(ParseSevMetadata(firmware_, table_))));
    } else if (kernel_) {
      measurement_.notes.emplace_back(kMrtdLacksKernel);
    }
    const LaunchPlan plan = SEALVM_TRY(PlanTdxLaunch(firmware_, metadata, {}, hashes));
    SetDigest("sha384", Mrtd(plan, request_.mrtd_order, Observer()));
    return {};
  }

  Result<> MeasureSev() {
    const SevMetadata metadata = SEALVM_TRY(ParseSevMetadata(firmware_, table_));
    if (metadata.secret_area) measurement_.secret_area_size = metadata.secret_area->size;
    std::optional<KernelHashTable> hashes;
    if (kernel_) {
      SEALVM_TRY(KernelHashArea(firmware_, metadata));
      hashes = SEALVM_TRY(HashKernel(metadata));
    }
    const MeasuredVcpus vcpus = {.count = request_.cpus,
                                 .signature = request_.vcpu_signature.value_or(0),
                                 .vmm = request_.vmm_type,
                                 .sev_features = request_.guest_features};
    if (request_.isolation == IsolationMode::kSnp) return MeasureSnp(metadata, hashes, vcpus);
    std::optional<MeasuredVcpus> measured;
    if (request_.isolation == IsolationMode::kSevEs) {
      measured = vcpus;
      // KVM_SEV_INIT2 is called without features for SEV-ES.
      measured->sev_features = 0;
    }
    const LaunchPlan plan = SEALVM_TRY(PlanSevLaunch(firmware_, metadata, hashes, measured));
    SetDigest("sha256", SevLaunchDigest(plan, Observer()));
    return {};
  }

  Result<> MeasureSnp(const SevMetadata& metadata, const std::optional<KernelHashTable>& hashes,
                      const MeasuredVcpus& vcpus) {
    const LaunchPlan plan = SEALVM_TRY(PlanSnpLaunch(firmware_, metadata, hashes, vcpus));
    if (request_.seed_digest) {
      SetDigest("sha384",
                SnpLaunchDigest(plan.steps_after_firmware(), *request_.seed_digest, Observer()));
    } else {
      SetDigest("sha384", SnpLaunchDigest(plan.steps(), {}, Observer()));
    }
    return {};
  }

  Result<KernelHashTable> HashKernel(const SevMetadata& metadata) {
    SEALVM_TRY(CheckEnforcement(metadata));
    measurement_.kernel_hashes =
        SEALVM_TRY(HashKernelFiles(*kernel_, initrd_ ? &*initrd_ : nullptr, request_.cmdline));
    return MakeKernelHashTable(*measurement_.kernel_hashes);
  }

  Result<> CheckEnforcement(const SevMetadata& metadata) {
    HashEnforcementVerdict verdict = JudgeHashEnforcement(firmware_, metadata.hash_area);
    std::string warning =
        SEALVM_TRY(CheckHashesEnforced(firmware_, verdict, request_.allow_unenforced_hashes));
    if (!warning.empty()) measurement_.notes.push_back(std::move(warning));
    measurement_.enforcement = std::move(verdict);
    return {};
  }

  template <typename Digest>
  void SetDigest(std::string algorithm, const Digest& digest) {
    measurement_.algorithm = std::move(algorithm);
    measurement_.digest.assign(digest.begin(), digest.end());
  }

  StepObserver Observer() {
    if (!request_.explain) return {};
    return [this](const MeasuredStep& step) {
      measurement_.lines.push_back({.operation = std::string(step.operation),
                                    .gpa = step.gpa,
                                    .size = step.size,
                                    .content = HexText(step.content_digest),
                                    .digest = HexText(step.digest),
                                    .what = std::string(step.what)});
    };
  }

  const MeasureRequest& request_;
  const FirmwareImage& firmware_;
  const OvmfTable& table_;
  std::optional<ImageFile> kernel_, initrd_;
  Measurement measurement_;
};

}  // namespace

Result<Measurement> Measure(const MeasureRequest& request) {
  const FirmwareImage firmware = SEALVM_TRY(FirmwareImage::Open(request.firmware, "--firmware"));
  SEALVM_TRY(CheckHasCode(firmware));
  const OvmfTable table = SEALVM_TRY(OvmfTable::Parse(firmware));
  return Measurer(request, firmware, table).Run();
}

}  // namespace sealvm
