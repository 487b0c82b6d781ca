// SPDX-License-Identifier: Apache-2.0
#include "tests/model/launch_fixture.h"

#include <algorithm>
#include <utility>

#include "memory/fd_memory.h"
#include "tests/model/sev_model.h"
#include "tests/model/snp_model.h"
#include "tests/model/tdx_model.h"
#include "vmm/boot/firmware/ovmf_table.h"
#include "vmm/isolation/confidential/map_gpa_range.h"
#include "vmm/isolation/confidential/vm_type.h"
#include "vmm/isolation/measurement/sev_launch.h"
#include "vmm/isolation/measurement/snp_launch.h"
#include "vmm/isolation/measurement/td_hob.h"
#include "vmm/isolation/measurement/tdx_launch.h"
#include "vmm/isolation/sev/sev_face.h"
#include "vmm/kvm/testing_cpuid.h"

namespace sealvm::model {
namespace {

constexpr uint64_t kKvmHcMapGpaRange = 12;
constexpr uint64_t kEncrypted = 1u << 4;

kvm_cpuid_entry2 Leaf(uint32_t function, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx) {
  return kvm::TestingLeaf(function, 0, {eax, ebx, ecx, edx});
}

template <typename Digest>
std::vector<uint8_t> Bytes(const Digest& digest) {
  return {digest.begin(), digest.end()};
}

}  // namespace

HostModel FullHost() {
  HostModel host;
  host.supported_cpuid = {Leaf(0x0, 0x10, 0x68747541, 0x444d4163, 0x69746e65),
                          Leaf(0x1, 0xa00f11, 0x800, 0x7ef8320b, 0x178bfbff),
                          kvm::TestingSubleaf(0x7, 0, {1, 0x219c97ab, 0x40061c, 0xfc000010}),
                          kvm::TestingSubleaf(0x7, 1, {.eax = 0x30}),
                          kvm::TestingSubleaf(0xd, 0, {0x2e7, 0x240, 0x988, 0}),
                          kvm::TestingSubleaf(0xd, 1, {0xf, 0x240, 0x1800, 0}),
                          Leaf(0x40000000, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d),
                          Leaf(0x40000001, 0x1007efb, 0, 0, 0),
                          Leaf(0x80000000, 0x8000001f, 0, 0, 0),
                          Leaf(0x80000008, 0x303030, 0, 0, 0),
                          Leaf(0x8000001f, 0xf, 0x5f0 | 51, 0, 0)};
  // Without the flag of subleaves, as Linux 6.16 has it.
  host.td_cpuid = {Leaf(0x1, 0x0fff3fff, 0x00ff0000, 0x01000000, 0),
                   kvm::TestingLeaf(0x7, 0, {0, 0x21000000, 0x400000, 0x10}),
                   kvm::TestingLeaf(0x7, 1, {.eax = 0x30}), Leaf(0x80000008, 0x00ff0000, 0, 0, 0)};
  return host;
}

LaunchSetup SetupOf(IsolationMode mode) {
  LaunchSetup setup;
  setup.mode = mode;
  if (mode == IsolationMode::kSnp) setup.guest_policy = 0x30000;
  if (mode == IsolationMode::kSev) setup.guest_policy = 0x1;
  if (mode == IsolationMode::kSevEs) setup.guest_policy = 0x5;
  return setup;
}

Result<std::shared_ptr<PrivateMemory>> MakeModelMemfd(kvm::Vm& vm, uint64_t size,
                                                      const MemoryPolicy&) {
  Fd fd = SEALVM_TRY(vm.CreateGuestMemfd(size, 0));
  return SEALVM_TRY(FdMemory::Create(std::move(fd), size, {.provider = "model"}));
}

TestLaunch::TestLaunch(LaunchSetup setup, std::shared_ptr<KvmDouble> kvm)
    : setup_(std::move(setup)), kvm_(std::move(kvm)), firmware_(setup_.firmware.Image()) {}

Result<LaunchPlan> TestLaunch::Plan(const kvm::System& system) {
  const OvmfTable table = SEALVM_TRY(OvmfTable::Parse(firmware_));
  const GuestLayout layout = SEALVM_TRY(GuestLayout::Create(setup_.memory));
  if (setup_.mode == IsolationMode::kTdx) {
    const auto metadata = SEALVM_TRY(ParseTdxMetadata(firmware_, table));
    const std::vector<RamRange> ram(layout.ram().begin(), layout.ram().end());
    const std::vector<uint8_t> hob = SEALVM_TRY(BuildTdHob(ram, *metadata));
    for (const TdxSection& section : metadata->sections) {
      if (section.type == TdxSectionType::kTdHob) hob_ = section.gpa;
    }
    LaunchPlan plan = SEALVM_TRY(PlanTdxLaunch(firmware_, *metadata, hob));
    expected_ = Bytes(Mrtd(plan));
    return plan;
  }
  const SevMetadata metadata = SEALVM_TRY(ParseSevMetadata(firmware_, table));
  std::optional<KernelHashTable> hashes;
  if (setup_.with_kernel) {
    hashes = MakeKernelHashTable({.kernel = Sha256Of(std::vector<uint8_t>{1}),
                                  .initrd = Sha256Of(std::vector<uint8_t>{2}),
                                  .cmdline = Sha256Of(std::vector<uint8_t>{3})});
  }
  MeasuredVcpus vcpus = {.count = setup_.cpus,
                         .signature = sev::SignatureOf(SEALVM_TRY(system.SupportedCpuid()))};
  ap_reset_eip_ = metadata.ap_reset_eip;
  secret_area_ = metadata.secret_area.value_or(SevArea{});
  if (setup_.mode == IsolationMode::kSnp) {
    vcpus.sev_features = kSevFeatureSnpActive | setup_.vmsa_features;
    LaunchPlan plan = SEALVM_TRY(PlanSnpLaunch(firmware_, metadata, hashes, vcpus));
    expected_ = Bytes(SnpLaunchDigest(plan.steps()));
    return plan;
  }
  vcpus.sev_features = setup_.vmsa_features;
  const bool es = setup_.mode == IsolationMode::kSevEs;
  LaunchPlan plan = SEALVM_TRY(PlanSevLaunch(
      firmware_, metadata, hashes, es ? std::optional(vcpus) : std::optional<MeasuredVcpus>()));
  expected_ = Bytes(SevLaunchDigest(plan));
  return plan;
}

Result<std::unique_ptr<ConfidentialGuest>> TestLaunch::MakeGuest(LaunchPlan plan,
                                                                 const kvm::System& system) {
  const GuestLayout layout = SEALVM_TRY(GuestLayout::Create(setup_.memory));
  const PrivateRam::Options memory = {.layout = layout,
                                      .firmware_size = firmware_.size(),
                                      .memory_lock_limit = UINT64_MAX,
                                      .make_private = MakeModelMemfd};
  if (setup_.mode == IsolationMode::kTdx) {
    tdx::TdGuest::Options options = {.memory = memory,
                                     .cpus = setup_.cpus,
                                     .mr_config_id = setup_.mr_config_id,
                                     .mr_owner = setup_.mr_owner,
                                     .mr_owner_config = setup_.mr_owner_config,
                                     .hob = hob_};
    return std::make_unique<tdx::TdGuest>(std::move(options), std::move(plan), *vm_, Logger());
  }
  kvm::SevDevice device = SEALVM_TRY(kvm::SevDevice::Open(system.kernel()));
  if (setup_.mode == IsolationMode::kSnp) {
    snp::SnpGuest::Options options = {.memory = memory,
                                      .guest_policy = setup_.guest_policy,
                                      .vmsa_features = setup_.vmsa_features,
                                      .ap_reset_eip = ap_reset_eip_,
                                      .certificates = setup_.certificates,
                                      .finish = setup_.finish};
    return std::make_unique<snp::SnpGuest>(std::move(options), std::move(plan), *vm_,
                                           std::move(device), Logger());
  }
  sev::SevGuest::Options options = {.encrypted_state = setup_.mode == IsolationMode::kSevEs,
                                    .layout = layout,
                                    .firmware_size = firmware_.size(),
                                    .guest_policy = static_cast<uint32_t>(setup_.guest_policy),
                                    .vmsa_features = setup_.vmsa_features,
                                    .ap_reset_eip = ap_reset_eip_,
                                    .dh_certificate = setup_.dh_certificate,
                                    .session = setup_.session,
                                    .owner = setup_.owner,
                                    .digest = expected_,
                                    .secret_gpa = secret_area_.gpa,
                                    .secret_size = secret_area_.size};
  return std::make_unique<sev::SevGuest>(std::move(options), std::move(plan), *vm_,
                                         std::move(device));
}

Result<> TestLaunch::AddVcpus(const std::vector<kvm_cpuid_entry2>& cpuid) {
  for (uint32_t id = 0; id < setup_.cpus; ++id) {
    vcpus_.push_back(SEALVM_TRY(vm_->CreateVcpu(id)));
    SEALVM_TRY(guest_->AddVcpu(vcpus_.back(), cpuid));
  }
  return {};
}

Result<> TestLaunch::Run() {
  const kvm::System system = SEALVM_TRY(kvm::System::Open("/dev/kvm", kvm_));
  LaunchPlan plan = SEALVM_TRY(Plan(system));
  if (setup_.spoil_plan) setup_.spoil_plan(plan);
  vm_ = SEALVM_TRY(system.CreateVm(VmTypeOf(setup_.mode)->number));
  guest_ = SEALVM_TRY(MakeGuest(std::move(plan), system));
  std::vector<kvm_cpuid_entry2> cpuid = SEALVM_TRY(system.SupportedCpuid());
  guest_->AdjustCpuid(cpuid);
  SEALVM_TRY(guest_->InitVm(cpuid));
  SEALVM_TRY(guest_->CreateInterruptControllers());
  SEALVM_TRY(guest_->CreateMemory());
  SEALVM_TRY(AddVcpus(cpuid));
  std::vector<kvm::Vcpu*> vcpus;
  for (kvm::Vcpu& vcpu : vcpus_) vcpus.push_back(&vcpu);
  SEALVM_TRY(guest_->Launch(vcpus));
  // A guest's first wish: a page to share with its devices.
  kvm_->guest = [](VmModel& vm, kvm_run& run) {
    if (vm.has_private_memory() && vm.exit_hypercalls == 0) return ENOSYS;
    run.exit_reason = KVM_EXIT_SHUTDOWN;
    if (vm.has_private_memory()) AskForConversion(run, 0x1000, 1, false);
    return 0;
  };
  for (const auto& vcpu : vm().vcpus) {
    if (vm().CheckRun(*vcpu) != 0) return HostError("a vCPU does not run");
  }
  const kvm::VcpuExit exit = SEALVM_TRY(vcpus_.front().Run());
  if (const auto* call = std::get_if<kvm::HypercallExit>(&exit)) {
    SEALVM_TRY(HandleMapGpaRange(*guest_->private_ram(), *call));
    if (vm().private_pages.Contains(0x1000, 0x2000)) return HostError("the page is still private");
  }
  return {};
}

std::vector<uint8_t> TestLaunch::Found() {
  if (vm().sev) return Bytes(vm().sev->Digest());
  if (vm().snp) return Bytes(vm().snp->launch_digest());
  return Bytes(vm().tdx->Mrtd());
}

void AskForConversion(kvm_run& run, uint64_t gpa, uint64_t pages, bool to_private) {
  run.exit_reason = KVM_EXIT_HYPERCALL;
  run.hypercall.nr = kKvmHcMapGpaRange;
  run.hypercall.args[0] = gpa;
  run.hypercall.args[1] = pages;
  run.hypercall.args[2] = to_private ? kEncrypted : 0;
  run.hypercall.ret = 0;
}

}  // namespace sealvm::model
