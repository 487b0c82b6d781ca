// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/disk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <string_view>

namespace sealvm {

namespace {

// What every device and file system takes for O_DIRECT, when the kernel does not say (statx(2),
// STATX_DIOALIGN).
constexpr uint32_t kSafeDirectAlignment = 4096;

// File systems of networks and the like say how much to transfer at once; guests' tools take it for
// the size of a sector.
constexpr blksize_t kLargestFileBlock = 4096;

std::string Named(const DiskImage::Options& options, std::string_view what) {
  return fmt::format("{}: {}: {}", options.name, options.path, what);
}

std::unexpected<Error> OpenError(const DiskImage::Options& options, int err) {
  const auto invalid = [&](std::string_view what, std::string hint) {
    std::unexpected<Error> error = InvalidInput(Named(options, what), std::move(hint));
    error.error().os_error = err;
    return error;
  };
  switch (err) {
    case ENOENT:
    case ENOTDIR:
      return invalid("there is no such file", "make one with: truncate -s 10G FILE");
    case EISDIR:
      return invalid("is a directory", "name a raw disk image or a block device");
    case EACCES:
    case EPERM:
      return invalid(
          options.readonly ? "no permission to read it" : "no permission to read and write it",
          options.readonly ? "change its owner or mode"
                           : "change its owner or mode, or attach it read-only");
    case EROFS:
      return invalid("lies on a read-only file system", "attach it read-only");
    case ETXTBSY:
    case EBUSY:
      return invalid("is in use by the host", "unmount it, or attach it read-only");
    case EINVAL:
      if (options.direct) {
        return invalid("its file system has no direct I/O", "leave direct I/O off");
      }
      break;
    default:
      break;
  }
  return SystemError("open", Named(options, "a disk image"), err);
}

// O_NONBLOCK, so that a FIFO does not keep us waiting; O_EXCL fails on a block device that is
// mounted (open(2)), and means nothing for files that exist.
Result<Fd> OpenImage(const DiskImage::Options& options) {
  struct stat status = {};
  const bool is_device = stat(options.path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  flags |= options.readonly ? O_RDONLY : O_RDWR;
  if (options.direct) flags |= O_DIRECT;
  if (is_device && !options.readonly) flags |= O_EXCL;
  Fd fd(open(options.path.c_str(), flags));
  if (!fd.valid()) return OpenError(options, errno);
  return fd;
}

// The kernel would answer io_uring's requests with EAGAIN.
Result<> ClearNonblock(const DiskImage::Options& options, int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0) return {};
  return SystemError("fcntl", Named(options, "O_NONBLOCK"), errno);
}

// On which byte QEMU has a lock, for reading as all of its locks, while it writes to an image
// (QEMU's block/file-posix.c: RAW_LOCK_PERM_BASE with the bit number of BLK_PERM_WRITE).
constexpr off_t kQemuWrites = 101;

struct flock Range(short type, off_t start, off_t length) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;  // 0: to the end, wherever that comes to be
  return lock;
}

std::unexpected<Error> InUse(const DiskImage::Options& options, const struct flock& holder) {
  // Only locks of processes name one; those of open file descriptions do not (fcntl(2)).
  const bool named = holder.l_type != F_UNLCK && holder.l_pid > 0;
  return InvalidInput(Named(options, named ? fmt::format("is in use by process {}", holder.l_pid)
                                           : "is in use by another process"),
                      options.readonly
                          ? "another program writes to it"
                          : "stop the other program, or attach the image read-only in both");
}

Result<> LockRange(const DiskImage::Options& options, int fd, struct flock lock) {
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return {};
  const int err = errno;
  if (err != EAGAIN && err != EACCES) {
    return SystemError("fcntl", Named(options, "F_OFD_SETLK"), err,
                       "its file system must support locks");
  }
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0) lock.l_type = F_UNLCK;
  return InUse(options, lock);
}

// Locks of the open file description, which go when the image is closed. They conflict with those
// of other programs on any byte: QEMU has its own on single bytes from 100 on. Readers leave out
// the byte of QEMU's that tells of a writer, so that they can look at it and share the image.
Result<> LockImage(const DiskImage::Options& options, int fd) {
  if (!options.readonly) return LockRange(options, fd, Range(F_WRLCK, 0, 0));
  SEALVM_TRY(LockRange(options, fd, Range(F_RDLCK, 0, kQemuWrites)));
  SEALVM_TRY(LockRange(options, fd, Range(F_RDLCK, kQemuWrites + 1, 0)));
  struct flock writer = Range(F_WRLCK, kQemuWrites, 1);
  if (fcntl(fd, F_OFD_GETLK, &writer) != 0) {
    return SystemError("fcntl", Named(options, "F_OFD_GETLK"), errno);
  }
  if (writer.l_type != F_UNLCK) return InUse(options, writer);
  return {};
}

Result<> ReadDeviceGeometry(const DiskImage::Options& options, int fd,
                            DiskImage::Geometry& geometry) {
  int logical = 0;
  unsigned int physical = 0;
  if (ioctl(fd, BLKGETSIZE64, &geometry.size) != 0 || ioctl(fd, BLKSSZGET, &logical) != 0 ||
      ioctl(fd, BLKPBSZGET, &physical) != 0) {
    return SystemError("ioctl", Named(options, "the size of the block device"), errno);
  }
  geometry.logical_block = static_cast<uint32_t>(logical);
  geometry.physical_block = physical;
  if (options.direct) geometry.memory_alignment = geometry.logical_block;
  return {};
}

void ReadDirectAlignment(int fd, DiskImage::Geometry& geometry) {
  geometry.logical_block = kSafeDirectAlignment;
  geometry.memory_alignment = kSafeDirectAlignment;
  struct statx status = {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) != 0) return;
  if ((status.stx_mask & STATX_DIOALIGN) == 0 || status.stx_dio_offset_align == 0) return;
  geometry.logical_block = std::max(status.stx_dio_offset_align, kSectorBytes);
  geometry.memory_alignment = std::max(status.stx_dio_mem_align, 2U);
}

Result<DiskImage::Geometry> ReadGeometry(const DiskImage::Options& options, int fd,
                                         const struct stat& status) {
  DiskImage::Geometry geometry;
  if (S_ISBLK(status.st_mode)) {
    SEALVM_TRY(ReadDeviceGeometry(options, fd, geometry));
  } else {
    geometry.size = static_cast<uint64_t>(status.st_size);
    if (options.direct) ReadDirectAlignment(fd, geometry);
    geometry.physical_block =
        static_cast<uint32_t>(std::min<blksize_t>(status.st_blksize, kLargestFileBlock));
  }
  if (!std::has_single_bit(geometry.logical_block) ||
      !std::has_single_bit(geometry.memory_alignment)) {
    return HostError(Named(options, "the host says that its blocks are no power of two"));
  }
  if (!std::has_single_bit(geometry.physical_block) ||
      geometry.physical_block < geometry.logical_block) {
    geometry.physical_block = geometry.logical_block;
  }
  return geometry;
}

Result<> CheckSize(const DiskImage::Options& options, const DiskImage::Geometry& geometry) {
  if (geometry.size == 0) {
    return InvalidInput(Named(options, "is empty"), "give it a size with: truncate -s 10G FILE");
  }
  const uint32_t block = geometry.logical_block;
  if (geometry.size % block == 0) return {};
  return InvalidInput(
      Named(options, fmt::format("its size, {} bytes, is no multiple of {}", geometry.size, block)),
      fmt::format("round it up with: truncate -s %{} FILE", block));
}

}  // namespace

Result<DiskImage> DiskImage::Open(const Options& options) {
  Fd fd = SEALVM_TRY(OpenImage(options));
  struct stat status = {};
  if (fstat(fd.get(), &status) != 0) return SystemError("fstat", options.path, errno);
  if (S_ISDIR(status.st_mode)) return OpenError(options, EISDIR);
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
    return InvalidInput(Named(options, "is neither a file nor a block device"));
  }
  SEALVM_TRY(ClearNonblock(options, fd.get()));
  // Before its size is looked at: another user could change that.
  SEALVM_TRY(LockImage(options, fd.get()));
  if (fstat(fd.get(), &status) != 0) return SystemError("fstat", options.path, errno);
  const Geometry geometry = SEALVM_TRY(ReadGeometry(options, fd.get(), status));
  SEALVM_TRY(CheckSize(options, geometry));
  return DiskImage(std::move(fd), geometry, options.readonly, S_ISREG(status.st_mode));
}

uint64_t DiskImage::WritableEnd() const {
  struct stat status = {};
  if (!is_file_) return geometry_.size;
  if (fstat(fd_.get(), &status) != 0) return 0;
  return std::min(geometry_.size, static_cast<uint64_t>(status.st_size));
}

}  // namespace sealvm
