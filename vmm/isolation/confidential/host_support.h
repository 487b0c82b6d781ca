// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_SUPPORT_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_SUPPORT_H_

#include <vector>

#include "memory/base/result.h"
#include "vmm/api/config.h"
#include "vmm/api/doctor.h"
#include "vmm/isolation/confidential/host_source.h"
#include "vmm/kvm/system.h"

namespace sealvm {

// What a host must have for kSev, kSevEs, kSnp or kTdx; nothing for other modes. What comes first
// is the cause of what comes later: CPU and BIOS, kernel, module, KVM, security processor.
struct HostSupport {
  std::vector<Prerequisite> prerequisites;

  // The first that is not met; null when none is known to be missing.
  const Prerequisite* FirstMissing() const;
};

// Everything, for `sealvm doctor`. `system` is null where /dev/kvm cannot be used.
HostSupport ExamineConfidential(IsolationMode mode, const kvm::System* system,
                                const HostSource& host = HostSource::Real());

// kRefused with what is missing first and what to do about it. Asks KVM, and opens /dev/sev, in a
// few system calls; the rest of the host is looked at only when something is missing. The security
// processor's ASIDs may still be used up.
Result<> CheckHostSupport(const kvm::System& system, IsolationMode mode,
                          const HostSource& host = HostSource::Real());

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_SUPPORT_H_
