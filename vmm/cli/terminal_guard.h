// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_TERMINAL_GUARD_H_
#define SEALVM_VMM_CLI_TERMINAL_GUARD_H_

#include <termios.h>

namespace sealvm {

// Keeps a terminal in raw mode and gives it back as it was: when destroyed, and when the process
// dies of an abort or a fault. Output processing stays on, so that the VMM's own lines end
// properly. At most one guard exists at a time. Not thread-safe.
class TerminalGuard {
 public:
  // `fd` is lent and outlives the guard. When it is no terminal the guard does nothing.
  explicit TerminalGuard(int fd);
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;
  ~TerminalGuard();

  bool is_terminal() const { return is_terminal_; }
  // Whether reading is ours: not in the background of a shell, where it would stop the process.
  bool MayRead() const;

  // Enters raw mode unless in the background or raw already. Called again after a stop.
  void EnterRaw();
  // Back to what was found.
  void Restore();

 private:
  int fd_;
  bool is_terminal_;
  bool raw_ = false;
  termios original_ = {};
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_TERMINAL_GUARD_H_
