// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/value_text.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace sealvm {
namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr uint64_t kMaxTimeoutSeconds = 1'000'000'000;
constexpr size_t kMaxDecimals = 9;

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Digits only; std::errc::result_out_of_range when they do not fit.
std::errc ReadDigits(std::string_view text, uint64_t& value) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) {
    return std::errc::invalid_argument;
  }
  return std::from_chars(text.data(), text.data() + text.size(), value).ec;
}

// The shift of a unit letter, 0 for none.
unsigned UnitShift(char unit) {
  switch (unit) {
    case 'K':
      return 10;
    case 'M':
      return 20;
    case 'G':
      return 30;
    case 'T':
      return 40;
    default:
      return 0;
  }
}

constexpr std::string_view kSizeHint =
    "give a whole number with K, M, G or T for a binary unit, such as 512M";

}  // namespace

Result<uint64_t> ParseSize(std::string_view text) {
  const unsigned shift = text.empty() ? 0 : UnitShift(text.back());
  const std::string_view digits = shift == 0 ? text : text.substr(0, text.size() - 1);
  uint64_t value = 0;
  const std::errc status = ReadDigits(digits, value);
  if (status == std::errc::invalid_argument) {
    return InvalidInput(Quoted(text) + " is no size", std::string(kSizeHint));
  }
  if (status != std::errc() || value > (std::numeric_limits<uint64_t>::max() >> shift)) {
    return InvalidInput(Quoted(text) + " is too large");
  }
  return value << shift;
}

std::string FormatSize(uint64_t bytes) {
  for (char unit : {'T', 'G', 'M', 'K'}) {
    const uint64_t size = uint64_t{1} << UnitShift(unit);
    if (bytes != 0 && bytes % size == 0) return std::to_string(bytes / size) + unit;
  }
  return std::to_string(bytes);
}

Result<uint64_t> ParseNumber(std::string_view text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  const std::errc status = ReadDigits(text, value);
  if (status == std::errc::invalid_argument) {
    return InvalidInput(Quoted(text) + " is no whole number");
  }
  if (status != std::errc() || value < least || value > most) {
    return InvalidInput(
        Quoted(text) + " is out of range",
        "give a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

Result<std::chrono::nanoseconds> ParseSeconds(std::string_view text) {
  const size_t dot = std::min(text.find('.'), text.size());
  const bool has_fraction = dot < text.size();
  std::string fraction(has_fraction ? text.substr(dot + 1) : "0");
  uint64_t seconds = 0;
  uint64_t nanoseconds = 0;
  const bool short_enough = fraction.size() <= kMaxDecimals;
  fraction.resize(std::max(fraction.size(), kMaxDecimals), '0');
  if ((has_fraction && dot + 1 == text.size()) || !short_enough ||
      ReadDigits(text.substr(0, dot), seconds) == std::errc::invalid_argument ||
      ReadDigits(fraction, nanoseconds) != std::errc()) {
    return InvalidInput(Quoted(text) + " is no time in seconds", "such as 30 or 0.5");
  }
  if (seconds > kMaxTimeoutSeconds || (seconds == 0 && nanoseconds == 0)) {
    return InvalidInput(Quoted(text) + " is out of range",
                        "give more than 0 and at most 1000000000 seconds");
  }
  return std::chrono::nanoseconds(seconds * kNanosecondsPerSecond + nanoseconds);
}

std::string FormatSeconds(std::chrono::nanoseconds duration) {
  const uint64_t count = static_cast<uint64_t>(duration.count());
  std::string text = std::to_string(count / kNanosecondsPerSecond);
  uint64_t rest = count % kNanosecondsPerSecond;
  if (rest == 0) return text;
  std::string fraction = std::to_string(kNanosecondsPerSecond + rest).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return text + "." + fraction;
}

Result<bool> ParseSwitch(std::string_view text) {
  if (text == "on") return true;
  if (text == "off") return false;
  return InvalidInput(Quoted(text) + " is neither on nor off");
}

std::string FormatSwitch(bool value) { return value ? "on" : "off"; }

Result<ConsoleTarget> ParseConsole(std::string_view text) {
  if (text == "stdio") return ConsoleTarget{ConsoleKind::kStdio, {}};
  if (text == "pty") return ConsoleTarget{ConsoleKind::kPty, {}};
  if (text == "off") return ConsoleTarget{ConsoleKind::kOff, {}};
  const size_t equals = text.find('=');
  const std::string_view kind = text.substr(0, equals);
  if (equals == text.npos || (kind != "file" && kind != "socket")) {
    return InvalidInput(Quoted(text) + " is no console",
                        "one of stdio, pty, file=PATH, socket=PATH, off");
  }
  const std::string_view path = text.substr(equals + 1);
  if (path.empty()) return InvalidInput(Quoted(text) + " lacks the path");
  return ConsoleTarget{kind == "file" ? ConsoleKind::kFile : ConsoleKind::kSocket,
                       std::string(path)};
}

std::string FormatConsole(const ConsoleTarget& target) {
  switch (target.kind) {
    case ConsoleKind::kStdio:
      return "stdio";
    case ConsoleKind::kPty:
      return "pty";
    case ConsoleKind::kFile:
      return "file=" + target.path;
    case ConsoleKind::kSocket:
      return "socket=" + target.path;
    case ConsoleKind::kOff:
      break;
  }
  return "off";
}

Result<std::string> ParsePath(std::string_view text) {
  if (text.empty()) return InvalidInput("the path is empty");
  return std::string(text);
}

}  // namespace sealvm
