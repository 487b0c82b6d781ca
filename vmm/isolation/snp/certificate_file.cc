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

// The table, in whole pages.
Result<std::vector<uint8_t>> ReadTable(const Fd& file, const std::string& name) {
  std::vector<uint8_t> bytes(attestation::kMaxCertTableSize + 1);
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got =
        pread(file.get(), bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("pread", name, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > attestation::kMaxCertTableSize) {
    return InvalidInput(
        fmt::format("{}: is larger than {} bytes", name, attestation::kMaxCertTableSize));
  }
  bytes.resize(size);
  SEALVM_TRY(attestation::ParseCertTable(bytes, name));
  bytes.resize((size + kPageSize - 1) / kPageSize * kPageSize);
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
  } else if (const Result<> filled = fill(*file); !filled) {
    failed(filled.error());
  }
  return complete();
}

}  // namespace sealvm::snp
