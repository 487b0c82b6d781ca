// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_TEMP_IMAGE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_TEMP_IMAGE_H_

#include <stdint.h>

#include <span>
#include <string>

#include "memory/base/fd.h"

namespace sealvm {

// A file that is gone with the object, in the directory that tests may write to (TEST_TMPDIR), or
// /tmp. Aborts when something fails.
class TempImage {
 public:
  explicit TempImage(uint64_t bytes);
  TempImage(const TempImage&) = delete;
  TempImage& operator=(const TempImage&) = delete;
  ~TempImage();

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

  void Resize(uint64_t bytes);
  void Write(uint64_t offset, const std::string& text);
  // What can be read of [offset, offset + length).
  std::string Read(uint64_t offset, size_t length) const;
  // Whether there is no data in [offset, offset + length) (lseek(2), SEEK_DATA).
  bool IsHole(uint64_t offset, uint64_t length) const;

 private:
  std::string path_;
  Fd fd_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_TEMP_IMAGE_H_
