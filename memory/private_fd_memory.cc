// SPDX-License-Identifier: Apache-2.0
#include "memory/private_fd_memory.h"

#include <fmt/format.h>

#include <utility>

#include "memory/host_access_probe.h"

namespace sealvm {

Result<std::shared_ptr<PrivateMemory>> MakePrivateFdMemory(Fd fd, uint64_t size,
                                                           const FdMemory::Traits& traits,
                                                           const MemoryPolicy& policy) {
  if (policy.huge_pages != HugePages::kDefault) {
    return InvalidInput(fmt::format("--hugepages: {} has no huge pages", traits.provider),
                        "use --hugepages off");
  }
  const HostAccess access = SEALVM_TRY(ProbeHostAccess(fd.get(), size));
  if (access.any()) {
    return Refused(
        fmt::format("{}: the host can reach the memory ({})", traits.provider, access.answers));
  }
  FdMemory::Traits proved = traits;
  proved.host_access = false;
  std::shared_ptr<FdMemory> memory = SEALVM_TRY(FdMemory::Create(std::move(fd), size, proved));
  if (policy.prefault) SEALVM_TRY(memory->Allocate({0, size}));
  return memory;
}

}  // namespace sealvm
