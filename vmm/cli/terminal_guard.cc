// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/terminal_guard.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace sealvm {
namespace {

constexpr int kFatalSignals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

// For the handler alone, which cannot be given an object.
std::atomic<int> g_raw_fd = -1;
termios g_original;

void RestoreAndDie(int signal_number) {
  const int fd = g_raw_fd.load();
  if (fd >= 0) tcsetattr(fd, TCSANOW, &g_original);
  // SA_RESETHAND has put the default action back.
  raise(signal_number);
}

void SetFatalHandlers(void (*handler)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  for (int signal_number : kFatalSignals) sigaction(signal_number, &action, nullptr);
}

termios MakeRaw(termios attributes) {
  cfmakeraw(&attributes);
  attributes.c_oflag |= OPOST;
  return attributes;
}

}  // namespace

TerminalGuard::TerminalGuard(int fd) : fd_(fd), is_terminal_(tcgetattr(fd, &original_) == 0) {}

TerminalGuard::~TerminalGuard() { Restore(); }

bool TerminalGuard::MayRead() const { return !is_terminal_ || tcgetpgrp(fd_) == getpgrp(); }

void TerminalGuard::EnterRaw() {
  if (!is_terminal_ || !MayRead()) return;
  if (!raw_) {
    // What the shell wants back may have changed while the process was stopped.
    tcgetattr(fd_, &original_);
    g_original = original_;
    g_raw_fd = fd_;
    SetFatalHandlers(RestoreAndDie, static_cast<int>(SA_RESETHAND) | SA_NODEFER);
  }
  raw_ = true;
  const termios raw = MakeRaw(original_);
  tcsetattr(fd_, TCSADRAIN, &raw);
}

void TerminalGuard::Restore() {
  if (!raw_) return;
  tcsetattr(fd_, TCSADRAIN, &original_);
  SetFatalHandlers(SIG_DFL, 0);
  g_raw_fd = -1;
  raw_ = false;
}

}  // namespace sealvm
