// SPDX-License-Identifier: Apache-2.0
#include "tests/model/call_name.h"

#include <linux/kvm.h>
#include <linux/psp-sev.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace sealvm::model {
namespace {

struct Named {
  unsigned long number;
  std::string_view name;
};

#define SEALVM_NAMED(name) \
  Named { name, #name }

constexpr std::array kRequests = {
    SEALVM_NAMED(KVM_GET_API_VERSION),
    SEALVM_NAMED(KVM_CREATE_VM),
    SEALVM_NAMED(KVM_CHECK_EXTENSION),
    SEALVM_NAMED(KVM_GET_VCPU_MMAP_SIZE),
    SEALVM_NAMED(KVM_GET_SUPPORTED_CPUID),
    SEALVM_NAMED(KVM_HAS_DEVICE_ATTR),
    SEALVM_NAMED(KVM_GET_DEVICE_ATTR),
    SEALVM_NAMED(KVM_ENABLE_CAP),
    SEALVM_NAMED(KVM_CREATE_VCPU),
    SEALVM_NAMED(KVM_CREATE_IRQCHIP),
    SEALVM_NAMED(KVM_CREATE_GUEST_MEMFD),
    SEALVM_NAMED(KVM_SET_USER_MEMORY_REGION),
    SEALVM_NAMED(KVM_SET_USER_MEMORY_REGION2),
    SEALVM_NAMED(KVM_SET_MEMORY_ATTRIBUTES),
    SEALVM_NAMED(KVM_MEMORY_ENCRYPT_REG_REGION),
    SEALVM_NAMED(KVM_MEMORY_ENCRYPT_UNREG_REGION),
    SEALVM_NAMED(KVM_SET_TSC_KHZ),
    SEALVM_NAMED(KVM_GET_TSC_KHZ),
    SEALVM_NAMED(KVM_SET_CPUID2),
    SEALVM_NAMED(KVM_GET_SREGS),
    SEALVM_NAMED(KVM_SET_SREGS),
    SEALVM_NAMED(KVM_GET_REGS),
    SEALVM_NAMED(KVM_SET_REGS),
    SEALVM_NAMED(KVM_SET_FPU),
    SEALVM_NAMED(KVM_SET_SIGNAL_MASK),
    SEALVM_NAMED(KVM_IRQ_LINE),
    SEALVM_NAMED(KVM_SIGNAL_MSI),
    SEALVM_NAMED(KVM_SET_GSI_ROUTING),
    SEALVM_NAMED(KVM_RUN),
    SEALVM_NAMED(SEV_ISSUE_CMD),
};

constexpr std::array kSevCommands = {
    SEALVM_NAMED(KVM_SEV_INIT2),
    SEALVM_NAMED(KVM_SEV_LAUNCH_START),
    SEALVM_NAMED(KVM_SEV_LAUNCH_UPDATE_DATA),
    SEALVM_NAMED(KVM_SEV_LAUNCH_UPDATE_VMSA),
    SEALVM_NAMED(KVM_SEV_LAUNCH_SECRET),
    SEALVM_NAMED(KVM_SEV_LAUNCH_MEASURE),
    SEALVM_NAMED(KVM_SEV_LAUNCH_FINISH),
    SEALVM_NAMED(KVM_SEV_SNP_LAUNCH_START),
    SEALVM_NAMED(KVM_SEV_SNP_LAUNCH_UPDATE),
    SEALVM_NAMED(KVM_SEV_SNP_LAUNCH_FINISH),
    SEALVM_NAMED(KVM_SEV_SNP_ENABLE_REQ_CERTS),
};

constexpr std::array kTdxCommands = {
    SEALVM_NAMED(KVM_TDX_CAPABILITIES), SEALVM_NAMED(KVM_TDX_INIT_VM),
    SEALVM_NAMED(KVM_TDX_INIT_VCPU),    SEALVM_NAMED(KVM_TDX_INIT_MEM_REGION),
    SEALVM_NAMED(KVM_TDX_FINALIZE_VM),  SEALVM_NAMED(KVM_TDX_GET_CPUID),
};

#undef SEALVM_NAMED

template <typename Names>
std::string Find(const Names& names, unsigned long number) {
  const auto found = std::ranges::find(names, number, &Named::number);
  return found == names.end() ? "request " + std::to_string(number) : std::string(found->name);
}

}  // namespace

std::string CallName(bool of_td, unsigned long request, unsigned long argument) {
  if (request != KVM_MEMORY_ENCRYPT_OP) return Find(kRequests, request);
  // The commands of SEV and of TDX begin with their number alike.
  const uint32_t id = *reinterpret_cast<const uint32_t*>(argument);
  return of_td ? Find(kTdxCommands, id) : Find(kSevCommands, id);
}

bool OnlyAsks(std::string_view name) {
  constexpr std::array<std::string_view, 10> kQueries = {
      "KVM_GET_API_VERSION", "KVM_CHECK_EXTENSION",     "KVM_GET_VCPU_MMAP_SIZE",
      "KVM_GET_TSC_KHZ",     "KVM_GET_SUPPORTED_CPUID", "KVM_GET_SREGS",
      "KVM_HAS_DEVICE_ATTR", "KVM_GET_DEVICE_ATTR",     "KVM_TDX_CAPABILITIES",
      "KVM_TDX_GET_CPUID"};
  return std::ranges::find(kQueries, name) != kQueries.end();
}

bool MakesAFile(std::string_view name) {
  constexpr std::array<std::string_view, 3> kMakers = {"KVM_CREATE_VM", "KVM_CREATE_VCPU",
                                                       "KVM_CREATE_GUEST_MEMFD"};
  return std::ranges::find(kMakers, name) != kMakers.end();
}

}  // namespace sealvm::model
