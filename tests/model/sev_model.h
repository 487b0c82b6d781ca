// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_SEV_MODEL_H_
#define SEALVM_TESTS_MODEL_SEV_MODEL_H_

#include <stdint.h>

#include <vector>

#include "tests/model/sev_session_model.h"
#include "tests/model/vm_model.h"

namespace sealvm::model {

// KVM_MEMORY_ENCRYPT_OP of a SEV or SEV-ES VM, and the guest's context in the firmware: Linux
// Documentation/virt/kvm/x86/amd-memory-encryption.rst and arch/x86/kvm/svm/sev.c; AMD SEV API
// 0.24, chapter 6.
class SevModel {
 public:
  // GSTATE of SEV API 0.24, table 8, as far as launches go.
  enum class State { kUninitialized, kInitialized, kLaunchUpdate, kLaunchSecret, kRunning };

  explicit SevModel(VmModel& vm) : vm_(vm) {}

  // 0 or an errno; `command.error` gets the firmware's status. `has_device`: whether the command's
  // file is that of the processor.
  int Command(kvm_sev_cmd& command, bool has_device);
  int CheckRun() const;

  State state() const { return state_; }
  uint32_t policy() const { return policy_; }
  // Launch digest: SHA-256 of what was encrypted, in its order.
  Sha256 Digest() const;
  // What LAUNCH_START was given; empty without a session.
  const std::vector<uint8_t>& dh_certificate() const { return dh_certificate_; }
  const std::vector<uint8_t>& session() const { return session_; }
  // What the guest reads at an address of its memory, all of which it has encrypted.
  std::vector<uint8_t> ReadAsGuest(uint64_t gpa, size_t size) const;

 private:
  int Init2(const kvm_sev_init& init);
  int LaunchStart(kvm_sev_cmd& command);
  int OpenSession(kvm_sev_cmd& command, const kvm_sev_launch_start& start);
  int LaunchUpdateData(kvm_sev_cmd& command);
  int LaunchUpdateVmsa(kvm_sev_cmd& command);
  int LaunchMeasure(kvm_sev_cmd& command);
  int LaunchSecret(kvm_sev_cmd& command);
  int LaunchFinish(kvm_sev_cmd& command);
  bool InPinnedSlot(uint64_t uaddr, uint64_t size) const;
  bool is_es() const { return vm_.type == KVM_X86_SEV_ES_VM; }

  VmModel& vm_;
  State state_ = State::kUninitialized;
  uint32_t policy_ = 0;
  uint64_t vmsa_features_ = 0;
  std::vector<uint8_t> submitted_;
  std::vector<uint8_t> dh_certificate_;
  std::vector<uint8_t> session_;
  SevModelKeys keys_;  // without a session: the firmware's own
  Sha256 measure_ = {};
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_SEV_MODEL_H_
