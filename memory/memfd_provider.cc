// SPDX-License-Identifier: Apache-2.0
#include "memory/memfd_provider.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include "memory/base/fd.h"
#include "memory/fd_memory.h"
#include "memory/guest_layout.h"

namespace sealvm {
namespace {

struct PageKind {
  uint64_t size;
  unsigned memfd_flags;
  const char* name;
};

PageKind PageKindOf(HugePages huge_pages) {
  switch (huge_pages) {
    case HugePages::k2M:
      return {2 * kMiB, MFD_HUGETLB | MFD_HUGE_2MB, "2M"};
    case HugePages::k1G:
      return {1 * kGiB, MFD_HUGETLB | MFD_HUGE_1GB, "1G"};
    case HugePages::kDefault:
      break;
  }
  return {kPageSize, 0, "4K"};
}

Result<> SealSize(int fd) {
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return SystemError("fcntl(F_ADD_SEALS)", "guest memory", errno);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<PrivateMemory>> MemfdProvider::Create(uint64_t size,
                                                             const MemoryPolicy& policy) {
  const PageKind pages = PageKindOf(policy.huge_pages);
  if (size == 0 || size % pages.size != 0) {
    return InvalidInput(
        fmt::format("guest memory of {} bytes is not a multiple of {} pages", size, pages.name));
  }
  Fd fd(memfd_create("sealvm-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING | pages.memfd_flags));
  if (!fd.valid()) {
    return SystemError("memfd_create", fmt::format("{} pages", pages.name), errno,
                       "the host's kernel may lack huge pages of this size");
  }
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return SystemError("ftruncate", fmt::format("guest memory, {} bytes", size), errno);
  }
  SEALVM_TRY(SealSize(fd.get()));
  // Needs no probe: only the claim that the host has no access must be proved.
  std::shared_ptr<FdMemory> memory = SEALVM_TRY(FdMemory::Create(
      std::move(fd), size, {.provider = "memfd", .page_size = pages.size, .host_access = true}));
  // Huge pages are taken now: without a reservation the guest would meet SIGBUS later.
  if (policy.prefault || policy.huge_pages != HugePages::kDefault) {
    if (Result<> allocated = memory->Allocate({0, size}); !allocated) {
      Error error = std::move(allocated).error();
      if (policy.huge_pages != HugePages::kDefault) {
        error.hint = fmt::format(
            "reserve {} huge pages of {} first, see nr_hugepages in /sys/kernel/mm/"
            "hugepages",
            size / pages.size, pages.name);
      }
      return std::unexpected(std::move(error));
    }
  }
  return memory;
}

}  // namespace sealvm
