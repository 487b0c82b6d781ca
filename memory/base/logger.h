// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_LOGGER_H_
#define SEALVM_MEMORY_BASE_LOGGER_H_

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

#include "memory/base/log_level.h"

namespace sealvm {

// How the parts of one machine say what happened. Copies share the function, which may be called
// from several threads at once. Nothing is process-wide, so that machines in one process, and the
// program around them, keep their logs apart.
class Logger {
 public:
  using Function = std::function<void(LogLevel, std::string_view)>;

  // Says nothing.
  Logger() = default;
  // Gives messages of `threshold` and above to `write`, which may be empty.
  Logger(LogLevel threshold, Function write) : threshold_(threshold), write_(std::move(write)) {}

  template <typename... Args>
  void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
    if (!write_ || level < threshold_) return;
    write_(level, fmt::vformat(format, fmt::make_format_args(args...)));
  }

 private:
  LogLevel threshold_ = LogLevel::kError;
  Function write_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_LOGGER_H_
