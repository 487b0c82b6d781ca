// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_LAUNCH_FIXTURE_H_
#define SEALVM_TESTS_MODEL_LAUNCH_FIXTURE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/kvm_double.h"
#include "vmm/api/config.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/isolation/confidential/confidential_guest.h"
#include "vmm/isolation/measurement/kernel_hashes.h"
#include "vmm/isolation/measurement/launch_plan.h"
#include "vmm/isolation/sev/sev_guest.h"
#include "vmm/isolation/snp/snp_guest.h"
#include "vmm/isolation/tdx/td_guest.h"
#include "vmm/kvm/system.h"

namespace sealvm::model {

// A host that has everything, with a CPU.
HostModel FullHost();

// What is launched. A test changes what it is about.
struct LaunchSetup {
  IsolationMode mode = IsolationMode::kSnp;
  uint32_t cpus = 2;
  uint64_t memory = 32 * kMiB;
  bool with_kernel = true;
  FirmwareBuilder firmware = {};
  // Changes the plan before it is launched, as a wrong program would.
  std::function<void(LaunchPlan&)> spoil_plan = {};
  uint64_t guest_policy = 0;
  uint64_t vmsa_features = 0;
  bool certificates = false;
  snp::LaunchFinish finish = {};
  tdx::TdParams::Register mr_config_id = {};
  tdx::TdParams::Register mr_owner = {};
  tdx::TdParams::Register mr_owner_config = {};
  // Of the owner of a SEV or SEV-ES guest.
  std::vector<uint8_t> dh_certificate = {};
  std::vector<uint8_t> session = {};
  std::optional<sev::LaunchOwner> owner = {};
};

inline constexpr IsolationMode kConfidentialModes[] = {IsolationMode::kSev, IsolationMode::kSevEs,
                                                       IsolationMode::kSnp, IsolationMode::kTdx};

LaunchSetup SetupOf(IsolationMode mode);

// A launch through the guest classes, in the order in which a machine does it.
class TestLaunch {
 public:
  TestLaunch(LaunchSetup setup, std::shared_ptr<KvmDouble> kvm);

  // All of it, and the boot vCPU's first run.
  Result<> Run();

  // What vmm/isolation/measurement says that the digest will be.
  std::vector<uint8_t> Expected() const { return expected_; }
  // What the model computed.
  std::vector<uint8_t> Found();

  ConfidentialGuest& guest() { return *guest_; }
  VmModel& vm() { return kvm_->vm(); }

 private:
  Result<LaunchPlan> Plan(const kvm::System& system);
  Result<std::unique_ptr<ConfidentialGuest>> MakeGuest(LaunchPlan plan, const kvm::System& system);
  Result<> AddVcpus(const std::vector<kvm_cpuid_entry2>& cpuid);

  LaunchSetup setup_;
  std::shared_ptr<KvmDouble> kvm_;
  FirmwareImage firmware_;
  std::vector<uint8_t> expected_;
  std::optional<uint32_t> ap_reset_eip_;
  uint64_t hob_ = 0;
  SevArea secret_area_ = {};
  std::optional<kvm::Vm> vm_;
  std::unique_ptr<ConfidentialGuest> guest_;
  std::vector<kvm::Vcpu> vcpus_;
};

// guest_memfds of the double, which the host can read, as if it could not.
Result<std::shared_ptr<PrivateMemory>> MakeModelMemfd(kvm::Vm& vm, uint64_t size,
                                                      const MemoryPolicy& policy);

// The page conversion that a guest of the double asks for, as an exit.
void AskForConversion(kvm_run& run, uint64_t gpa, uint64_t pages, bool to_private);

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_LAUNCH_FIXTURE_H_
