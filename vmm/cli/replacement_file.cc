// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/replacement_file.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/base/fd.h"
#include "memory/base/file_io.h"

namespace sealvm {
namespace {

bool IsSameFile(const std::string& one, const std::string& other) {
  struct stat a, b;
  return stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

}  // namespace

Result<> CheckIsNoInput(const std::string& path, std::string_view option,
                        std::span<const std::string> inputs) {
  for (const std::string& input : inputs) {
    if (!input.empty() && IsSameFile(path, input)) {
      return InvalidInput(fmt::format("{}: {} is the file of a key or another input", option, path),
                          "give the file another name");
    }
  }
  return {};
}

ReplacementFile::ReplacementFile(std::string path, std::string_view option)
    : path_(std::move(path)), option_(option) {}

ReplacementFile::~ReplacementFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

std::unexpected<Error> ReplacementFile::Failure(std::string_view call) const {
  std::unexpected<Error> failure = SystemError(call, path_, errno);
  failure.error().kind = ErrorKind::kInvalidInput;
  return WithContext(std::move(failure).error(), option_);
}

Result<ReplacementFile> ReplacementFile::Write(const std::string& path, std::string_view option,
                                               std::span<const uint8_t> bytes) {
  ReplacementFile file(path, option);
  struct stat status;
  if (lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return InvalidInput(fmt::format("{}: {} is there and no regular file", option, path),
                        "give another path, or remove it");
  }
  const std::string temporary = fmt::format("{}.tmp.{}", path, getpid());
  const Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.valid()) return file.Failure("open");
  file.temporary_ = temporary;
  if (WriteAll(fd.get(), bytes) != 0) return file.Failure("write");
  if (fsync(fd.get()) != 0) return file.Failure("fsync");
  return file;
}

Result<> ReplacementFile::Publish() {
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return Failure("rename");
  temporary_.clear();
  return {};
}

}  // namespace sealvm
