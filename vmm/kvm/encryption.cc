// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/encryption.h"

#include <errno.h>
#include <stddef.h>

namespace sealvm::kvm {
namespace {

// The layouts that the code fills in, against Linux' arch/x86/include/uapi/asm/kvm.h: a header that
// moved a field would change what the firmware is asked for.
static_assert(sizeof(kvm_sev_cmd) == 24 && offsetof(kvm_sev_cmd, data) == 8 &&
              offsetof(kvm_sev_cmd, error) == 16 && offsetof(kvm_sev_cmd, sev_fd) == 20);
static_assert(sizeof(kvm_sev_init) == 48 && offsetof(kvm_sev_init, ghcb_version) == 12);
static_assert(sizeof(kvm_sev_launch_start) == 40 &&
              offsetof(kvm_sev_launch_start, session_uaddr) == 24);
static_assert(sizeof(kvm_sev_launch_update_data) == 16);
static_assert(sizeof(kvm_sev_launch_secret) == 48);
static_assert(sizeof(kvm_sev_launch_measure) == 16);
static_assert(sizeof(kvm_sev_guest_status) == 12);
static_assert(sizeof(kvm_sev_snp_launch_start) == 64);
static_assert(sizeof(kvm_sev_snp_launch_update) == 64 &&
              offsetof(kvm_sev_snp_launch_update, type) == 24);
static_assert(sizeof(kvm_sev_snp_launch_finish) == 88 &&
              offsetof(kvm_sev_snp_launch_finish, host_data) == 19 &&
              offsetof(kvm_sev_snp_launch_finish, flags) == 54);
static_assert(sizeof(kvm_tdx_cmd) == 24 && offsetof(kvm_tdx_cmd, hw_error) == 16);
static_assert(sizeof(kvm_tdx_capabilities) == 2056);
static_assert(sizeof(kvm_tdx_init_vm) == 264 && offsetof(kvm_tdx_init_vm, mrconfigid) == 16);
static_assert(sizeof(kvm_tdx_init_mem_region) == 24);
static_assert(sizeof(kvm_userspace_memory_region2) == 160);
static_assert(sizeof(kvm_memory_attributes) == 32);
static_assert(sizeof(kvm_create_guest_memfd) == 64);
static_assert(sizeof(kvm_pre_fault_memory) == 64);
static_assert(sizeof(kvm_enc_region) == 16);
static_assert(sizeof(kvm_exit_snp_req_certs) == 24);
static_assert(offsetof(kvm_run, tdx) == 32 && offsetof(kvm_run, snp_req_certs) == 32);

int Issue(const KernelFd& fd, void* command) {
  const auto argument = reinterpret_cast<unsigned long>(command);
  return fd.Ioctl(KVM_MEMORY_ENCRYPT_OP, argument) < 0 ? errno : 0;
}

}  // namespace

SevOutcome IssueSevCommand(const KernelFd& fd, uint32_t id, void* data, int sev_fd) {
  kvm_sev_cmd command = {};
  command.id = id;
  command.data = reinterpret_cast<uint64_t>(data);
  command.sev_fd = static_cast<uint32_t>(sev_fd);
  const int err = Issue(fd, &command);
  return {.os_error = err, .firmware_error = command.error};
}

TdxOutcome IssueTdxCommand(const KernelFd& fd, uint32_t id, uint32_t flags, uint64_t data) {
  kvm_tdx_cmd command = {};
  command.id = id;
  command.flags = flags;
  command.data = data;
  const int err = Issue(fd, &command);
  return {.os_error = err, .module_status = command.hw_error};
}

}  // namespace sealvm::kvm
