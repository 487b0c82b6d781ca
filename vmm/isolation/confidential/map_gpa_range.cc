// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/map_gpa_range.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>

namespace sealvm {
namespace {

constexpr uint64_t kMapGpaRangeExits = uint64_t{1} << KVM_HC_MAP_GPA_RANGE;

}  // namespace

Result<> EnableMapGpaRange(kvm::Vm& vm) {
  const int hypercalls = SEALVM_TRY(vm.CheckExtension(KVM_CAP_EXIT_HYPERCALL));
  if ((static_cast<uint64_t>(hypercalls) & kMapGpaRangeExits) == 0) {
    return Refused("KVM does not leave KVM_HC_MAP_GPA_RANGE to user space",
                   "Linux 5.14 and later do");
  }
  return vm.EnableCap(KVM_CAP_EXIT_HYPERCALL, kMapGpaRangeExits);
}

Result<> HandleMapGpaRange(PrivateRam& ram, const kvm::HypercallExit& exit) {
  *exit.result = EINVAL;
  if (exit.number != KVM_HC_MAP_GPA_RANGE) {
    return InvalidInput(fmt::format("hypercall {}", exit.number));
  }
  const uint64_t pages = exit.arguments[1];
  if (pages > UINT64_MAX / kPageSize) {
    return InvalidInput(fmt::format("a page conversion of {:#x} pages", pages));
  }
  const bool to_private = (exit.arguments[2] & KVM_MAP_GPA_RANGE_ENCRYPTED) != 0;
  Result<> converted = ram.Convert(exit.arguments[0], pages * kPageSize, to_private);
  // A guest may try again where the host has no memory just now.
  if (converted) {
    *exit.result = 0;
  } else if (converted.error().kind == ErrorKind::kHost) {
    *exit.result = EAGAIN;
  }
  return converted;
}

}  // namespace sealvm
