// SPDX-License-Identifier: Apache-2.0
#include "memory/fd_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "memory/guest_layout.h"

namespace sealvm {

namespace {

// cachestat(2), Linux 6.5; newer than Debian 12's headers. include/uapi/linux/mman.h.
constexpr long kCachestatCall = 451;
struct CachestatRange {
  uint64_t offset;
  uint64_t length;
};
struct Cachestat {
  uint64_t cached;
  uint64_t dirty;
  uint64_t writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

Result<uint64_t> CountPageCache(int fd, uint64_t size) {
  CachestatRange range = {.offset = 0, .length = size};
  Cachestat counts = {};
  if (syscall(kCachestatCall, fd, &range, &counts, 0) != 0) {
    return SystemError("cachestat", "guest memory", errno);
  }
  return counts.cached * kPageSize;
}

Result<uint64_t> CountBlocks(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return SystemError("fstat", "guest memory", errno);
  return static_cast<uint64_t>(status.st_blocks) * 512;  // stat(2): st_blocks is in 512 B units
}

}  // namespace

Result<std::shared_ptr<FdMemory>> FdMemory::Create(Fd fd, uint64_t size, const Traits& traits) {
  return std::shared_ptr<FdMemory>(new FdMemory(std::move(fd), size, traits));
}

FdMemory::FdMemory(Fd fd, uint64_t size, const Traits& traits)
    : fd_(std::move(fd)), size_(size), traits_(traits), notifier_(traits.sharing) {}

Result<> FdMemory::Allocate(BackingRange range) {
  SEALVM_TRY(CheckRange(range));
  const std::lock_guard lock(mutex_);
  // The size is fixed, and guest_memfd takes no other mode.
  SEALVM_TRY(Fallocate(FALLOC_FL_KEEP_SIZE, "fallocate", range));
  notifier_.NotifyAllocated(range);
  return {};
}

Result<> FdMemory::Release(BackingRange range) {
  SEALVM_TRY(CheckRange(range));
  const std::lock_guard lock(mutex_);
  const FallocNotifier::Invalidation invalidation(notifier_, range);
  return Fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "fallocate(PUNCH_HOLE)", range);
}

Result<uint64_t> FdMemory::AllocatedBytes() const {
  return traits_.count == Count::kPageCache ? CountPageCache(fd_.get(), size_)
                                            : CountBlocks(fd_.get());
}

Result<> FdMemory::CheckRange(BackingRange range) const {
  const bool aligned =
      range.offset % traits_.page_size == 0 && range.length % traits_.page_size == 0;
  if (!aligned || range.length == 0 || range.offset > size_ ||
      range.length > size_ - range.offset) {
    return InvalidInput(
        fmt::format("guest memory range {:#x}+{:#x} is empty, unaligned or outside the object of "
                    "{:#x} bytes",
                    range.offset, range.length, size_));
  }
  return {};
}

Result<> FdMemory::Fallocate(int mode, const char* call, BackingRange range) const {
  // Any signal interrupts it on a large range, and then it has to start over.
  int result;
  do {
    result = fallocate(fd_.get(), mode, static_cast<off_t>(range.offset),
                       static_cast<off_t>(range.length));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return {};
  const bool no_memory = errno == ENOMEM || errno == ENOSPC;
  return SystemError(call,
                     fmt::format("guest memory, {} bytes at {:#x}", range.length, range.offset),
                     errno, no_memory ? "the host has no memory for it; give the guest less" : "");
}

}  // namespace sealvm
