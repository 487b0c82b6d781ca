// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "memory/base/fd.h"
#include "vmm/cli/console.h"
#include "vmm/cli/log.h"

namespace sealvm {
namespace {

// A pseudo terminal whose other side anybody may open and close. The console keeps that side open
// too, so that it never hangs up. Output that nobody reads is dropped when the kernel's buffer is
// full.
class PtyConsole : public Console {
 public:
  PtyConsole(Fd master, Fd slave) : master_(std::move(master)), slave_(std::move(slave)) {}

  Result<> Write(std::span<const uint8_t> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = write(master_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN) return {};
      if (written < 0) return SystemError("write", "pseudo terminal", errno);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return {};
  }

  pollfd Watch(bool wants_input) const override {
    return {wants_input ? master_.get() : -1, POLLIN, 0};
  }

  size_t Read(std::span<uint8_t> buffer) override {
    const ssize_t count = read(master_.get(), buffer.data(), buffer.size());
    return count > 0 ? static_cast<size_t>(count) : 0;
  }

 private:
  Fd master_;
  Fd slave_;
};

// Without echo or line editing: the guest does both.
Result<> SetRaw(int fd) {
  termios attributes;
  if (tcgetattr(fd, &attributes) != 0) return SystemError("tcgetattr", "pseudo terminal", errno);
  cfmakeraw(&attributes);
  if (tcsetattr(fd, TCSANOW, &attributes) != 0) {
    return SystemError("tcsetattr", "pseudo terminal", errno);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Console>> OpenPtyConsole() {
  Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master.valid()) return SystemError("posix_openpt", "/dev/ptmx", errno, "is devpts mounted?");
  char name[64];
  if (unlockpt(master.get()) != 0) return SystemError("unlockpt", "/dev/ptmx", errno);
  const int err = ptsname_r(master.get(), name, sizeof(name));
  if (err != 0) return SystemError("ptsname_r", "/dev/ptmx", err);
  Fd slave(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave.valid()) return SystemError("open", name, errno);
  SEALVM_TRY(SetRaw(slave.get()));
  Announce(std::string("console on ") + name);
  return std::make_unique<PtyConsole>(std::move(master), std::move(slave));
}

}  // namespace sealvm
