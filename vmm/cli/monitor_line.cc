// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/monitor_line.h"

#include <utility>

namespace sealvm {
namespace {

constexpr uint8_t kCtrlC = 0x03;
constexpr uint8_t kBackspace = 0x08;
constexpr uint8_t kCtrlU = 0x15;
constexpr uint8_t kDelete = 0x7f;
constexpr std::string_view kRubOut = "\b \b";

}  // namespace

MonitorCommand ParseMonitorCommand(std::string_view line) {
  const size_t first = line.find_first_not_of(' ');
  if (first == line.npos) return MonitorCommand::kContinue;
  line = line.substr(first, line.find_last_not_of(' ') - first + 1);
  if (line == "status") return MonitorCommand::kStatus;
  if (line == "power") return MonitorCommand::kPower;
  if (line == "quit") return MonitorCommand::kQuit;
  if (line == "continue") return MonitorCommand::kContinue;
  if (line == "help") return MonitorCommand::kHelp;
  return MonitorCommand::kUnknown;
}

std::optional<std::string> MonitorLine::Feed(uint8_t byte, std::string& echo) {
  if (byte == '\r' || byte == '\n') {
    echo += "\n";
    return std::exchange(line_, {});
  }
  if (byte == kBackspace || byte == kDelete) {
    if (line_.empty()) return std::nullopt;
    line_.pop_back();
    echo += kRubOut;
  } else if (byte == kCtrlU || byte == kCtrlC) {
    for (; !line_.empty(); line_.pop_back()) echo += kRubOut;
  } else if (byte >= 0x20 && byte < 0x7f && line_.size() < kMaxLength) {
    line_.push_back(static_cast<char>(byte));
    echo.push_back(static_cast<char>(byte));
  }
  return std::nullopt;
}

}  // namespace sealvm
