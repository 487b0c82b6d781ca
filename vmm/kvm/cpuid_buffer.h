// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_CPUID_BUFFER_H_
#define SEALVM_VMM_KVM_CPUID_BUFFER_H_

#include <linux/kvm.h>
#include <stddef.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

namespace sealvm::kvm {

// struct kvm_cpuid2 with room for its flexible array.
class CpuidBuffer {
 public:
  // KVM_MAX_CPUID_ENTRIES of the kernel's arch/x86/include/asm/kvm_host.h.
  static constexpr size_t kMaxEntries = 256;

  // Empty, for the kernel to fill.
  CpuidBuffer() : CpuidBuffer(kMaxEntries) {}

  // Filled with `entries`; more than kMaxEntries are refused by the kernel (E2BIG).
  explicit CpuidBuffer(std::span<const kvm_cpuid_entry2> entries) : CpuidBuffer(entries.size()) {
    std::ranges::copy(entries, get()->entries);
  }

  kvm_cpuid2* get() { return reinterpret_cast<kvm_cpuid2*>(bytes_.get()); }

  std::vector<kvm_cpuid_entry2> Entries() { return {get()->entries, get()->entries + get()->nent}; }

 private:
  explicit CpuidBuffer(size_t count)
      : bytes_(
            std::make_unique<std::byte[]>(sizeof(kvm_cpuid2) + count * sizeof(kvm_cpuid_entry2))) {
    get()->nent = static_cast<uint32_t>(count);
  }

  std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_CPUID_BUFFER_H_
