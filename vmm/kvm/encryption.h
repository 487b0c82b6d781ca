// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_ENCRYPTION_H_
#define SEALVM_VMM_KVM_ENCRYPTION_H_

#include <linux/kvm.h>
#include <stdint.h>

#include "vmm/kvm/kernel.h"

namespace sealvm::kvm {

// KVM_MEMORY_ENCRYPT_OP: the one ioctl for all commands of SEV, SEV-ES, SNP and TDX (Linux
// Documentation/virt/kvm/x86/amd-memory-encryption.rst and intel-tdx.rst). What a failure means is
// for those who know the command: nothing here makes a message or tries again.

// How a command of SEV ended. `firmware_error` is kvm_sev_cmd.error: a status of the security
// processor, 0 where it was not asked or succeeded.
struct SevOutcome {
  int os_error = 0;
  uint32_t firmware_error = 0;
  bool ok() const { return os_error == 0; }
};

// How a command of TDX ended. `module_status` is kvm_tdx_cmd.hw_error: the completion status of a
// SEAMCALL, 0 where there was none or it succeeded.
struct TdxOutcome {
  int os_error = 0;
  uint64_t module_status = 0;
  bool ok() const { return os_error == 0; }
};

SevOutcome IssueSevCommand(const KernelFd& fd, uint32_t id, void* data, int sev_fd);
TdxOutcome IssueTdxCommand(const KernelFd& fd, uint32_t id, uint32_t flags, uint64_t data);

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_ENCRYPTION_H_
