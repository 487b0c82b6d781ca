// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/testing/temp_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices/virtio/testing/must.h"

namespace sealvm {

TempImage::TempImage(uint64_t bytes) {
  const char* directory = getenv("TEST_TMPDIR");
  path_ = std::string(directory != nullptr ? directory : "/tmp") + "/image-XXXXXX";
  fd_.Reset(mkostemp(path_.data(), O_CLOEXEC));
  MustHold(fd_.valid(), "mkostemp failed");
  Resize(bytes);
}

TempImage::~TempImage() { unlink(path_.c_str()); }

void TempImage::Resize(uint64_t bytes) {
  MustHold(ftruncate(fd_.get(), static_cast<off_t>(bytes)) == 0, "ftruncate failed");
}

void TempImage::Write(uint64_t offset, const std::string& text) {
  const ssize_t written = pwrite(fd_.get(), text.data(), text.size(), static_cast<off_t>(offset));
  MustHold(written == static_cast<ssize_t>(text.size()), "pwrite failed");
}

std::string TempImage::Read(uint64_t offset, size_t length) const {
  std::string text(length, '\0');
  const ssize_t got = pread(fd_.get(), text.data(), length, static_cast<off_t>(offset));
  MustHold(got >= 0, "pread failed");
  text.resize(static_cast<size_t>(got));
  return text;
}

bool TempImage::IsHole(uint64_t offset, uint64_t length) const {
  const off_t data = lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) return errno == ENXIO;  // a hole to the end of the file
  return static_cast<uint64_t>(data) >= offset + length;
}

}  // namespace sealvm
