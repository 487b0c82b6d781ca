// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_SEV_MODEL_H_
#define SEALVM_TESTS_MODEL_SEV_MODEL_H_

#include <stdint.h>

#include <vector>

#include "tests/model/vm_model.h"

namespace sealvm::model {

// KVM_MEMORY_ENCRYPT_OP of a SEV or SEV-ES VM, and the guest's context in the firmware: Linux
// Documentation/virt/kvm/x86/amd-memory-encryption.rst; AMD SEV API 0.24, chapter 6.
class SevModel {
 public:
  // GSTATE of SEV API 0.24, table 8, as far as launches go.
  enum class State { kUninitialized, kInitialized, kLaunchUpdate, kLaunchSecret, kRunning };

  explicit SevModel(VmModel& vm) : vm_(vm) {}

  // 0 or an errno; `command.error` gets the firmware's status.
  int Command(kvm_sev_cmd& command);
  int CheckRun() const;

  State state() const { return state_; }
  uint32_t policy() const { return policy_; }
  // Launch digest: SHA-256 of what was encrypted, in its order.
  Sha256 Digest() const;
  // The transport encryption and integrity keys, which only guest owner and firmware know.
  static std::array<uint8_t, 16> Tek();
  static std::array<uint8_t, 16> Tik();
  // What LAUNCH_SECRET put into the guest's memory.
  const std::vector<uint8_t>& secret() const { return secret_; }

 private:
  int Init2(const kvm_sev_init& init);
  int LaunchStart(kvm_sev_cmd& command);
  int LaunchUpdateData(kvm_sev_cmd& command);
  int LaunchUpdateVmsa(kvm_sev_cmd& command);
  int LaunchMeasure(kvm_sev_cmd& command);
  int LaunchSecret(kvm_sev_cmd& command);
  int LaunchFinish(kvm_sev_cmd& command);
  bool is_es() const { return vm_.type == KVM_X86_SEV_ES_VM; }

  VmModel& vm_;
  State state_ = State::kUninitialized;
  uint32_t policy_ = 0;
  uint64_t vmsa_features_ = 0;
  bool has_vmsas_ = false;
  std::vector<uint8_t> submitted_;
  Sha256 measure_ = {};
  std::vector<uint8_t> secret_;
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_SEV_MODEL_H_
