// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_KVM_GUEST_FIXTURE_H_
#define SEALVM_TESTS_KVM_GUEST_FIXTURE_H_

#include <gtest/gtest.h>
#include <stdint.h>

#include <optional>
#include <span>
#include <vector>

#include "memory/guest_memory.h"
#include "vmm/kvm/system.h"

// Declares the guest `name` of guests.S and names its bytes.
#define SEALVM_DECLARE_GUEST(name)         \
  extern "C" const uint8_t name##_begin[]; \
  extern "C" const uint8_t name##_end[];   \
  inline std::span<const uint8_t> name##_guest() { return {name##_begin, name##_end}; }

SEALVM_DECLARE_GUEST(port_out)
SEALVM_DECLARE_GUEST(port_in)
SEALVM_DECLARE_GUEST(string_out)
SEALVM_DECLARE_GUEST(mmio)
SEALVM_DECLARE_GUEST(triple_fault)
SEALVM_DECLARE_GUEST(memory_cell)
SEALVM_DECLARE_GUEST(spin)
SEALVM_DECLARE_GUEST(cpuid_leaf1)
SEALVM_DECLARE_GUEST(irq4)
SEALVM_DECLARE_GUEST(start_ap)
SEALVM_DECLARE_GUEST(ap)

namespace sealvm {

// A VM with 512 KiB of RAM from GPA 0 (so that 0xa0000 is MMIO) and vCPUs that start in real mode.
// Skips, with the reason, where /dev/kvm cannot be opened.
class GuestTest : public testing::Test {
 public:
  static constexpr Gpa kCodeBase = 0x1000;
  static constexpr Gpa kApCodeBase = 0x8000;
  static constexpr uint64_t kRamSize = 2 * kMiB;
  static constexpr uint64_t kSlotSize = 512 * kKiB;

 protected:
  void SetUp() override;

  // Copies `code` to kCodeBase and makes a vCPU that starts there.
  kvm::Vcpu LoadGuest(std::span<const uint8_t> code);
  kvm::Vcpu MakeVcpu(uint32_t id);
  // Puts the vCPU into real mode at `ip` with all segments 0.
  static void EnterRealMode(kvm::Vcpu& vcpu, uint16_t ip);
  // Puts the vCPU into flat 32-bit protected mode at `eip` with an empty interrupt table.
  static void EnterProtectedMode(kvm::Vcpu& vcpu, uint32_t eip);
  // Runs until the guest leaves for user space, however often KVM is interrupted.
  static kvm::VcpuExit RunToExit(kvm::Vcpu& vcpu);

  GuestMemory& memory() { return *memory_; }
  kvm::System& system() { return *system_; }
  kvm::Vm& vm() { return *vm_; }

 private:
  std::optional<kvm::System> system_;
  std::optional<GuestMemory> memory_;
  std::optional<kvm::Vm> vm_;
};

}  // namespace sealvm

#endif  // SEALVM_TESTS_KVM_GUEST_FIXTURE_H_
