// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/tdx_commands.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <memory>

#include "vmm/isolation/confidential/retry.h"
#include "vmm/isolation/tdx/module_status.h"
#include "vmm/kvm/cpuid_buffer.h"

namespace sealvm::tdx {
namespace {

using kvm::CpuidBuffer;
using kvm::TdxOutcome;

// A struct that ends with a kvm_cpuid2, with room for that one's entries.
template <typename Header>
class WithCpuid {
 public:
  explicit WithCpuid(size_t entries)
      : bytes_(std::make_unique<uint64_t[]>(
            (sizeof(Header) + entries * sizeof(kvm_cpuid_entry2) + 7) / 8)) {
    get()->cpuid.nent = static_cast<uint32_t>(entries);
  }
  Header* get() { return reinterpret_cast<Header*>(bytes_.get()); }

 private:
  std::unique_ptr<uint64_t[]> bytes_;
};

std::unexpected<Error> Failure(std::string_view command, const TdxOutcome& outcome) {
  return ModuleError(command, outcome.module_status, outcome.os_error);
}

}  // namespace

Result<TdCapabilities> TdxCommands::Capabilities() {
  WithCpuid<kvm_tdx_capabilities> buffer(CpuidBuffer::kMaxEntries);
  const TdxOutcome outcome =
      RetryWhileBusy([&] { return vm_.TdxCommand(KVM_TDX_CAPABILITIES, 0, buffer.get()); });
  if (!outcome.ok()) return Failure("KVM_TDX_CAPABILITIES", outcome);
  const kvm_tdx_capabilities& answer = *buffer.get();
  const size_t count = std::min<size_t>(answer.cpuid.nent, CpuidBuffer::kMaxEntries);
  return TdCapabilities{.attributes = answer.supported_attrs,
                        .xfam = answer.supported_xfam,
                        .cpuid = {answer.cpuid.entries, answer.cpuid.entries + count}};
}

Result<> TdxCommands::InitVm(const TdParams& params) {
  WithCpuid<kvm_tdx_init_vm> buffer(params.cpuid.size());
  kvm_tdx_init_vm& init = *buffer.get();
  init.attributes = params.attributes;
  init.xfam = params.xfam;
  static_assert(sizeof(init.mrconfigid) == TdParams::kRegisterSize);
  memcpy(init.mrconfigid, params.mr_config_id.data(), params.mr_config_id.size());
  memcpy(init.mrowner, params.mr_owner.data(), params.mr_owner.size());
  memcpy(init.mrownerconfig, params.mr_owner_config.data(), params.mr_owner_config.size());
  std::ranges::copy(params.cpuid, init.cpuid.entries);
  const TdxOutcome outcome =
      RetryWhileBusy([&] { return vm_.TdxCommand(KVM_TDX_INIT_VM, 0, buffer.get()); });
  if (!outcome.ok()) return Failure("KVM_TDX_INIT_VM", outcome);
  return {};
}

Result<> TdxCommands::InitVcpu(kvm::Vcpu& vcpu, uint64_t rcx) {
  const TdxOutcome outcome =
      RetryWhileBusy([&] { return vcpu.TdxCommand(KVM_TDX_INIT_VCPU, 0, rcx); });
  if (!outcome.ok()) {
    return Failure(fmt::format("KVM_TDX_INIT_VCPU of vcpu {}", vcpu.id()), outcome);
  }
  return {};
}

Result<std::vector<kvm_cpuid_entry2>> TdxCommands::Cpuid(kvm::Vcpu& vcpu) {
  CpuidBuffer buffer;
  const TdxOutcome outcome = RetryWhileBusy([&] {
    return vcpu.TdxCommand(KVM_TDX_GET_CPUID, 0, reinterpret_cast<uint64_t>(buffer.get()));
  });
  if (!outcome.ok()) return Failure("KVM_TDX_GET_CPUID", outcome);
  if (buffer.get()->nent > CpuidBuffer::kMaxEntries) {
    return HostError("KVM_TDX_GET_CPUID: more entries than there is room for");
  }
  return buffer.Entries();
}

Result<> TdxCommands::InitMemoryRegion(kvm::Vcpu& vcpu, Gpa gpa, std::span<const uint8_t> source,
                                       bool measure) {
  kvm_tdx_init_mem_region region = {};
  region.source_addr = reinterpret_cast<uint64_t>(source.data());
  region.gpa = gpa;
  region.nr_pages = source.size() / kPageSize;
  uint64_t left = region.nr_pages;
  const auto progress = [&] {
    const bool made = region.nr_pages < left;
    left = region.nr_pages;
    return made;
  };
  // The kernel moves the struct on by what it has done, and may stop at any page.
  const auto issue = [&] {
    TdxOutcome outcome =
        vcpu.TdxCommand(KVM_TDX_INIT_MEM_REGION, measure ? KVM_TDX_MEASURE_MEMORY_REGION : 0,
                        reinterpret_cast<uint64_t>(&region));
    if (outcome.ok() && region.nr_pages > 0) outcome.os_error = EAGAIN;
    return outcome;
  };
  const TdxOutcome outcome = RetryWhileBusy(issue, progress);
  if (outcome.ok()) return {};
  return Failure(fmt::format("KVM_TDX_INIT_MEM_REGION of GPA {:#x}+{:#x}", gpa, source.size()),
                 outcome);
}

Result<> TdxCommands::Finalize() {
  const TdxOutcome outcome =
      RetryWhileBusy([&] { return vm_.TdxCommand(KVM_TDX_FINALIZE_VM, 0, nullptr); });
  if (!outcome.ok()) return Failure("KVM_TDX_FINALIZE_VM", outcome);
  return {};
}

}  // namespace sealvm::tdx
