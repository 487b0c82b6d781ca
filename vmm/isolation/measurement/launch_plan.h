// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_LAUNCH_PLAN_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_LAUNCH_PLAN_H_

#include <stdint.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "memory/guest_layout.h"

namespace sealvm {

// By what a step gets into the guest; where it names a page type, the type of AMD's SEV-SNP ABI
// (56860, section 8.17, SNP_LAUNCH_UPDATE).
enum class LaunchStepKind {
  kSevData,        // SEV, SEV-ES: KVM_SEV_LAUNCH_UPDATE_DATA
  kVmsa,           // SEV-ES: KVM_SEV_LAUNCH_UPDATE_VMSA; SNP: KVM_SEV_SNP_LAUNCH_FINISH
  kSnpNormal,      // the rest of SNP: KVM_SEV_SNP_LAUNCH_UPDATE
  kSnpZero,        //
  kSnpUnmeasured,  //
  kSnpSecrets,     //
  kSnpCpuid,       //
  kTdxAdd,         // KVM_TDX_INIT_MEM_REGION without measuring
  kTdxAddExtend,   // KVM_TDX_INIT_MEM_REGION with KVM_TDX_MEASURE_MEMORY_REGION
};

// One step of a launch. Steps are done, and measured, in their order and one after the other.
struct LaunchStep {
  LaunchStepKind kind = {};
  // Page aligned but for kSevData. A VMSA has the address that SNP measures it with.
  Gpa gpa = 0;
  uint64_t size = 0;  // bytes, whole pages but for kSevData
  // `size` bytes, page aligned where `gpa` is; or nothing: zeros, or what is not measured and the
  // launch makes (CPUID, secrets).
  std::span<const uint8_t> content = {};
  // For people: "firmware", "SEC_MEM", "vCPU 3".
  std::string what = {};
};

// What a launch puts into the guest before it starts, from which the digest is calculated and which
// the launch itself goes through. Holds the pages that were made for it and borrows the firmware
// image, which must outlive it. Move-only.
class LaunchPlan {
 public:
  using Page = std::array<uint8_t, kPageSize>;

  LaunchPlan() = default;
  LaunchPlan(LaunchPlan&&) = default;
  LaunchPlan& operator=(LaunchPlan&&) = default;

  const std::vector<LaunchStep>& steps() const { return steps_; }
  // Those behind the firmware image's, which a digest seeded with the firmware's leaves out.
  std::span<const LaunchStep> steps_after_firmware() const {
    return std::span(steps_).subspan(firmware_steps_);
  }

  void Add(LaunchStep step) { steps_.push_back(std::move(step)); }
  void AddFirmware(LaunchStep step) {
    Add(std::move(step));
    firmware_steps_ = steps_.size();
  }

  // A block of zeroed whole pages that lives as long as the plan, however it is moved.
  std::span<uint8_t> MakePages(uint64_t size) {
    const uint64_t pages = PageCeil(size) / kPageSize;
    blocks_.push_back(std::make_unique<AlignedPage[]>(pages));
    return {blocks_.back()[0].bytes.data(), pages * kPageSize};
  }

 private:
  struct alignas(kPageSize) AlignedPage {
    Page bytes = {};
  };

  std::vector<LaunchStep> steps_;
  size_t firmware_steps_ = 0;
  std::vector<std::unique_ptr<AlignedPage[]>> blocks_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_LAUNCH_PLAN_H_
