// SPDX-License-Identifier: Apache-2.0
#include "memory/memfd_provider.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "memory/base/fd.h"
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

// fallocate() is interrupted by any signal on large ranges and then has to start over.
int FallocateRetrying(int fd, int mode, BackingRange range) {
  int result;
  do {
    result =
        fallocate(fd, mode, static_cast<off_t>(range.offset), static_cast<off_t>(range.length));
  } while (result != 0 && errno == EINTR);
  return result;
}

class MemfdMemory : public PrivateMemory {
 public:
  MemfdMemory(Fd fd, uint64_t size, uint64_t page_size)
      : fd_(std::move(fd)), size_(size), page_size_(page_size) {}

  std::string_view ProviderName() const override { return "memfd"; }
  uint64_t size() const override { return size_; }
  int fd() const override { return fd_.get(); }
  // Needs no probe: only the claim that the host cannot must be proved.
  bool can_host_access() const override { return true; }

  Result<> Allocate(BackingRange range) override {
    SEALVM_TRY(CheckRange(range));
    if (FallocateRetrying(fd_.get(), 0, range) != 0) {
      return SystemError("fallocate", fmt::format("guest memory, {} bytes", range.length), errno,
                         "the host has no memory for it; give the guest less");
    }
    return {};
  }

  Result<> Release(BackingRange range) override {
    SEALVM_TRY(CheckRange(range));
    if (FallocateRetrying(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range) != 0) {
      return SystemError("fallocate(PUNCH_HOLE)",
                         fmt::format("guest memory, {} bytes at {:#x}", range.length, range.offset),
                         errno);
    }
    return {};
  }

  Result<uint64_t> AllocatedBytes() const override {
    struct stat status;
    if (fstat(fd_.get(), &status) != 0) return SystemError("fstat", "guest memory", errno);
    return static_cast<uint64_t>(status.st_blocks) * 512;  // stat(2): st_blocks is in 512 B units
  }

 private:
  Result<> CheckRange(BackingRange range) const {
    const bool aligned = range.offset % page_size_ == 0 && range.length % page_size_ == 0;
    if (!aligned || range.length == 0 || range.offset > size_ ||
        range.length > size_ - range.offset) {
      return InvalidInput(
          fmt::format("guest memory range {:#x}+{:#x} is empty, unaligned or outside "
                      "the object of {:#x} bytes",
                      range.offset, range.length, size_));
    }
    return {};
  }

  Fd fd_;
  uint64_t size_;
  uint64_t page_size_;
};

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
  auto memory = std::make_shared<MemfdMemory>(std::move(fd), size, pages.size);
  SEALVM_TRY(SealSize(memory->fd()));
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
