// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/words.h"

#include <stddef.h>

#include <optional>

namespace sealvm::diag {
namespace {

constexpr std::string_view kTaskPrefix = "diag=";
constexpr std::string_view kVersionPrefix = "sealvm=";
constexpr std::string_view kExitPrefix = "exit:";
constexpr std::string_view kConvertPrefix = "convert:";
constexpr std::string_view kStormPrefix = "conversion-storm:";

constexpr uint64_t kPage = 4096;
constexpr struct {
  char letter;
  uint64_t bytes;
} kUnits[] = {{'K', 1 << 10}, {'M', 1 << 20}, {'G', 1 << 30}};

constexpr struct {
  std::string_view name;
  Task task;
} kTasks[] = {
    {"quick", Task::kQuickReport},
    {"spin", Task::kSpin},
    {"triple-fault", Task::kTripleFault},
    {"panic", Task::kPanic},
    {"garbage", Task::kGarbage},
    {"garbage-all", Task::kGarbageAll},
    {"echo", Task::kEcho},
    {"fault", Task::kFault},
};

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// The next word from `rest`, which loses it; empty at the end.
std::string_view TakeWord(std::string_view& rest) {
  while (!rest.empty() && IsBlank(rest.front())) {
    rest.remove_prefix(1);
  }
  size_t size = 0;
  while (size < rest.size() && !IsBlank(rest[size])) {
    ++size;
  }
  const std::string_view word(rest.data(), size);
  rest.remove_prefix(size);
  return word;
}

std::optional<uint32_t> ParseDecimal(std::string_view text) {
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + static_cast<uint64_t>(c - '0');
    if (value > UINT32_MAX) {
      return std::nullopt;
    }
  }
  return text.empty() ? std::nullopt : std::optional(static_cast<uint32_t>(value));
}

// Bytes, KiB, MiB or GiB by a letter; whole pages, and not 0.
std::optional<uint64_t> ParseSize(std::string_view text) {
  uint64_t unit = 1;
  for (const auto& known : kUnits) {
    if (!text.empty() && text.back() == known.letter) {
      unit = known.bytes;
      text.remove_suffix(1);
      break;
    }
  }
  const auto count = ParseDecimal(text);
  const uint64_t bytes = count ? *count * unit : 0;
  return bytes == 0 || bytes % kPage != 0 ? std::nullopt : std::optional(bytes);
}

// Words with a value.
void ParseValueTask(std::string_view name, Words& words) {
  const auto take = [&name](std::string_view prefix) {
    const bool is = name.starts_with(prefix);
    name.remove_prefix(is ? prefix.size() : 0);
    return is;
  };
  if (take(kExitPrefix)) {
    const auto code = ParseDecimal(name);
    words.exit_code = code.value_or(0);
    words.task = code ? Task::kExit : Task::kUnknown;
  } else if (take(kConvertPrefix)) {
    const auto bytes = ParseSize(name);
    words.convert_bytes = bytes.value_or(0);
    words.task = bytes ? Task::kConvert : Task::kUnknown;
  } else if (take(kStormPrefix)) {
    words.storm_count = ParseDecimal(name).value_or(0);
    words.task = words.storm_count != 0 ? Task::kStorm : Task::kUnknown;
  }
}

void ParseTask(std::string_view word, Words& words) {
  std::string_view name = word;
  name.remove_prefix(kTaskPrefix.size());
  words.task = Task::kUnknown;
  words.unknown = word;
  for (const auto& known : kTasks) {
    if (name == known.name) {
      words.task = known.task;
    }
  }
  ParseValueTask(name, words);
}

}  // namespace

Words ParseWords(std::string_view cmdline) {
  Words words;
  std::string_view rest = cmdline;
  for (std::string_view word = TakeWord(rest); !word.empty(); word = TakeWord(rest)) {
    if (word.starts_with(kTaskPrefix)) {
      ParseTask(word, words);
    } else if (word.starts_with(kVersionPrefix)) {
      words.version = word;
      words.version.remove_prefix(kVersionPrefix.size());
    }
  }
  return words;
}

}  // namespace sealvm::diag
