// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/log.h"

#include <errno.h>
#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <time.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <string>

#include "memory/base/file_io.h"

namespace sealvm {
namespace {

// When the process started, near enough: static initialisation.
double MonotonicSeconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
const double kProcessStart = MonotonicSeconds();

// A diagnostic is one line, whatever a file name in it holds.
std::string OneLine(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return line;
}

std::string_view LevelWord(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warning";
    default:
      return "error";
  }
}

// Writes each message with one write(2), so that lines of several processes do not mix.
class FdSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FdSink(int fd) : fd_(fd) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    WriteAll(fd_, fmt::format("[{:11.6f}] {}: {}\n", MonotonicSeconds() - kProcessStart,
                              LevelWord(message.level), OneLine(payload)));
  }
  void flush_() override {}

 private:
  int fd_;
};

// Process-wide because the process has one standard error.
struct LogState {
  Fd file;
  LogLevel threshold = LogLevel::kWarning;
  std::shared_ptr<spdlog::logger> logger;
};

LogState& State() {
  static LogState state;
  return state;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void ConfigureLog(int verbosity, Fd file) {
  LogState& state = State();
  state.file = std::move(file);
  state.threshold = verbosity >= 2   ? LogLevel::kDebug
                    : verbosity == 1 ? LogLevel::kInfo
                                     : LogLevel::kWarning;
  const int fd = state.file.valid() ? state.file.get() : STDERR_FILENO;
  state.logger = std::make_shared<spdlog::logger>("sealvm", std::make_shared<FdSink>(fd));
  state.logger->set_level(ToSpdlog(state.threshold));
}

Result<Fd> OpenLogFile(const std::string& path) {
  Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644));
  if (file.valid()) return file;
  std::unexpected<Error> failure = SystemError("open", path, errno);
  failure.error().kind = ErrorKind::kInvalidInput;
  return WithContext(std::move(failure).error(), "--log-file");
}

LogLevel LogThreshold() { return State().threshold; }

bool LogEnabled(LogLevel level) { return level >= State().threshold; }

void Log(LogLevel level, std::string_view message) {
  if (State().logger == nullptr || !LogEnabled(level)) return;
  State().logger->log(ToSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

void Announce(std::string_view text) {
  // There is nowhere left to complain.
  WriteAll(STDERR_FILENO, "sealvm: " + OneLine(text) + "\n");
}

void ReportError(const Error& error) {
  const std::string text = error.ToString();
  Announce("error: " + text);
  if (State().file.valid()) Log(LogLevel::kError, text);
}

}  // namespace sealvm
