// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/stats_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/base/fd.h"
#include "memory/base/file_io.h"
#include "vmm/cli/json_writer.h"

namespace sealvm {
namespace {

void AppendCounts(JsonWriter& json, std::string_view key,
                  const std::map<std::string, uint64_t>& counts) {
  json.Key(key).BeginObject();
  for (const auto& [name, count] : counts) json.Key(name).Unsigned(count);
  json.EndObject();
}

void AppendPrivateMemory(JsonWriter& json, const PrivateMemoryStats& stats) {
  json.Key("private_allocated_bytes").Unsigned(stats.private_allocated_bytes);
  json.Key("private_peak_bytes").Unsigned(stats.private_peak_bytes);
  json.Key("shared_allocated_bytes").Unsigned(stats.shared_allocated_bytes);
  json.Key("shared_peak_bytes").Unsigned(stats.shared_peak_bytes);
  json.Key("device_bytes").Unsigned(stats.device_bytes);
  json.Key("refused_device_accesses").Unsigned(stats.refused_device_accesses);
  json.Key("conversions").BeginObject();
  json.Key("to_shared").Unsigned(stats.conversions_to_shared);
  json.Key("to_private").Unsigned(stats.conversions_to_private);
  json.Key("refused").Unsigned(stats.conversions_refused);
  json.EndObject();
}

void AppendDevices(JsonWriter& json, const std::vector<DeviceStats>& devices) {
  json.Key("devices").BeginArray();
  for (const DeviceStats& device : devices) {
    json.BeginObject();
    json.Key("id").String(device.id);
    json.Key("type").String(device.type);
    json.Key("requests").Unsigned(device.requests);
    json.Key("bytes_read").Unsigned(device.bytes_read);
    json.Key("bytes_written").Unsigned(device.bytes_written);
    json.Key("errors").Unsigned(device.errors);
    json.Key("kicks").Unsigned(device.kicks);
    json.Key("interrupts").Unsigned(device.interrupts);
    json.Key("refused_ranges").Unsigned(device.refused_ranges);
    json.Key("throttled").Unsigned(device.throttled);
    json.EndObject();
  }
  json.EndArray();
}

void AppendMachine(JsonWriter& json, const MachineStats& stats) {
  json.Key("isolation").String(stats.isolation);
  json.Key("cpus").Unsigned(stats.cpus);
  json.Key("memory").BeginObject();
  json.Key("provider").String(stats.memory_provider);
  json.Key("bytes").Unsigned(stats.memory_bytes);
  json.Key("private_bytes").Unsigned(stats.memory_private_bytes);
  json.Key("shared_bytes").Unsigned(stats.memory_shared_bytes);
  json.Key("allocated_bytes").Unsigned(stats.memory_allocated_bytes);
  if (stats.private_memory) AppendPrivateMemory(json, *stats.private_memory);
  json.EndObject();
  json.Key("time_to_first_instruction_ns");
  if (stats.time_to_first_instruction) {
    json.Signed(stats.time_to_first_instruction->count());
  } else {
    json.Null();
  }
  json.Key("exits_total").Unsigned(stats.exits_total);
  AppendCounts(json, "exits_by_reason", stats.exits_by_reason);
  AppendCounts(json, "accesses_by_device", stats.accesses_by_device);
  AppendDevices(json, stats.devices);
}

std::unexpected<Error> Failure(std::string_view call, const std::string& path) {
  std::unexpected<Error> failure = SystemError(call, path, errno);
  failure.error().kind = ErrorKind::kInvalidInput;
  return WithContext(std::move(failure).error(), "--stats");
}

// The file behind symbolic links; the path itself when it does not exist yet.
std::string Resolve(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string target = resolved;
  free(resolved);
  return target;
}

}  // namespace

std::string StatsJson(const RunOutcome& outcome) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Key("reason").String(outcome.reason);
  json.Key("exit_code").Signed(outcome.exit_code);
  if (outcome.guest_code) json.Key("guest_code").Unsigned(*outcome.guest_code);
  if (outcome.error) json.Key("error").String(outcome.error->ToString());
  if (outcome.stats) {
    json.Key("resets").Unsigned(outcome.resets);
    AppendMachine(json, *outcome.stats);
  }
  json.EndObject();
  return json.text() + "\n";
}

Result<StatsFile> StatsFile::Prepare(const std::string& path) {
  struct stat status;
  const bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    return Failure("open", path);
  }
  if (exists && !S_ISREG(status.st_mode)) {
    if (access(path.c_str(), W_OK) != 0) return Failure("access", path);
    return StatsFile(path, false);
  }
  StatsFile file(Resolve(path), true);
  const std::string temporary = file.TemporaryPath();
  const Fd probe(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!probe.valid()) return Failure("open", path);
  unlink(temporary.c_str());
  return file;
}

Result<> StatsFile::Write(const std::string& text) const {
  if (replace_) return Replace(text);
  const Fd file(open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.valid()) return Failure("open", path_);
  if (WriteAll(file.get(), text) != 0) return Failure("write", path_);
  return {};
}

Result<> StatsFile::Replace(const std::string& text) const {
  const std::string temporary = TemporaryPath();
  const Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.valid()) return Failure("open", path_);
  Result<> written;
  if (WriteAll(file.get(), text) != 0) written = Failure("write", path_);
  if (written && rename(temporary.c_str(), path_.c_str()) != 0) written = Failure("rename", path_);
  if (!written) unlink(temporary.c_str());
  return written;
}

std::string StatsFile::TemporaryPath() const { return path_ + ".tmp." + std::to_string(getpid()); }

}  // namespace sealvm
