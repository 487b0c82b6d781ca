// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace sealvm {
namespace {

std::unexpected<Error> CannotOpen(const std::string& name, int err) {
  auto error = InvalidInput(fmt::format("{}: cannot open: {}", name, strerrordesc_np(err)));
  error.error().os_error = err;
  return error;
}

std::unexpected<Error> EndsEarly(const std::string& name, uint64_t offset, uint64_t length) {
  return InvalidInput(
      fmt::format("{}: ends early: no {} bytes at offset {:#x}", name, length, offset));
}

}  // namespace

Result<ImageFile> ImageFile::Open(const std::string& path, std::string_view option) {
  ImageFile file;
  file.name_ = option.empty() ? path : fmt::format("{} {}", option, path);
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  file.fd_.Reset(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.fd_.valid()) return CannotOpen(file.name_, errno);
  struct stat status;
  if (fstat(file.fd_.get(), &status) != 0) return SystemError("fstat", file.name_, errno);
  if (S_ISDIR(status.st_mode)) {
    return InvalidInput(fmt::format("{}: is a directory", file.name_));
  }
  if (!S_ISREG(status.st_mode)) {
    return InvalidInput(fmt::format("{}: is not a regular file", file.name_),
                        "copy it to a file first");
  }
  file.size_ = static_cast<uint64_t>(status.st_size);
  SEALVM_TRY(file.ReadHead());
  return file;
}

ImageFile ImageFile::FromBytes(std::string name, std::span<const uint8_t> bytes) {
  ImageFile file;
  file.name_ = std::move(name);
  file.size_ = bytes.size();
  file.bytes_ = bytes;
  return file;
}

ImageFile ImageFile::FromBuffer(std::string name, std::vector<uint8_t> bytes) {
  ImageFile file;
  file.name_ = std::move(name);
  file.size_ = bytes.size();
  file.buffer_ = std::move(bytes);
  file.bytes_ = file.buffer_;
  return file;
}

Result<> ImageFile::Read(uint64_t offset, std::span<uint8_t> out) const {
  if (!Contains(offset, out.size())) return EndsEarly(name_, offset, out.size());
  if (offset + out.size() <= bytes_.size()) {
    std::ranges::copy(bytes_.subspan(offset, out.size()), out.begin());
    return {};
  }
  return ReadFromFile(offset, out);
}

// With one byte more than there should be: files of /proc have bytes and say that they have none.
Result<> ImageFile::ReadHead() {
  const uint64_t expected = std::min(size_, kHeadSize);
  buffer_.resize(expected + 1);
  uint64_t done = 0;
  for (;;) {
    const ssize_t more =
        pread(fd_.get(), &buffer_[done], buffer_.size() - done, static_cast<off_t>(done));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return SystemError("pread", name_, errno);
    done += static_cast<uint64_t>(more);
    if (more == 0 || done >= expected) break;
  }
  if (done < expected) return EndsEarly(name_, done, expected - done);
  if (done > size_) {
    return InvalidInput(fmt::format("{}: has more than the {} bytes that it claims", name_, size_),
                        "copy it to a file first");
  }
  buffer_.resize(expected);
  bytes_ = buffer_;
  return {};
}

Result<> ImageFile::ReadFromFile(uint64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t done = pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return SystemError("pread", name_, errno);
    if (done == 0) return EndsEarly(name_, offset, out.size());
    out = out.subspan(static_cast<size_t>(done));
    offset += static_cast<uint64_t>(done);
  }
  return {};
}

Result<std::vector<uint8_t>> ImageFile::ReadAll() const {
  std::vector<uint8_t> bytes(size_);
  SEALVM_TRY(Read(0, bytes));
  return bytes;
}

Result<> ImageFile::LoadInto(GuestMemory& memory, Gpa gpa, uint64_t offset, uint64_t length) const {
  if (!Contains(offset, length)) return EndsEarly(name_, offset, length);
  if (offset + length <= bytes_.size()) return memory.Write(gpa, bytes_.subspan(offset, length));
  return memory.ReadFromFile(gpa, length, fd_.get(), offset, name_);
}

}  // namespace sealvm
