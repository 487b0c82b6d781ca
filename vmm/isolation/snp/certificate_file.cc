// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/snp/certificate_file.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "memory/base/fd.h"
#include "memory/base/file_io.h"
#include "memory/guest_layout.h"
#include "vmm/isolation/attestation/cert_table.h"

namespace sealvm::snp {
namespace {

Result<Fd> OpenFile(const std::string& path, const std::string& name) {
  // Opening must not wait for the other end of a FIFO.
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) {
    std::unexpected<Error> error = SystemError("open", name, errno);
    error.error().kind = ErrorKind::kInvalidInput;
    return error;
  }
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return SystemError("fstat", name, errno);
  if (!S_ISREG(status.st_mode)) return InvalidInput(name + ": is no regular file");
  return file;
}

// Whether the path still leads to this file: one that was replaced between open and lock is locked
// for nothing.
bool IsCurrent(const Fd& file, const std::string& path) {
  struct stat opened = {};
  struct stat named = {};
  return fstat(file.get(), &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// The table, in whole pages.
Result<std::vector<uint8_t>> ReadTable(const Fd& file, const std::string& name) {
  std::vector<uint8_t> bytes(attestation::kMaxCertTableSize + 1);
  const auto size = ReadUpTo(file.get(), bytes);
  if (!size) return SystemError("read", name, size.error());
  if (*size > attestation::kMaxCertTableSize) {
    return InvalidInput(
        fmt::format("{}: is larger than {} bytes", name, attestation::kMaxCertTableSize));
  }
  bytes.resize(*size);
  SEALVM_TRY(attestation::ParseCertTable(bytes, name));
  bytes.resize(PageCeil(*size));
  return bytes;
}

}  // namespace

Result<CertificateFile> CertificateFile::Open(std::string path, std::string_view option) {
  std::string name = fmt::format("{} {}", option, path);
  const Fd file = SEALVM_TRY(OpenFile(path, name));
  SEALVM_TRY(ReadTable(file, name));
  return CertificateFile(std::move(path), std::move(name));
}

Result<> CertificateFile::Answer(const kvm::SnpCertsExit& exit, SharedView& memory,
                                 const std::function<Result<>()>& complete,
                                 const std::function<void(const Error&)>& failed) const {
  *exit.result = EIO;
  const auto fill = [&](const Fd& file) -> Result<> {
    const std::vector<uint8_t> table = SEALVM_TRY(ReadTable(file, name_));
    const uint64_t pages = table.size() / kPageSize;
    if (*exit.pages < pages) {
      *exit.pages = pages;
      *exit.result = ENOSPC;
      return {};
    }
    SEALVM_TRY(memory.Write(exit.gpa, table));
    *exit.result = 0;
    return {};
  };
  const Result<Fd> file = OpenFile(path_, name_);
  if (!file) {
    failed(file.error());
  } else if (flock(file->get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      *exit.result = EAGAIN;
    } else {
      failed(SystemError("flock", name_, errno).error());
    }
  } else if (!IsCurrent(*file, path_)) {
    *exit.result = EAGAIN;  // the guest asks again, for the new file
  } else if (const Result<> filled = fill(*file); !filled) {
    failed(filled.error());
  }
  return complete();
}

}  // namespace sealvm::snp
