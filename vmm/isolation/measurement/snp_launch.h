// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_SNP_LAUNCH_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_SNP_LAUNCH_H_

#include <optional>
#include <span>

#include "memory/base/result.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/measurement/kernel_hashes.h"
#include "vmm/isolation/measurement/launch_plan.h"
#include "vmm/isolation/measurement/measured_step.h"
#include "vmm/isolation/measurement/sev_launch.h"

namespace sealvm {

// The bit of SEV_FEATURES that KVM sets in every SNP guest (AMD APM vol. 2, table B-4).
inline constexpr uint64_t kSevFeatureSnpActive = 1u << 0;

// The launch of an SNP guest: the image, the sections of its metadata in their order, the VMSAs.
// EC2 has the CPUID page behind all other sections, GCE does not measure memory of type SEC_MEM.
// `vcpus.sev_features` has kSevFeatureSnpActive. kInvalidInput when the firmware cannot be launched
// so.
Result<LaunchPlan> PlanSnpLaunch(const FirmwareImage& image, const SevMetadata& metadata,
                                 const std::optional<KernelHashTable>& hashes,
                                 const MeasuredVcpus& vcpus);

// The launch digest (AMD 56860, section 8.17.2, PAGE_INFO) after `steps`, from `seed`: zeros at the
// start of a launch, or the digest after the firmware for the steps behind it. A page that equals
// the one before is hashed once.
Sha384Digest SnpLaunchDigest(std::span<const LaunchStep> steps, const Sha384Digest& seed = {},
                             const StepObserver& observer = {});

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_SNP_LAUNCH_H_
