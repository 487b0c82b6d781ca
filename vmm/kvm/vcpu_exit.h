// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_VCPU_EXIT_H_
#define SEALVM_VMM_KVM_VCPU_EXIT_H_

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <array>
#include <span>
#include <string_view>
#include <variant>

#include "memory/base/result.h"

namespace sealvm::kvm {

// Why KVM_RUN returned: struct kvm_run as a value. Documentation/virt/kvm/api.rst, section 5.

// `count` accesses of `width` bytes to one port; `data` holds count * width bytes.
struct IoExit {
  uint16_t port = 0;
  uint8_t width = 0;
  uint32_t count = 0;
  bool is_write = false;
  std::span<uint8_t> data;
};

struct MmioExit {
  uint64_t gpa = 0;
  bool is_write = false;
  std::span<uint8_t> data;
};

// HLT without an in-kernel local APIC.
struct HaltExit {};

// Triple fault.
struct ShutdownExit {};

// KVM_SYSTEM_EVENT_*, with the words that came with it: the GHCB MSR for SEV_TERM, the registers in
// the order of their numbers for TDX_FATAL.
struct SystemEventExit {
  uint32_t type = 0;
  size_t words = 0;
  std::array<uint64_t, 16> data = {};
};

// The CPU refused the vCPU's state; `reason` is the hardware's.
struct FailEntryExit {
  uint64_t reason = 0;
};

// KVM gave up, most often at an instruction that it cannot emulate: its bytes then follow, as far
// as KVM says them.
struct InternalErrorExit {
  uint32_t suberror = 0;
  size_t instruction_length = 0;
  std::array<uint8_t, 15> instruction = {};
};

// A hypercall that KVM leaves to user space (KVM_CAP_EXIT_HYPERCALL). `result` is what the guest
// finds in RAX: set it before the next Run.
struct HypercallExit {
  uint64_t number = 0;  // KVM_HC_*
  std::array<uint64_t, 6> arguments = {};
  uint64_t* result = nullptr;
};

// KVM found no memory of the kind that the guest's access asks for: private in a shared range or
// the other way round, or none at all.
struct MemoryFaultExit {
  uint64_t gpa = 0;
  uint64_t size = 0;  // bytes
  bool is_private = false;
};

// An access to an MSR that a filter leaves to user space (KVM_CAP_X86_USER_SPACE_MSR). Before the
// next Run, a read fills `value`; `refused` other than 0 gives the guest #GP.
struct MsrExit {
  uint32_t index = 0;
  bool is_write = false;
  uint64_t* value = nullptr;
  uint8_t* refused = nullptr;
};

// A TDVMCALL of a TD that KVM leaves to user space (KVM_EXIT_TDX; Intel TDX Guest-Hypervisor
// Communication Interface). `result` is what the guest finds in R10: KVM sets it to "not supported"
// first.
struct TdxExit {
  static constexpr uint64_t kGetVmCallInfo = 0x10000;
  static constexpr uint64_t kGetQuote = 0x10002;
  static constexpr uint64_t kSetupEventNotify = 0x10004;

  uint64_t number = 0;
  // kGetQuote: GPA without the shared bit, and bytes; kSetupEventNotify: the vector;
  // kGetVmCallInfo: the leaf.
  std::array<uint64_t, 2> operands = {};
  uint64_t* result = nullptr;
  // kGetVmCallInfo: what the guest finds in R11 to R14.
  std::span<uint64_t> info = {};
};

// An SNP guest asks for the platform's certificates (KVM_EXIT_SNP_REQ_CERTS): they go to `pages`
// pages of its shared memory at `gpa`. `result`: 0, or an errno; ENOSPC with the number of pages
// that are needed in `pages`. Before the next Run.
struct SnpCertsExit {
  uint64_t gpa = 0;
  uint64_t* pages = nullptr;
  uint64_t* result = nullptr;
};

// A signal or RequestImmediateExit.
struct InterruptedExit {};

// A reason that the machine did not ask KVM for.
struct UnexpectedExit {
  uint32_t reason = 0;
};

using VcpuExit = std::variant<IoExit, MmioExit, HaltExit, ShutdownExit, SystemEventExit,
                              FailEntryExit, InternalErrorExit, HypercallExit, MemoryFaultExit,
                              MsrExit, TdxExit, SnpCertsExit, InterruptedExit, UnexpectedExit>;

// Reads the exit out of the shared page of `size` bytes. Spans point into it. Refuses a page whose
// offsets do not lie inside it.
Result<VcpuExit> DecodeExit(kvm_run& run, size_t size);

// "io", "mmio", "internal-error"...: the key in statistics.
std::string_view ExitName(const VcpuExit& exit);
inline constexpr size_t kExitKinds = std::variant_size_v<VcpuExit>;
// The name of the alternative with this index.
std::string_view ExitNameByIndex(size_t index);

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_VCPU_EXIT_H_
