// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_MONITOR_LINE_H_
#define SEALVM_VMM_CLI_MONITOR_LINE_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <string_view>

namespace sealvm {

enum class MonitorCommand { kStatus, kPower, kQuit, kContinue, kHelp, kUnknown };

// The command that a typed line names; an empty line is kContinue.
MonitorCommand ParseMonitorCommand(std::string_view line);

inline constexpr std::string_view kMonitorPrompt = "sealvm> ";
inline constexpr std::string_view kMonitorHelp =
    "status: counters  power: press the power button  quit: end the run  continue: back\n";

// One line typed on a raw terminal, edited by backspace, Ctrl-U and Ctrl-C.
class MonitorLine {
 public:
  // Takes a byte; returns the line when this byte ended it. `echo` gets what the terminal is to
  // show.
  std::optional<std::string> Feed(uint8_t byte, std::string& echo);

 private:
  static constexpr size_t kMaxLength = 64;

  std::string line_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_MONITOR_LINE_H_
