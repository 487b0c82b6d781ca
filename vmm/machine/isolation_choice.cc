// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/isolation_choice.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "memory/lock_limit.h"
#include "memory/memory_cgroup.h"
#include "vmm/isolation/private_memory_trial.h"

namespace sealvm {
namespace {

// Linux prints it at boot wherever it finds SEV's face (arch/x86/mm/mem_encrypt.c, 5.11 and later).
constexpr std::string_view kEncryptionMessage = "Memory Encryption Features active";

// What can be known before anything is tried.
Result<> CheckHostLimits(const MachineConfig& config) {
  SEALVM_TRY(CheckMemoryLockLimit(config.memory_bytes, config.memory_lock_limit));
  return CheckMemoryCgroup(config.memory_bytes, FindMemoryCgroup());
}

Result<IsolationChoice> ChooseSealed(const MachineConfig& config, const kvm::System& system,
                                     const KernelImage& kernel) {
  SEALVM_TRY(CheckHostLimits(config));
  IsolationChoice choice{.mode = IsolationMode::kSealed};
  choice.private_kind = SEALVM_TRY(SelectPrivateMemory(system, KindsOf(config.memory_provider)));
  if (kernel.bzimage() != nullptr) {
    choice.unpacked = SEALVM_TRY(kernel.ExtractVmlinux(config.memory_bytes));
  }
  return choice;
}

// The same for a guest that did not ask for it.
Result<IsolationChoice> ChooseSealedUnasked(const MachineConfig& config, const kvm::System& system,
                                            const KernelImage& kernel) {
  if (config.memory.huge_pages != HugePages::kDefault) {
    return Refused("private memory has no huge pages");
  }
  if (config.kernel_protocol == KernelProtocol::kPvh) {
    return Refused("a kernel entered by PVH does not know of the C-bit");
  }
  IsolationChoice choice = SEALVM_TRY(ChooseSealed(config, system, kernel));
  if (config.kernel.empty()) return choice;
  const KernelImage& vmlinux = choice.unpacked ? *choice.unpacked : kernel;
  if (!SEALVM_TRY(KnowsMemoryEncryption(vmlinux))) {
    return Refused("the kernel lacks CONFIG_AMD_MEM_ENCRYPT");
  }
  return choice;
}

}  // namespace

Result<IsolationChoice> ChooseIsolation(const MachineConfig& config, const kvm::System& system,
                                        const KernelImage& kernel) {
  if (config.isolation == IsolationMode::kSealed) {
    Result<IsolationChoice> named = ChooseSealed(config, system, kernel);
    if (!named && named.error().kind == ErrorKind::kRefused) {
      return WithContext(std::move(named).error(), "--isolation sealed");
    }
    return named;
  }
  if (config.isolation != IsolationMode::kAuto) return IsolationChoice{.mode = config.isolation};
  Result<IsolationChoice> sealed = ChooseSealedUnasked(config, system, kernel);
  if (sealed) return sealed;
  // A kernel that cannot be read is as bad for any mode, which then says so itself.
  return IsolationChoice{.why_not_stronger = "sealed: " + sealed.error().message};
}

IsolationChoice ChooseFirmwareIsolation(const MachineConfig& config) {
  IsolationChoice choice;
  if (config.isolation != IsolationMode::kAuto) {
    choice.mode = config.isolation;
  } else {
    choice.why_not_stronger =
        "sealed: a sealed guest's kernel has its own loader, not a firmware; "
        "sev, sev-es, snp, tdx: taken only when they are asked for by name";
  }
  return choice;
}

Result<bool> KnowsMemoryEncryption(const KernelImage& vmlinux) {
  constexpr uint64_t kChunk = 1 << 20;
  const ImageFile& file = vmlinux.file();
  std::vector<uint8_t> buffer;
  // Chunks overlap, for the message may lie across their border.
  for (uint64_t at = 0; at < file.size(); at += kChunk) {
    buffer.resize(std::min(kChunk + kEncryptionMessage.size(), file.size() - at));
    SEALVM_TRY(file.Read(at, buffer));
    const std::string_view text(reinterpret_cast<const char*>(buffer.data()), buffer.size());
    if (text.find(kEncryptionMessage) != text.npos) return true;
  }
  return false;
}

}  // namespace sealvm
