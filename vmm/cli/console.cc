// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/console.h"

#include <errno.h>
#include <fcntl.h>

#include "memory/base/fd.h"
#include "vmm/cli/output_sink.h"

namespace sealvm {
namespace {

constexpr pollfd kNothing = {-1, 0, 0};

class OffConsole : public Console {
 public:
  Result<> Write(std::span<const uint8_t>) override { return {}; }
  pollfd Watch(bool) const override { return kNothing; }
  size_t Read(std::span<uint8_t>) override { return 0; }
};

class FileConsole : public Console {
 public:
  FileConsole(Fd file, OutputSink sink) : file_(std::move(file)), sink_(std::move(sink)) {}

  Result<> Write(std::span<const uint8_t> bytes) override { return sink_.Write(bytes); }
  void Abandon() override { sink_.Abandon(); }
  pollfd Watch(bool) const override { return kNothing; }
  size_t Read(std::span<uint8_t>) override { return 0; }

 private:
  Fd file_;
  OutputSink sink_;
};

}  // namespace

Result<std::unique_ptr<Console>> OpenFileConsole(const std::string& path) {
  // O_NONBLOCK: opening a FIFO that nobody reads is an error instead of a wait.
  Fd file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
  if (!file.valid()) {
    std::unexpected<Error> failure =
        SystemError("open", path, errno, errno == ENXIO ? "nobody reads it" : "");
    failure.error().kind = ErrorKind::kInvalidInput;
    return WithContext(std::move(failure).error(), "--console");
  }
  OutputSink sink = SEALVM_TRY(OutputSink::Create(file.get(), path));
  return std::make_unique<FileConsole>(std::move(file), std::move(sink));
}

Result<std::unique_ptr<Console>> OpenConsole(const ConsoleTarget& target) {
  switch (target.kind) {
    case ConsoleKind::kStdio:
      return OpenStdioConsole();
    case ConsoleKind::kPty:
      return OpenPtyConsole();
    case ConsoleKind::kFile:
      return OpenFileConsole(target.path);
    case ConsoleKind::kSocket:
      return OpenSocketConsole(target.path);
    case ConsoleKind::kOff:
      break;
  }
  return std::make_unique<OffConsole>();
}

}  // namespace sealvm
