// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_GUEST_PLAN_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_GUEST_PLAN_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/api/config.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/isolation/measurement/kernel_hashes.h"
#include "vmm/isolation/measurement/launch_plan.h"

namespace sealvm {

// What the digest of a guest of this VMM depends on besides its firmware.
struct GuestPlanRequest {
  IsolationMode mode = IsolationMode::kSnp;
  GuestLayout layout;
  // SEV-ES, SNP: the vCPUs with CPUID(1).EAX; SNP: SEV_FEATURES with bit 0.
  uint32_t cpus = 1;
  uint32_t signature = 0;
  uint64_t sev_features = 1;
  // With a kernel. In a TD they are part of the digest with guest-fw alone: other firmware measures
  // what it loads into RTMRs.
  std::optional<KernelHashes> kernel_hashes = {};
  bool allow_unenforced_hashes = false;
};

struct GuestPlan {
  LaunchPlan plan;
  std::vector<uint8_t> digest;
  // SEV-ES, SNP: where the other vCPUs start.
  std::optional<uint32_t> ap_reset_eip = {};
  // SEV, SEV-ES: where the firmware wants a launch secret; empty for nowhere.
  Gpa secret_gpa = 0;
  uint64_t secret_size = 0;  // bytes
  // TDX: what vCPUs find in RCX; 0 where the firmware wants no hand-off block.
  Gpa hob = 0;
  // What the user has to know; empty for nothing.
  std::string warning = {};
};

// Plans the launch and calculates its digest: what `measure` does for QEMU's and this VMM's guests.
// `image` must outlive the plan. kInvalidInput when the firmware cannot be launched so, or does not
// enforce the hashes of a kernel.
Result<GuestPlan> PlanGuest(const FirmwareImage& image, const GuestPlanRequest& request);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_GUEST_PLAN_H_
