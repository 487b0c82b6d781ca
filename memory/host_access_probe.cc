// SPDX-License-Identifier: Apache-2.0
#include "memory/host_access_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include "memory/base/fd.h"
#include "memory/base/mapping.h"
#include "memory/guest_layout.h"

namespace sealvm {
namespace {

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return SystemError("pipe2", "host access probe", errno);
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

std::string Answer(bool succeeded) {
  return succeeded ? "works" : std::string(strerrorname_np(errno));
}

// The kernel copies for us: a page that may not be touched gives EFAULT here and SIGBUS to a load.
bool CanLoad(const Pipe& pipe, const uint8_t* byte) {
  if (write(pipe.write_end.get(), byte, 1) != 1) return false;
  uint8_t drained;
  return read(pipe.read_end.get(), &drained, 1) == 1;
}

bool CanStore(const Pipe& pipe, uint8_t* byte) {
  const uint8_t zero = 0;
  if (write(pipe.write_end.get(), &zero, 1) != 1) return false;
  if (read(pipe.read_end.get(), byte, 1) == 1) return true;
  const int reason = errno;
  uint8_t drained;
  if (read(pipe.read_end.get(), &drained, 1) != 1) return false;
  errno = reason;
  return false;
}

class Prober {
 public:
  Prober(int fd, Pipe pipe) : fd_(fd), pipe_(std::move(pipe)) {}

  void TryPage(uint64_t offset) {
    TryCalls(static_cast<off_t>(offset));
    TryMapping(static_cast<off_t>(offset), PROT_READ | PROT_WRITE, MAP_SHARED, "shared map");
    TryMapping(static_cast<off_t>(offset), PROT_READ, MAP_SHARED, "read-only map");
    TryMapping(static_cast<off_t>(offset), PROT_READ, MAP_PRIVATE, "private map");
    first_page_ = false;
  }
  HostAccess access() && { return std::move(access_); }

 private:
  void TryCalls(off_t offset) {
    uint8_t byte = 0;
    const bool read = pread(fd_, &byte, 1, offset) == 1;
    Note("pread", Answer(read));
    byte = 0;
    const bool written = pwrite(fd_, &byte, 1, offset) == 1;
    Note("pwrite", Answer(written));
    access_.read_call |= read;
    access_.write_call |= written;
  }

  void TryMapping(off_t offset, int protection, int flags, const char* door) {
    Result<Mapping> mapping = Mapping::Create(kPageSize, protection, flags, fd_, offset, "probe");
    if (!mapping) {
      Note(door, strerrorname_np(mapping.error().os_error));
      return;
    }
    const bool loaded = CanLoad(pipe_, mapping->data());
    Note(door, "load " + Answer(loaded));
    access_.map_read |= loaded;
    // A store into a private mapping is the process's own page.
    if (flags != MAP_SHARED || (protection & PROT_WRITE) == 0) return;
    const bool stored = CanStore(pipe_, mapping->data());
    Note(door, "store " + Answer(stored));
    access_.map_write |= stored;
  }

  void Note(const char* door, const std::string& answer) {
    if (!first_page_) return;
    if (!access_.answers.empty()) access_.answers += ", ";
    access_.answers.append(door).append(": ").append(answer);
  }

  const int fd_;
  const Pipe pipe_;
  HostAccess access_;
  bool first_page_ = true;
};

}  // namespace

Result<HostAccess> ProbeHostAccess(int fd, uint64_t size) {
  if (size < kPageSize || size % kPageSize != 0) {
    return InvalidInput("a memory object to probe needs whole pages");
  }
  Prober prober(fd, SEALVM_TRY(MakePipe()));
  const uint64_t pages = size / kPageSize;
  prober.TryPage(0);
  prober.TryPage(pages / 2 * kPageSize);
  prober.TryPage((pages - 1) * kPageSize);
  return std::move(prober).access();
}

}  // namespace sealvm
