// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/sealed_exits.h"

#include <asm/kvm_para.h>
#include <errno.h>
#include <linux/kvm_para.h>

#include <utility>

#include "vmm/isolation/sealed/sealed_cpuid.h"

namespace sealvm {

SealedExits::SealedExits(SealedGuest& guest, Logger logger, std::function<void(Error)> stop)
    : guest_(guest), logger_(std::move(logger)), stop_(std::move(stop)) {}

void SealedExits::OnLoaderStatus(uint32_t status) {
  // Once the loader is gone, the port is a port like any that no device claims.
  if (guest_.launched()) return;
  if (Result<> finished = guest_.FinishLaunch(status); !finished) {
    stop_(std::move(finished).error());
    return;
  }
  logger_.Log(LogLevel::kInfo, "the guest is in its private memory; the staging window is gone");
}

void SealedExits::OnHypercall(const kvm::HypercallExit& exit) {
  const int64_t result = exit.number == KVM_HC_MAP_GPA_RANGE
                             ? MapGpaRange(exit.arguments[0], exit.arguments[1], exit.arguments[2])
                             : -int64_t{KVM_ENOSYS};
  *exit.result = static_cast<uint64_t>(result);
}

int64_t SealedExits::MapGpaRange(uint64_t gpa, uint64_t pages, uint64_t attributes) {
  if (!guest_.launched()) return -KVM_EPERM;
  // The page size in the attributes is a hint; the number counts 4 KiB pages in any case (Linux
  // Documentation/virt/kvm/x86/hypercalls.rst).
  if (pages > guest_.layout().ram().ram_size() / kPageSize) pages = 0;
  const uint64_t length = pages * kPageSize;
  const bool to_private = (attributes & KVM_MAP_GPA_RANGE_ENCRYPTED) != 0;
  const Result<> converted = to_private ? guest_.conversions().ToPrivate(gpa, length)
                                        : guest_.conversions().ToShared(gpa, length);
  if (converted) return 0;
  if (!refusal_logged_.exchange(true)) {
    logger_.Log(LogLevel::kInfo,
                "a page conversion of the guest failed: {}; further ones are "
                "only counted",
                converted.error().message);
  }
  return converted.error().kind == ErrorKind::kInvalidInput ? -KVM_EINVAL : -ENOMEM;
}

void SealedExits::OnMsr(const kvm::MsrExit& exit) {
  if (exit.index == kMsrSevStatus && !exit.is_write) {
    *exit.value = kSealedSevStatus;
  } else if (exit.index == MSR_KVM_MIGRATION_CONTROL) {
    // The guest says whether it could be migrated, which it never is.
    if (!exit.is_write) *exit.value = 0;
  } else {
    *exit.refused = 1;
  }
}

Result<> SealedExits::OnMemoryFault(const kvm::MemoryFaultExit& exit) {
  return guest_.ResolveFault(exit.gpa, exit.size);
}

}  // namespace sealvm
