// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/firmware_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <utility>

#include "memory/base/file_io.h"

namespace sealvm {

Result<FirmwareLog> FirmwareLog::Open(const std::string& path, Logger logger) {
  Fd fd;
  if (!path.empty()) {
    constexpr mode_t kMode = 0666;
    fd.Reset(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, kMode));
    if (!fd.valid()) {
      return InvalidInput("--firmware-log " + path + ": cannot open: " + strerrordesc_np(errno));
    }
  }
  return FirmwareLog(std::move(fd), std::move(logger));
}

void FirmwareLog::Write(std::string_view line) {
  if (!fd_.valid()) {
    line = line.substr(0, line.find_last_not_of("\r\n") + 1);
    if (!line.empty()) logger_.Log(LogLevel::kDebug, "firmware: {}", line);
    return;
  }
  if (failed_) return;
  if (const int error = WriteAll(fd_.get(), line); error != 0) {
    failed_ = true;
    logger_.Log(LogLevel::kWarning, "--firmware-log: cannot write: {}", strerrordesc_np(error));
  }
}

}  // namespace sealvm
