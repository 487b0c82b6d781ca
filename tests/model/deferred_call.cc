// SPDX-License-Identifier: Apache-2.0
#include "tests/model/deferred_call.h"

#include <string.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>

namespace sealvm::model {
namespace {

struct CommandSize {
  uint32_t id;
  size_t size;
};

constexpr std::array kSevSizes = {
    CommandSize{KVM_SEV_INIT2, sizeof(kvm_sev_init)},
    CommandSize{KVM_SEV_LAUNCH_START, sizeof(kvm_sev_launch_start)},
    CommandSize{KVM_SEV_LAUNCH_UPDATE_DATA, sizeof(kvm_sev_launch_update_data)},
    CommandSize{KVM_SEV_LAUNCH_MEASURE, sizeof(kvm_sev_launch_measure)},
    CommandSize{KVM_SEV_LAUNCH_SECRET, sizeof(kvm_sev_launch_secret)},
    CommandSize{KVM_SEV_SNP_LAUNCH_START, sizeof(kvm_sev_snp_launch_start)},
    CommandSize{KVM_SEV_SNP_LAUNCH_UPDATE, sizeof(kvm_sev_snp_launch_update)},
    CommandSize{KVM_SEV_SNP_LAUNCH_FINISH, sizeof(kvm_sev_snp_launch_finish)},
};

size_t CpuidSize(const kvm_cpuid2& table) { return table.nent * sizeof(kvm_cpuid_entry2); }

std::vector<uint64_t> Copy(uint64_t address, size_t size) {
  std::vector<uint64_t> copy((size + 7) / 8);
  if (size > 0) memcpy(copy.data(), reinterpret_cast<const void*>(address), size);
  return copy;
}

template <typename T>
T& As(std::vector<uint64_t>& words) {
  return *reinterpret_cast<T*>(words.data());
}

uint64_t AddressOf(std::vector<uint64_t>& words) {
  return words.empty() ? 0 : reinterpret_cast<uint64_t>(words.data());
}

}  // namespace

DeferredCall::DeferredCall(bool of_td, unsigned long request, unsigned long argument)
    : request_(request), value_(argument) {
  // The number of this one speaks of the size of a pointer.
  size_t size = request == KVM_MEMORY_ENCRYPT_OP ? sizeof(kvm_sev_cmd) : _IOC_SIZE(request);
  if (request == KVM_SET_CPUID2) size += CpuidSize(*reinterpret_cast<kvm_cpuid2*>(argument));
  argument_ = Copy(argument, size);
  if (request != KVM_MEMORY_ENCRYPT_OP) return;
  if (of_td) {
    CopyTdxData(As<kvm_tdx_cmd>(argument_));
    if (!data_.empty()) As<kvm_tdx_cmd>(argument_).data = AddressOf(data_);
  } else {
    CopySevData(As<kvm_sev_cmd>(argument_));
    As<kvm_sev_cmd>(argument_).data = AddressOf(data_);
  }
}

unsigned long DeferredCall::argument() { return argument_.empty() ? value_ : AddressOf(argument_); }

uint64_t DeferredCall::CopyPages(uint64_t address, uint64_t size) {
  pages_.resize(size / sizeof(Page));
  memcpy(pages_.data(), reinterpret_cast<const void*>(address), size);
  return reinterpret_cast<uint64_t>(pages_.data());
}

void DeferredCall::CopySevData(const kvm_sev_cmd& command) {
  const auto known = std::ranges::find(kSevSizes, command.id, &CommandSize::id);
  if (known == kSevSizes.end()) return;
  data_ = Copy(command.data, known->size);
  if (command.id != KVM_SEV_SNP_LAUNCH_UPDATE) return;
  auto& update = As<kvm_sev_snp_launch_update>(data_);
  if (update.uaddr != 0) update.uaddr = CopyPages(update.uaddr, update.len);
}

void DeferredCall::CopyTdxData(const kvm_tdx_cmd& command) {
  if (command.id == KVM_TDX_INIT_VM) {
    const auto& init = *reinterpret_cast<kvm_tdx_init_vm*>(command.data);
    data_ = Copy(command.data, sizeof(init) + CpuidSize(init.cpuid));
  } else if (command.id == KVM_TDX_INIT_MEM_REGION) {
    data_ = Copy(command.data, sizeof(kvm_tdx_init_mem_region));
    auto& region = As<kvm_tdx_init_mem_region>(data_);
    region.source_addr = CopyPages(region.source_addr, region.nr_pages * sizeof(Page));
  }
}

}  // namespace sealvm::model
