// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_STATE_FIXTURE_H_
#define SEALVM_TESTS_MODEL_STATE_FIXTURE_H_

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <stdint.h>

#include <memory>
#include <optional>

#include "memory/base/fd.h"
#include "tests/model/kvm_double.h"
#include "vmm/kvm/sev_device.h"
#include "vmm/kvm/system.h"

// For tests of what the models refuse, with which errno and status.
namespace sealvm::model {

inline constexpr uint64_t kPage = 4096;

struct alignas(kPage) Page {
  uint8_t bytes[kPage] = {};
};

class StateMachineTest : public testing::Test {
 protected:
  // What a call came to: errno and the firmware's or module's status.
  struct Answer {
    int os_error = 0;
    uint64_t status = 0;
    bool operator==(const Answer&) const = default;
  };
  static Answer Kvm(int os_error) { return {os_error, 0}; }
  static Answer Firmware(uint32_t status) { return {EIO, status}; }
  static Answer Of(const Result<>& result) { return Kvm(result ? 0 : result.error().os_error); }

  void Create(unsigned long type) {
    vm_.emplace(*kvm::System::Open("/dev/kvm", kvm_)->CreateVm(type));
    device_.emplace(*kvm::SevDevice::Open(kvm_));
  }
  template <typename Data>
  Answer Sev(uint32_t id, Data data) {
    const kvm::SevOutcome outcome = vm_->SevCommand(id, &data, device_->fd());
    return {outcome.os_error, outcome.firmware_error};
  }
  Answer Sev(uint32_t id) {
    const kvm::SevOutcome outcome = vm_->SevCommand(id, nullptr, device_->fd());
    return {outcome.os_error, outcome.firmware_error};
  }

  // Memory with one slot at GPA 0 that has private memory.
  void BindPrivate(uint64_t size, bool make_private = true) {
    memfd_ = *vm_->CreateGuestMemfd(size, 0);
    ASSERT_TRUE(vm_->SetUserMemoryRegion(
        {.slot = 0, .gpa = 0, .size = size, .hva = 0, .private_fd = memfd_.get()}));
    if (make_private) {
      ASSERT_TRUE(vm_->SetMemoryPrivate(0, size, true));
    }
  }

  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>();
  std::optional<kvm::Vm> vm_;
  std::optional<kvm::SevDevice> device_;
  Fd memfd_;
  Page page_;
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_STATE_FIXTURE_H_
