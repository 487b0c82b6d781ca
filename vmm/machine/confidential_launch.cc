// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/confidential_launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/boot/image_file.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/sev_blob.h"
#include "vmm/isolation/attestation/sev_launch.h"
#include "vmm/isolation/attestation/sev_policy.h"
#include "vmm/isolation/attestation/snp_id_block.h"
#include "vmm/isolation/attestation/snp_policy.h"
#include "vmm/isolation/confidential/host_support.h"
#include "vmm/isolation/confidential/vm_type.h"
#include "vmm/isolation/measurement/snp_launch.h"
#include "vmm/isolation/sev/sev_face.h"
#include "vmm/isolation/sev/sev_guest.h"
#include "vmm/isolation/snp/snp_guest.h"
#include "vmm/isolation/tdx/td_guest.h"

namespace sealvm {
namespace {

// A Diffie-Hellman certificate is a SEV certificate (AMD SEV API 0.24, appendix C.1).
constexpr uint64_t kSevCertificateSize = 0x824;

Result<std::vector<uint8_t>> ReadWhole(const std::string& path, std::string_view option,
                                       uint64_t size) {
  const ImageFile file = SEALVM_TRY(ImageFile::Open(path, option));
  if (file.size() != size) {
    return InvalidInput(
        fmt::format("{} {}: has {} bytes, not {}", option, path, file.size(), size));
  }
  return file.ReadAll();
}

// What the owner made of the platform's certificates.
Result<std::vector<uint8_t>> ReadOwnersFile(const std::string& path, std::string_view option,
                                            size_t size) {
  const ImageFile file = SEALVM_TRY(ImageFile::Open(path, option));
  if (file.size() > attestation::MaxSevBlobFile(size)) {
    return InvalidInput(
        fmt::format("{}: has {} bytes, too many for {} in base64", file.name(), file.size(), size));
  }
  return attestation::DecodeSevBlob(SEALVM_TRY(file.ReadAll()), size, file.name());
}

}  // namespace

Result<std::unique_ptr<ConfidentialLaunch>> ConfidentialLaunch::Open(const MachineConfig& config,
                                                                     const FirmwareImage& firmware,
                                                                     const FirmwareBootFiles& files,
                                                                     Logger logger) {
  GuestLayout layout = SEALVM_TRY(GuestLayout::Create(config.memory_bytes));
  std::unique_ptr<ConfidentialLaunch> launch(
      new ConfidentialLaunch(config, std::move(layout), firmware, std::move(logger)));
  if (files.kernel) {
    launch->kernel_hashes_ =
        SEALVM_TRY(HashKernelFiles(*files.kernel, files.initrd.get(), config.cmdline));
  }
  SEALVM_TRY(launch->ReadLaunchFiles());
  if (config.launch.vcpu_signature || !launch->measures_vcpus()) {
    SEALVM_TRY(launch->MakePlan(config.launch.vcpu_signature.value_or(0)));
  }
  return launch;
}

ConfidentialLaunch::ConfidentialLaunch(const MachineConfig& config, GuestLayout layout,
                                       const FirmwareImage& firmware, Logger logger)
    : config_(config),
      layout_(std::move(layout)),
      firmware_(firmware),
      logger_(std::move(logger)) {}

bool ConfidentialLaunch::measures_vcpus() const {
  return is(IsolationMode::kSevEs) || is(IsolationMode::kSnp);
}

uint64_t ConfidentialLaunch::policy() const {
  using namespace attestation;
  if (config_.launch.policy) return *config_.launch.policy;
  if (is(IsolationMode::kSnp)) return snp_policy::kDefault;
  return is(IsolationMode::kSevEs) ? sev_policy::kNoDebug | sev_policy::kEs : sev_policy::kNoDebug;
}

Result<> ConfidentialLaunch::ReadLaunchFiles() {
  const LaunchConfig& launch = config_.launch;
  if (is(IsolationMode::kTdx)) {
    if (launch.quote_service.empty()) return {};
    quote_service_ =
        SEALVM_TRY(tdx::ParseQuoteServiceAddress(launch.quote_service, "--quote-service"));
    return {};
  }
  if (is(IsolationMode::kSnp)) {
    SEALVM_TRY(attestation::CheckSnpPolicy(policy(), "--policy"));
    if (!launch.certificates.empty()) {
      certificates_ = SEALVM_TRY(snp::CertificateFile::Open(launch.certificates, "--certs"));
    }
    return ReadIdBlock();
  }
  SEALVM_TRY(attestation::CheckSevPolicy(policy(), is(IsolationMode::kSevEs), "--policy"));
  if (launch.session.empty()) return {};
  dh_certificate_ =
      SEALVM_TRY(ReadOwnersFile(launch.dh_certificate, "--sev-dh-cert", kSevCertificateSize));
  session_ =
      SEALVM_TRY(ReadOwnersFile(launch.session, "--sev-session", attestation::kSevSessionSize));
  return {};
}

Result<> ConfidentialLaunch::ReadIdBlock() {
  const LaunchConfig& launch = config_.launch;
  finish_.author_key = launch.author_key;
  finish_.vcek_disabled = launch.vcek_disabled;
  if (launch.host_data) finish_.host_data = *launch.host_data;
  if (launch.id_block.empty()) return {};
  finish_.id_block =
      SEALVM_TRY(ReadWhole(launch.id_block, "--id-block", attestation::kIdBlockSize));
  finish_.id_auth = SEALVM_TRY(ReadWhole(launch.id_auth, "--id-auth", attestation::kIdAuthSize));
  attestation::IdBlockBytes block;
  std::ranges::copy(finish_.id_block, block.begin());
  SEALVM_TRY(attestation::CheckIdAuth(block, finish_.id_auth, launch.author_key,
                                      "--id-auth " + launch.id_auth));
  return {};
}

Result<> ConfidentialLaunch::MakePlan(uint32_t signature) {
  plan_ = SEALVM_TRY(
      PlanGuest(firmware_, {.mode = config_.isolation,
                            .layout = layout_,
                            .cpus = config_.cpus,
                            .signature = signature,
                            .sev_features = config_.launch.guest_features,
                            .kernel_hashes = kernel_hashes_,
                            .allow_unenforced_hashes = config_.launch.allow_unenforced_hashes}));
  digest_ = plan_->digest;
  if (!plan_->warning.empty()) logger_.Log(LogLevel::kWarning, "{}", plan_->warning);
  if (!config_.launch.secret_file.empty() && plan_->secret_size == 0) {
    return InvalidInput(fmt::format("--sev-secret: {} has no place for a secret", firmware_.name()),
                        "OVMF.amdsev.fd of Debian's ovmf-amdsev has");
  }
  return CheckPlan();
}

Result<> ConfidentialLaunch::CheckPlan() const {
  const std::vector<uint8_t>& expected = config_.launch.expected_digest;
  if (!expected.empty() && expected != digest_) {
    return InvalidInput(fmt::format("--expect-digest: the launch digest would be {}, not {}",
                                    HexText(digest_), HexText(expected)),
                        "`sealvm measure --explain` shows what it is made of");
  }
  if (finish_.id_block.empty()) return {};
  const std::string name = "--id-block " + config_.launch.id_block;
  const attestation::IdBlock block = SEALVM_TRY(attestation::ParseIdBlock(finish_.id_block, name));
  Sha384Digest digest = {};
  std::ranges::copy(digest_, digest.begin());
  return attestation::CheckIdBlockMatches(block, digest, policy(), name);
}

// What the kernel tells about the values that it takes.
Result<> ConfidentialLaunch::CheckHost(const kvm::System& system) const {
  if (!is(IsolationMode::kSnp)) return {};
  if (certificates_ &&
      SEALVM_TRY(system.Attribute(KVM_X86_GRP_SEV, KVM_X86_SEV_SNP_REQ_CERTS)).value_or(0) == 0) {
    return Refused("--certs: this host's KVM does not ask for certificates",
                   "boot Linux 7.0 or newer, or leave it out");
  }
  const std::optional<uint64_t> policy_bits =
      SEALVM_TRY(system.Attribute(KVM_X86_GRP_SEV, KVM_X86_SNP_POLICY_BITS));
  if (policy_bits) {
    SEALVM_TRY(attestation::CheckSnpPolicy(policy(), "--policy", *policy_bits));
  }
  const std::optional<uint64_t> features =
      SEALVM_TRY(system.Attribute(KVM_X86_GRP_SEV, KVM_X86_SEV_VMSA_FEATURES));
  // All but the one that KVM sets itself.
  const uint64_t wanted = config_.launch.guest_features & ~kSevFeatureSnpActive;
  if ((wanted & ~features.value_or(0)) == 0) return {};
  return Refused(fmt::format("--guest-features: this host's KVM does not have {:#x}",
                             wanted & ~features.value_or(0)));
}

Result<kvm::Vm> ConfidentialLaunch::CreateVm(const kvm::System& system) {
  // First, so that bad input is found on any host.
  if (!plan_) SEALVM_TRY(MakePlan(sev::SignatureOf(SEALVM_TRY(system.SupportedCpuid()))));
  SEALVM_TRY(CheckHostSupport(system, config_.isolation));
  SEALVM_TRY(CheckHost(system));
  logger_.Log(LogLevel::kInfo, "launch digest: {}", HexText(digest_));
  return system.CreateVm(VmTypeOf(config_.isolation)->number);
}

PrivateRam::Options ConfidentialLaunch::RamOptions(const GuestMemfdMaker& make_private) const {
  return {.layout = layout_,
          .firmware_size = firmware_.size(),
          .policy = config_.memory,
          .memory_lock_limit = config_.memory_lock_limit,
          .make_private = make_private};
}

Result<> ConfidentialLaunch::MakeGuest(const kvm::System& system, kvm::Vm& vm,
                                       const GuestMemfdMaker& make_private) {
  const LaunchConfig& launch = config_.launch;
  if (is(IsolationMode::kTdx)) {
    guest_ = std::make_unique<tdx::TdGuest>(
        tdx::TdGuest::Options{
            .memory = RamOptions(make_private),
            .cpus = config_.cpus,
            .mr_config_id = launch.mr_config_id.value_or(LaunchConfig::TdRegister{}),
            .mr_owner = launch.mr_owner.value_or(LaunchConfig::TdRegister{}),
            .mr_owner_config = launch.mr_owner_config.value_or(LaunchConfig::TdRegister{}),
            .hob = plan_->hob},
        std::move(plan_->plan), vm, logger_);
    return {};
  }
  kvm::SevDevice device = SEALVM_TRY(kvm::SevDevice::Open(system.kernel()));
  if (is(IsolationMode::kSnp)) {
    guest_ = std::make_unique<snp::SnpGuest>(
        snp::SnpGuest::Options{.memory = RamOptions(make_private),
                               .guest_policy = policy(),
                               .vmsa_features = launch.guest_features & ~kSevFeatureSnpActive,
                               .ap_reset_eip = plan_->ap_reset_eip,
                               .signature = launch.vcpu_signature,
                               .certificates = certificates_.has_value(),
                               .finish = finish_},
        std::move(plan_->plan), vm, std::move(device), logger_);
    return {};
  }
  std::optional<sev::LaunchOwner> owner;
  if (!launch.measurement_file.empty() || !launch.secret_file.empty()) {
    owner.emplace(launch.measurement_file, launch.secret_file);
  }
  guest_ = std::make_unique<sev::SevGuest>(
      sev::SevGuest::Options{.encrypted_state = is(IsolationMode::kSevEs),
                             .layout = layout_,
                             .firmware_size = firmware_.size(),
                             .policy = config_.memory,
                             .guest_policy = static_cast<uint32_t>(policy()),
                             .ap_reset_eip = plan_->ap_reset_eip,
                             .signature = launch.vcpu_signature,
                             .dh_certificate = dh_certificate_,
                             .session = session_,
                             .owner = std::move(owner),
                             .digest = digest_,
                             .secret_gpa = plan_->secret_gpa,
                             .secret_size = plan_->secret_size},
      std::move(plan_->plan), vm, std::move(device));
  return {};
}

Result<> ConfidentialLaunch::CreateGuest(const kvm::System& system, kvm::Vm& vm,
                                         std::vector<kvm_cpuid_entry2> cpuid,
                                         const GuestMemfdMaker& make_private) {
  SEALVM_TRY(MakeGuest(system, vm, make_private));
  plan_.reset();
  guest_->AdjustCpuid(cpuid);
  SEALVM_TRY(guest_->InitVm(cpuid));
  SEALVM_TRY(guest_->CreateInterruptControllers());
  SEALVM_TRY(guest_->CreateMemory());
  ConfidentialExits::Options exits{
      .ram = guest_->private_ram(), .view = guest_->view(), .logger = logger_};
  exits.certificates = std::move(certificates_);
  if (quote_service_) {
    exits.quotes =
        SEALVM_TRY(TdQuotes::Create(*std::move(quote_service_), guest_->view(), vm, logger_));
  }
  exits_ = std::make_unique<ConfidentialExits>(std::move(exits));
  return {};
}

Result<> ConfidentialLaunch::AddVcpu(kvm::Vcpu& vcpu, std::vector<kvm_cpuid_entry2> cpuid) {
  guest_->AdjustCpuid(cpuid);
  return guest_->AddVcpu(vcpu, cpuid);
}

Result<> ConfidentialLaunch::Launch(std::span<kvm::Vcpu* const> vcpus) {
  return guest_->Launch(vcpus);
}

void ConfidentialLaunch::AddMemoryStats(MachineStats& stats) const {
  const PrivateRam* ram = guest_->private_ram();
  if (ram == nullptr) {
    const PrivateMemory& backing = guest_->view()->memory().backing();
    stats.memory_private_bytes = config_.memory_bytes;
    stats.memory_allocated_bytes = backing.AllocatedBytes().value_or(0);
    stats.memory_provider = backing.ProviderName();
    return;
  }
  const MemoryUsage::Snapshot private_half = ram->private_usage().Get();
  const MemoryUsage::Snapshot shared_half = ram->shared_usage().Get();
  const PageConversions::Counters counters = ram->conversions().counters();
  stats.memory_private_bytes = counters.private_bytes;
  stats.memory_shared_bytes = counters.shared_bytes;
  stats.memory_allocated_bytes = private_half.bytes + shared_half.bytes;
  stats.memory_provider = ram->private_memory().ProviderName();
  stats.private_memory = PrivateMemoryStats{.private_allocated_bytes = private_half.bytes,
                                            .private_peak_bytes = private_half.peak_bytes,
                                            .shared_allocated_bytes = shared_half.bytes,
                                            .shared_peak_bytes = shared_half.peak_bytes,
                                            .device_bytes = counters.shared_bytes,
                                            .refused_device_accesses = guest_->view()->refused(),
                                            .conversions_to_shared = counters.to_shared,
                                            .conversions_to_private = counters.to_private,
                                            .conversions_refused = counters.refused};
}

}  // namespace sealvm
