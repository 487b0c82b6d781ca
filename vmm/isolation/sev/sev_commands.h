// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEV_SEV_COMMANDS_H_
#define SEALVM_VMM_ISOLATION_SEV_SEV_COMMANDS_H_

#include <stdint.h>

#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/kvm/sev_device.h"
#include "vmm/kvm/vm.h"

namespace sealvm::sev {

// KVM's launch commands of SEV and SEV-ES, each as one call (Linux
// Documentation/virt/kvm/x86/amd-memory-encryption.rst). Errors are kHost and name the command and
// the firmware's status. The order is the caller's business: firmware and KVM enforce it.
//
// `vm` and `device` outlive the object. One thread at a time.
class SevCommands {
 public:
  SevCommands(kvm::Vm& vm, const kvm::SevDevice& device) : vm_(vm), device_(device) {}

  // KVM_SEV_INIT2: before any vCPU. `vmsa_features`: bits of the attribute VMSA_FEATURES, for
  // SEV-ES and SNP. `ghcb_version` 0: KVM's choice.
  Result<> Init2(uint64_t vmsa_features, uint16_t ghcb_version = 0);
  // KVM_SEV_LAUNCH_START. `dh_certificate` and `session` are the guest owner's, or empty: then
  // nobody but the firmware knows the transport keys.
  Result<> LaunchStart(uint32_t policy, std::span<const uint8_t> dh_certificate,
                       std::span<const uint8_t> session);
  // KVM_SEV_LAUNCH_UPDATE_DATA: encrypts this process' memory in place; address and size are
  // multiples of 16. Memory of any size goes in pieces that the command can take.
  Result<> LaunchUpdateData(std::span<uint8_t> memory);
  // KVM_SEV_LAUNCH_UPDATE_VMSA: the state of all vCPUs; they cannot be looked at afterwards.
  Result<> LaunchUpdateVmsa();
  // KVM_SEV_LAUNCH_MEASURE: HMAC and nonce.
  Result<std::vector<uint8_t>> LaunchMeasure();
  // KVM_SEV_LAUNCH_SECRET: decrypts `packet` into this process' memory at `guest`.
  Result<> LaunchSecret(std::span<const uint8_t> header, std::span<uint8_t> guest,
                        std::span<const uint8_t> packet);
  // KVM_SEV_LAUNCH_FINISH.
  Result<> LaunchFinish();

  // Any command; for those of SNP. Tries again while the firmware is busy.
  kvm::SevOutcome Issue(uint32_t id, void* data);
  // The same with an error for `name`.
  Result<> Do(std::string_view name, uint32_t id, void* data);

 private:
  kvm::Vm& vm_;
  const kvm::SevDevice& device_;
};

}  // namespace sealvm::sev

#endif  // SEALVM_VMM_ISOLATION_SEV_SEV_COMMANDS_H_
