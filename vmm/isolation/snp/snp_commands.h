// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SNP_SNP_COMMANDS_H_
#define SEALVM_VMM_ISOLATION_SNP_SNP_COMMANDS_H_

#include <stdint.h>

#include <array>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/isolation/sev/sev_commands.h"

namespace sealvm::snp {

// What SNP_LAUNCH_FINISH takes besides the vCPUs (AMD SEV-SNP Firmware ABI, section 8.18).
struct LaunchFinish {
  // 96 and 4096 bytes, or both empty: then the firmware compares the digest with nothing.
  std::vector<uint8_t> id_block;
  std::vector<uint8_t> id_auth;
  // The ID authentication has an author key.
  bool author_key = false;
  // Reports are not signed by the chip's own key.
  bool vcek_disabled = false;
  std::array<uint8_t, 32> host_data = {};
};

// KVM's launch commands of SNP, after SevCommands::Init2 (Linux
// Documentation/virt/kvm/x86/amd-memory-encryption.rst). Errors as there.
class SnpCommands {
 public:
  SnpCommands(kvm::Vm& vm, const kvm::SevDevice& device) : commands_(vm, device) {}

  sev::SevCommands& sev() { return commands_; }

  // KVM_SEV_SNP_ENABLE_REQ_CERTS: guests' requests for certificates give SnpCertsExit. Before any
  // vCPU.
  Result<> EnableCertificateRequests();
  // KVM_SEV_SNP_LAUNCH_START.
  Result<> LaunchStart(uint64_t policy);

  // KVM_SEV_SNP_LAUNCH_UPDATE of `size` bytes from `gpa` on, which are private already; `type` is
  // a KVM_SEV_SNP_PAGE_TYPE_*. `source` has as many bytes, page aligned, and is empty for zero
  // pages alone. The kernel stops in between as it likes; this does not.
  Result<> LaunchUpdate(uint8_t type, Gpa gpa, uint64_t size, std::span<const uint8_t> source);
  // The CPUID page, which the firmware compares with what it lets a guest see. Where it has
  // corrected the page, that is taken: a hypervisor may show a guest less, and the guest checks
  // what it depends on. True: it was corrected, and `page` holds what the guest gets.
  Result<bool> LaunchUpdateCpuid(Gpa gpa, std::span<uint8_t, kPageSize> page);

  // KVM_SEV_SNP_LAUNCH_FINISH, which measures the vCPUs in the order of their ids first.
  Result<> Finish(const LaunchFinish& finish);

 private:
  kvm::SevOutcome Update(uint8_t type, Gpa gpa, uint64_t size, const uint8_t* source);

  sev::SevCommands commands_;
};

}  // namespace sealvm::snp

#endif  // SEALVM_VMM_ISOLATION_SNP_SNP_COMMANDS_H_
