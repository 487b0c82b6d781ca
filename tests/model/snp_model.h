// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_SNP_MODEL_H_
#define SEALVM_TESTS_MODEL_SNP_MODEL_H_

#include <stdint.h>

#include <span>
#include <vector>

#include "tests/model/vm_model.h"

namespace sealvm::model {

// KVM_MEMORY_ENCRYPT_OP of an SNP VM, and the guest's context in the firmware: Linux
// Documentation/virt/kvm/x86/amd-memory-encryption.rst and arch/x86/kvm/svm/sev.c; AMD SEV-SNP
// Firmware ABI 1.58, chapter 8.
class SnpModel {
 public:
  enum class State { kUninitialized, kInitialized, kLaunching, kFinished };

  explicit SnpModel(VmModel& vm) : vm_(vm) {}

  // 0 or an errno; `command.error` gets the firmware's status. `has_device`: whether the command's
  // file is that of the processor.
  int Command(kvm_sev_cmd& command, bool has_device);
  int CheckRun() const;

  // What a report of the guest would say.
  const Sha384& launch_digest() const { return digest_; }
  uint64_t policy() const { return policy_; }
  // What LAUNCH_FINISH was given; the ID block and its authentication are empty without one.
  const kvm_sev_snp_launch_finish& finish() const { return finish_; }
  const std::vector<uint8_t>& id_block() const { return id_block_; }
  const std::vector<uint8_t>& id_auth() const { return id_auth_; }
  bool certificates() const { return certificates_; }
  State state() const { return state_; }

  // KVM stops after so many pages of a LAUNCH_UPDATE, as it may. 0: never.
  uint64_t pages_per_call = 0;
  // With each stop: success with bytes left, or EAGAIN.
  bool stops_with_eagain = false;

 private:
  int Init2(const kvm_sev_init& init);
  int LaunchStart(kvm_sev_cmd& command, bool has_device);
  int LaunchUpdate(kvm_sev_cmd& command, bool has_device);
  // One page; a status of the firmware.
  uint32_t UpdatePage(uint8_t type, uint64_t gpa, uint8_t* source);
  int LaunchFinish(kvm_sev_cmd& command);
  uint32_t CheckIdBlock(std::span<const uint8_t> block, std::span<const uint8_t> auth,
                        bool author_key) const;
  void Extend(uint8_t page_type, uint64_t gpa, const Sha384& contents);

  VmModel& vm_;
  State state_ = State::kUninitialized;
  uint64_t policy_ = 0;
  uint64_t vmsa_features_ = 0;
  bool certificates_ = false;
  Sha384 digest_ = {};
  PageRanges validated_;  // pages that belong to the guest
  kvm_sev_snp_launch_finish finish_ = {};
  std::vector<uint8_t> id_block_;
  std::vector<uint8_t> id_auth_;
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_SNP_MODEL_H_
