// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/output_sink.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

namespace sealvm {
namespace {

// How often a waiting writer looks whether it should go on waiting.
constexpr int kAbandonCheckMilliseconds = 100;
// A terminal that poll calls writable takes this much without blocking (its buffer is 4 KiB, and
// Linux reports it writable from 256 free bytes on: WAKEUP_CHARS in drivers/tty/n_tty.c).
constexpr size_t kPolledPiece = 256;

}  // namespace

Result<OutputSink> OutputSink::Create(int fd, std::string name) {
  struct stat status;
  if (fstat(fd, &status) != 0) return SystemError("fstat", name, errno, "it is closed");
  const mode_t type = status.st_mode & S_IFMT;
  const Method method = type == S_IFREG                       ? Method::kBlocking
                        : type == S_IFIFO || type == S_IFSOCK ? Method::kNoWait
                                                              : Method::kPolled;
  return OutputSink(fd, std::move(name), method);
}

Result<> OutputSink::Write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    if (method_ == Method::kPolled && !WaitWritable()) return {};
    const long written = WriteSome(bytes);
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP && method_ == Method::kNoWait) {
      method_ = Method::kPolled;
    } else if (errno == EAGAIN) {
      if (!WaitWritable()) return {};
    } else {
      return SystemError("write", name_, errno);
    }
  }
  return {};
}

long OutputSink::WriteSome(std::span<const uint8_t> bytes) {
  if (method_ == Method::kNoWait) {
    const iovec piece = {const_cast<uint8_t*>(bytes.data()), bytes.size()};
    return pwritev2(fd_, &piece, 1, -1, RWF_NOWAIT);
  }
  const size_t limit = method_ == Method::kPolled ? kPolledPiece : bytes.size();
  return write(fd_, bytes.data(), std::min(bytes.size(), limit));
}

bool OutputSink::WaitWritable() {
  for (;;) {
    pollfd watched = {fd_, POLLOUT, 0};
    const int ready = poll(&watched, 1, abandoned_ ? 0 : kAbandonCheckMilliseconds);
    if (ready > 0) return true;
    if (abandoned_.load(std::memory_order_relaxed)) return false;
  }
}

}  // namespace sealvm
