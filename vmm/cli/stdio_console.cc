// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/cli/console.h"
#include "vmm/cli/output_sink.h"
#include "vmm/cli/terminal_guard.h"

namespace sealvm {
namespace {

class StdioConsole : public Console {
 public:
  explicit StdioConsole(OutputSink sink) : sink_(std::move(sink)), terminal_(STDIN_FILENO) {
    terminal_.EnterRaw();
  }

  Result<> Write(std::span<const uint8_t> bytes) override { return sink_.Write(bytes); }
  void Abandon() override { sink_.Abandon(); }

  pollfd Watch(bool wants_input) const override {
    const bool readable = !input_ended_ && terminal_.MayRead();
    return {wants_input && readable ? STDIN_FILENO : -1, POLLIN, 0};
  }

  size_t Read(std::span<uint8_t> buffer) override {
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count > 0) return static_cast<size_t>(count);
    // The end of the input is not the end of the run, and neither is a closed descriptor.
    if (count == 0 || (errno != EINTR && errno != EAGAIN)) input_ended_ = true;
    return 0;
  }

  bool is_interactive() const override { return terminal_.is_terminal(); }

  void Show(std::string_view text) override {
    // Standard output is the guest's alone, so the words go to the other descriptors on the
    // terminal.
    const int fd = isatty(STDERR_FILENO) != 0 ? STDERR_FILENO : STDIN_FILENO;
    if (write(fd, text.data(), text.size()) < 0) return;
  }

  std::optional<ConsoleSize> Size() const override {
    winsize size = {};
    if (!terminal_.is_terminal() || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) {
      return std::nullopt;
    }
    // Terminals behind a serial line know no size.
    if (size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
    return ConsoleSize{size.ws_col, size.ws_row};
  }

  void Suspend() override { terminal_.Restore(); }
  void Resume() override { terminal_.EnterRaw(); }
  void CleanUp() override { terminal_.Restore(); }

 private:
  OutputSink sink_;
  TerminalGuard terminal_;
  bool input_ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Console>> OpenStdioConsole() {
  OutputSink sink = SEALVM_TRY(OutputSink::Create(STDOUT_FILENO, "standard output"));
  return std::make_unique<StdioConsole>(std::move(sink));
}

}  // namespace sealvm
