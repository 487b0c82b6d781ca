// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/words.h"

#include <stddef.h>

#include <optional>

namespace sealvm::diag {
namespace {

constexpr std::string_view kTaskPrefix = "diag=";
constexpr std::string_view kVersionPrefix = "sealvm=";
constexpr std::string_view kExitPrefix = "exit:";

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
  if (name.starts_with(kExitPrefix)) {
    name.remove_prefix(kExitPrefix.size());
    if (const auto code = ParseDecimal(name)) {
      words.task = Task::kExit;
      words.exit_code = *code;
    }
  }
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
