// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_VM_MODEL_H_
#define SEALVM_TESTS_MODEL_VM_MODEL_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memory/base/mapping.h"
#include "tests/model/page_ranges.h"

// Models of KVM, of the AMD security processor and of the TDX module, as far as a launch asks them
// for something. They are written from Linux' Documentation/virt/kvm and from the specifications of
// AMD and Intel, and share no code with what they judge: where they refuse something, the hardware
// is documented to refuse it, with the same errno and status. They are models: no launch here says
// that one on hardware works.
namespace sealvm::model {

using Sha384 = std::array<uint8_t, 48>;
using Sha256 = std::array<uint8_t, 32>;

// What the host can do. A test changes what it wants missing.
struct HostModel {
  uint64_t vm_types = 1u << KVM_X86_DEFAULT_VM | 1u << KVM_X86_SEV_VM | 1u << KVM_X86_SEV_ES_VM |
                      1u << KVM_X86_SNP_VM | 1u << KVM_X86_TDX_VM;
  uint64_t exit_hypercalls = 1u << 12;
  uint32_t max_vcpus = 1024;
  uint32_t tsc_khz = 2'101'234;
  bool has_sev_device = true;
  // Device attributes of the system, group KVM_X86_GRP_SEV; nothing: an older kernel.
  std::optional<uint64_t> vmsa_features = 1u << 5 | 1u << 9;
  std::optional<uint64_t> snp_policy_bits = 0x3fbffff;
  std::optional<uint64_t> snp_certificates = 1;
  // The firmware.
  uint8_t api_major = 1;
  uint8_t api_minor = 55;
  uint8_t build = 21;
  bool smt = true;
  // Corrects a CPUID page; true when it found something.
  std::function<bool(uint8_t* page)> correct_cpuid = {};
  // TDX.
  uint64_t td_attributes = 1u << 28;
  uint64_t td_xfam = 0x602e7;
  std::vector<kvm_cpuid_entry2> td_cpuid = {};
  std::vector<kvm_cpuid_entry2> supported_cpuid = {};
};

struct VcpuModel {
  explicit VcpuModel(uint32_t vcpu_id);

  uint32_t id = 0;
  kvm_regs regs = {};
  kvm_sregs sregs = {};
  kvm_fpu fpu = {};
  std::vector<kvm_cpuid_entry2> cpuid;
  bool protected_state = false;  // the VMSA was taken: registers are out of reach
  bool td_initialized = false;
  uint64_t td_rcx = 0;
  Mapping run;
};

struct SlotModel {
  uint64_t gpa = 0;
  uint64_t size = 0;
  uint64_t hva = 0;
  int private_fd = -1;
  uint64_t private_offset = 0;
};

class SevModel;
class SnpModel;
class TdxModel;

struct VmModel {
  VmModel(const HostModel& host_model, unsigned long vm_type);
  ~VmModel();

  const HostModel& host;
  const unsigned long type;
  std::map<uint32_t, SlotModel> slots;
  PageRanges private_pages;              // memory attributes
  PageRanges pinned;                     // this process' addresses
  std::map<int, uint64_t> guest_memfds;  // sizes
  std::vector<std::shared_ptr<VcpuModel>> vcpus;
  bool irqchip = false;
  bool split_irqchip = false;
  uint64_t exit_hypercalls = 0;
  uint64_t apic_bus_cycle_ns = 1;
  uint32_t tsc_khz = 0;

  // Of the VM's type; the others are null.
  std::unique_ptr<SevModel> sev;
  std::unique_ptr<SnpModel> snp;
  std::unique_ptr<TdxModel> tdx;

  bool has_private_memory() const { return snp || tdx; }
  // Whether [gpa, gpa + size) lies in one slot that has a guest_memfd.
  bool InPrivateSlot(uint64_t gpa, uint64_t size) const;
  // Whether the guest may run; else the errno of KVM_RUN.
  int CheckRun(const VcpuModel& vcpu) const;

  // The ioctls: 0 or an errno.
  int SetMemoryRegion(const SlotModel& slot, uint32_t number, uint32_t flags);
  int SetMemoryAttributes(const kvm_memory_attributes& request);
  int EnableCap(const kvm_enable_cap& request);
  int CreateIrqchip();
  int SetTscKhz(uint32_t khz);
  int RegisterRegion(const kvm_enc_region& region);
  // What KVM_CREATE_VCPU says before it makes one.
  int CheckNewVcpu(uint32_t id) const;
  int CheckExtension(long capability) const;
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_VM_MODEL_H_
