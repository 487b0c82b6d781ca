// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_FIRMWARE_LOG_H_
#define SEALVM_VMM_MACHINE_FIRMWARE_LOG_H_

#include <string>
#include <string_view>

#include "memory/base/fd.h"
#include "memory/base/logger.h"
#include "memory/base/result.h"

namespace sealvm {

// Where a firmware's log goes: a file, appended to, or the machine's own log at level debug. One
// thread at a time.
class FirmwareLog {
 public:
  // `path` may be empty. kInvalidInput, naming --firmware-log, when the file cannot be opened.
  static Result<FirmwareLog> Open(const std::string& path, Logger logger);

  // A line with its end, or part of one. When the file takes no more, the rest is dropped.
  void Write(std::string_view line);

 private:
  FirmwareLog(Fd fd, Logger logger) : fd_(std::move(fd)), logger_(std::move(logger)) {}

  Fd fd_;
  Logger logger_;
  bool failed_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_FIRMWARE_LOG_H_
