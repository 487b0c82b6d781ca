// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_DISK_IMAGE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_DISK_IMAGE_H_

#include <stdint.h>

#include <string>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm {

// Virtio block devices count in sectors of this size whatever their block size is (Virtual I/O
// Device 1.3 section 5.2.4).
inline constexpr uint32_t kSectorBytes = 512;

// A raw disk image, opened and locked: a regular file or a block device. Its content is never
// looked at, so that no guest can make it pass for another format. After opening, thread-safe.
class DiskImage {
 public:
  struct Options {
    std::string path;
    bool readonly = false;
    bool direct = false;  // O_DIRECT
    // Begins every message: the option or the device that names the image.
    std::string name;
  };

  // What the guest is told of the image and what its requests must keep to, in bytes. All but
  // `size` are powers of two.
  struct Geometry {
    uint64_t size = 0;
    uint32_t logical_block = kSectorBytes;
    uint32_t physical_block = kSectorBytes;
    // What an address of memory must be a multiple of; 1 without O_DIRECT.
    uint32_t memory_alignment = 1;
  };

  // kInvalidInput for what the user can put right: no such file, a directory, no permission, a size
  // that is 0 or no multiple of the block size, an image that another process uses.
  static Result<DiskImage> Open(const Options& options);

  int fd() const { return fd_.get(); }
  const Geometry& geometry() const { return geometry_; }
  uint64_t sectors() const { return geometry_.size / kSectorBytes; }
  bool readonly() const { return readonly_; }
  bool direct() const { return geometry_.memory_alignment > 1; }

  // Where a write has to end so that it does not make the image grow: its size now, which is less
  // than at the start if someone shrank it. Of a block device the size at the start.
  uint64_t WritableEnd() const;

 private:
  DiskImage(Fd fd, const Geometry& geometry, bool readonly, bool is_file)
      : fd_(std::move(fd)), geometry_(geometry), readonly_(readonly), is_file_(is_file) {}

  Fd fd_;
  Geometry geometry_;
  bool readonly_ = false;
  bool is_file_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_DISK_IMAGE_H_
