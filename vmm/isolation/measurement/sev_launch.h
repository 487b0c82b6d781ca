// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_SEV_LAUNCH_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_SEV_LAUNCH_H_

#include <stdint.h>

#include <optional>

#include "memory/base/result.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/measurement/kernel_hashes.h"
#include "vmm/isolation/measurement/launch_plan.h"
#include "vmm/isolation/measurement/measured_step.h"
#include "vmm/isolation/measurement/vcpu_reset_state.h"

namespace sealvm {

// Every vCPU that starts with the guest is measured, so their number is part of a digest.
inline constexpr uint32_t kMaxMeasuredVcpus = 4096;

// What is measured of the vCPUs of a SEV-ES or SNP guest.
struct MeasuredVcpus {
  uint32_t count = 1;
  uint32_t signature = 0;  // CPUID(1).EAX
  VmmType vmm = VmmType::kQemu;
  uint64_t sev_features = 0;
};

// SNP's address of a VMSA: what the hardware calls all ones is cut to the page of 48 bits (AMD
// 56860 section 8.17; Linux arch/x86/kvm/svm/sev.c).
inline constexpr Gpa kVmsaGpa = 0xfffffffff000;

// Adds a kVmsa step for each vCPU, the boot processor first. kInvalidInput for a number out of
// bounds, or more than one where the firmware does not say where the others start.
Result<> AddVmsas(const FirmwareImage& image, const SevMetadata& metadata,
                  const MeasuredVcpus& vcpus, LaunchPlan& plan);

// kInvalidInput unless the firmware has an area that holds the kernel hash table.
Result<SevArea> KernelHashArea(const FirmwareImage& image, const SevMetadata& metadata);

// The launch of a SEV guest, or with `vcpus` of a SEV-ES guest: the image, the hash table where it
// is given, the VMSAs (Linux Documentation/virt/kvm/x86/amd-memory-encryption.rst).
Result<LaunchPlan> PlanSevLaunch(const FirmwareImage& image, const SevMetadata& metadata,
                                 const std::optional<KernelHashTable>& hashes,
                                 const std::optional<MeasuredVcpus>& vcpus);

// GCTX.LD of AMD's SEV API (55766, section 4.6): SHA-256 of all content in the plan's order.
Sha256Digest SevLaunchDigest(const LaunchPlan& plan, const StepObserver& observer = {});

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_SEV_LAUNCH_H_
