// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_ISOLATION_EXITS_H_
#define SEALVM_VMM_MACHINE_ISOLATION_EXITS_H_

#include "memory/base/result.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vcpu_exit.h"

namespace sealvm {

// What an isolation mode answers itself. Called on vCPU threads, several at once. KVM has put "not
// supported" into the exits that a mode does not know before they came.
class IsolationExits {
 public:
  virtual ~IsolationExits() = default;
  virtual void OnHypercall(const kvm::HypercallExit& exit) = 0;
  virtual void OnMsr(const kvm::MsrExit& exit) = 0;
  // After success the guest tries its access again; an error ends the machine.
  virtual Result<> OnMemoryFault(const kvm::MemoryFaultExit& exit) = 0;
  // A TDVMCALL of `vcpu`.
  virtual void OnTdCall(const kvm::TdxExit&, const kvm::Vcpu& /*vcpu*/) {}
  // An error ends the machine.
  virtual Result<> OnCertificateRequest(const kvm::SnpCertsExit& exit, kvm::Vcpu& /*vcpu*/) {
    *exit.result = kNoCertificates;
    return {};
  }

 protected:
  // EIO: the guest is told that there was an error (Linux Documentation/virt/kvm/api.rst,
  // KVM_EXIT_SNP_REQ_CERTS).
  static constexpr uint64_t kNoCertificates = 5;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_ISOLATION_EXITS_H_
