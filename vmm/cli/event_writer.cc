// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/event_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "vmm/cli/json_writer.h"
#include "vmm/cli/log.h"

namespace sealvm {
namespace {

void BeginEvent(JsonWriter& json, std::string_view name, std::chrono::nanoseconds since_create) {
  json.BeginObject();
  json.Key("event").String(name);
  json.Key("time_ns").Signed(since_create.count());
}

std::string EndEvent(JsonWriter& json) { return json.EndObject().text() + "\n"; }

}  // namespace

std::string EventLine(const Event& event) {
  JsonWriter json;
  BeginEvent(json, EventKindName(event.kind), event.since_create);
  if (event.kind == EventKind::kBootMark) json.Key("value").Unsigned(event.value);
  if (event.kind == EventKind::kDeviceFailed) json.Key("device").String(event.device);
  return EndEvent(json);
}

std::string ResetEventLine(std::chrono::nanoseconds since_create) {
  JsonWriter json;
  BeginEvent(json, "reset", since_create);
  return EndEvent(json);
}

std::string ExitEventLine(const RunOutcome& outcome, std::chrono::nanoseconds since_create) {
  JsonWriter json;
  BeginEvent(json, EventKindName(EventKind::kExit), since_create);
  json.Key("reason").String(outcome.reason);
  json.Key("exit_code").Signed(outcome.exit_code);
  if (outcome.guest_code) json.Key("guest_code").Unsigned(*outcome.guest_code);
  if (outcome.error) json.Key("error").String(outcome.error->ToString());
  return EndEvent(json);
}

Result<OutputSink> EventWriter::OpenSink(int fd, ConsoleKind console) {
  const std::string option = "--events-fd " + std::to_string(fd);
  if (console == ConsoleKind::kStdio && (fd == STDIN_FILENO || fd == STDOUT_FILENO)) {
    return InvalidInput(option + ": the guest's console has this descriptor",
                        "use another, such as 3 with 3> events.jsonl");
  }
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) {
    return InvalidInput(option + ": no such descriptor is open",
                        "open it in the shell, as in 3> events.jsonl");
  }
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) {
    return InvalidInput(option + ": the descriptor is not open for writing");
  }
  return OutputSink::Create(fd, option);
}

void EventWriter::Write(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (broken_) return;
  const Result<> written =
      sink_.Write({reinterpret_cast<const uint8_t*>(line.data()), line.size()});
  if (written) return;
  broken_ = true;
  Log(LogLevel::kWarning, "no more events: " + written.error().ToString());
}

}  // namespace sealvm
