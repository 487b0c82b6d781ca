// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/doctor_report.h"

#include <stdio.h>

#include "memory/lock_limit.h"
#include "vmm/cli/host_advice.h"
#include "vmm/cli/json_writer.h"
#include "vmm/cli/value_text.h"

namespace sealvm {
namespace {

constexpr size_t kLabelWidth = 17;
constexpr size_t kModeWidth = 8;
constexpr size_t kProviderWidth = 14;
constexpr size_t kFacilityWidth = 11;
constexpr size_t kMetWidth = 9;

std::string Padded(std::string_view text, size_t width) {
  std::string padded(text);
  if (padded.size() < width) padded.resize(width, ' ');
  return padded;
}

void AppendFact(std::string& out, std::string_view label, std::string_view value) {
  out += Padded(label, kLabelWidth);
  out.append(value).append("\n");
}

std::string SpeedText(const GuestSpeed& speed) {
  char text[96];
  (void)snprintf(
      text, sizeof(text), "%.3g million instructions/s in kernel mode: %s",
      speed.kernel_mode_instructions_per_second / 1e6,
      speed.hardware_speed ? "hardware speed" : "emulated, too slow for a distribution kernel");
  return text;
}

std::string NodeText(const DeviceNode& node) {
  if (!node.exists) return "missing";
  return node.accessible ? "usable" : node.problem;
}

std::string KvmText(const HostReport& report) {
  if (!report.kvm) return "not usable: " + report.kvm_problem;
  size_t present = 0;
  for (const auto& [name, value] : report.kvm->capabilities) present += value > 0 ? 1 : 0;
  return "API version " + std::to_string(report.kvm->api_version) + ", " + std::to_string(present) +
         " of " + std::to_string(report.kvm->capabilities.size()) + " capabilities asked for";
}

void AppendPrerequisites(std::string& out, const ModeReport& mode) {
  const auto margin = [&] { out.append(2 + kModeWidth + 5, ' '); };
  for (const Prerequisite& prerequisite : mode.prerequisites) {
    margin();
    out += Padded(MetName(prerequisite.met), kMetWidth);
    out += prerequisite.name + ": " + prerequisite.found + "\n";
    if (prerequisite.advice.empty()) continue;
    margin();
    out.append(kMetWidth, ' ').append("-> ").append(prerequisite.advice).append("\n");
  }
}

void AppendMode(std::string& out, const ModeReport& mode) {
  out += "  " + Padded(IsolationModeName(mode.mode), kModeWidth);
  out += mode.available ? "yes  " : "no   ";
  out += mode.reason + "\n";
  const std::string advice = AdviceFor(mode);
  if (!advice.empty())
    out.append(2 + kModeWidth + 5, ' ').append("-> ").append(advice).append("\n");
  AppendPrerequisites(out, mode);
}

void AppendFacilities(std::string& out, const HostReport& report) {
  if (report.facilities.empty()) return;
  out += "\nFor devices:\n";
  for (const FacilityReport& facility : report.facilities) {
    out += "  " + Padded(HostFacilityName(facility.facility), kFacilityWidth);
    out += facility.usable ? "yes  " : "no   ";
    out += facility.detail + "\n";
    const std::string advice = AdviceFor(facility);
    if (!advice.empty()) {
      out.append(2 + kFacilityWidth + 5, ' ').append("-> ").append(advice).append("\n");
    }
  }
}

void AppendCapabilities(std::string& out, const KvmFacts& kvm) {
  out += "\nKVM capabilities:\n";
  for (const auto& [name, value] : kvm.capabilities) {
    out += "  " + Padded(name, 34) + std::to_string(value) + "\n";
  }
}

std::string CgroupText(const std::optional<MemoryCgroup>& cgroup) {
  if (!cgroup) return "no memory cgroup that is known (there is no cgroup v2 hierarchy)";
  std::string text = "the memory cgroup " + cgroup->path + ", ";
  if (!cgroup->limit) return text + "without a limit";
  return text + "limit " + FormatSize(*cgroup->limit) + " of " + cgroup->limiting_path;
}

void AppendPrivateMemory(std::string& out, const HostReport& report) {
  if (report.private_memory.empty()) return;
  out += "\nPrivate memory, out of the host user space's reach:\n";
  for (const PrivateMemoryReport& memory : report.private_memory) {
    out += "  " + Padded(memory.provider, kProviderWidth);
    out += memory.works ? "yes  " : "no   ";
    out += memory.reason + "\n";
  }
  out += "  " + Padded("charged to", kProviderWidth) + CgroupText(report.memory_cgroup) + "\n";
  out += "  " + Padded("lock limit", kProviderWidth);
  out += report.memory_lock_limit == kNoMemoryLockLimit ? "none"
                                                        : FormatSize(report.memory_lock_limit);
  out += "; the kernel does not apply RLIMIT_MEMLOCK to guest_memfd, sealvm does\n";
}

void WriteNodes(JsonWriter& json, const HostReport& report) {
  json.Key("device_nodes").BeginArray();
  for (const DeviceNode& node : report.device_nodes) {
    json.BeginObject();
    json.Key("path").String(node.path);
    json.Key("exists").Bool(node.exists);
    json.Key("accessible").Bool(node.accessible);
    if (!node.problem.empty()) json.Key("problem").String(node.problem);
    json.EndObject();
  }
  json.EndArray();
}

void WriteKvm(JsonWriter& json, const HostReport& report) {
  json.Key("kvm").BeginObject();
  json.Key("usable").Bool(report.kvm.has_value());
  if (!report.kvm) {
    json.Key("problem").String(report.kvm_problem);
  } else {
    json.Key("api_version").Signed(report.kvm->api_version);
    json.Key("capabilities").BeginObject();
    for (const auto& [name, value] : report.kvm->capabilities) json.Key(name).Signed(value);
    json.EndObject();
  }
  json.EndObject();
}

void WriteSpeed(JsonWriter& json, const HostReport& report) {
  json.Key("guest_speed");
  if (!report.guest_speed) {
    json.Null();
    json.Key("guest_speed_problem").String(report.guest_speed_problem);
    return;
  }
  json.BeginObject();
  json.Key("kernel_mode_instructions_per_second")
      .Number(report.guest_speed->kernel_mode_instructions_per_second);
  json.Key("hardware_speed").Bool(report.guest_speed->hardware_speed);
  json.EndObject();
}

void WritePrivateMemory(JsonWriter& json, const HostReport& report) {
  json.Key("private_memory").BeginObject();
  for (const PrivateMemoryReport& memory : report.private_memory) {
    json.Key(memory.provider).BeginObject();
    json.Key("present").Bool(memory.present);
    json.Key("works").Bool(memory.works);
    json.Key("reason").String(memory.reason);
    json.EndObject();
  }
  json.EndObject();
}

void WriteMemoryLimits(JsonWriter& json, const HostReport& report) {
  json.Key("memory_lock_limit");
  if (report.memory_lock_limit == kNoMemoryLockLimit) {
    json.Null();
  } else {
    json.Unsigned(report.memory_lock_limit);
  }
  json.Key("memory_cgroup");
  if (!report.memory_cgroup) {
    json.Null();
    return;
  }
  json.BeginObject();
  json.Key("path").String(report.memory_cgroup->path);
  json.Key("limit");
  if (report.memory_cgroup->limit) {
    json.Unsigned(*report.memory_cgroup->limit);
  } else {
    json.Null();
  }
  json.EndObject();
}

void WriteFacilities(JsonWriter& json, const HostReport& report) {
  json.Key("device_support").BeginObject();
  for (const FacilityReport& facility : report.facilities) {
    json.Key(HostFacilityName(facility.facility)).BeginObject();
    json.Key("usable").Bool(facility.usable);
    json.Key("detail").String(facility.detail);
    json.Key("advice").String(AdviceFor(facility));
    json.EndObject();
  }
  json.EndObject();
}

void WritePrerequisites(JsonWriter& json, const ModeReport& mode) {
  json.Key("prerequisites").BeginArray();
  for (const Prerequisite& prerequisite : mode.prerequisites) {
    json.BeginObject();
    json.Key("name").String(prerequisite.name);
    json.Key("met").String(MetName(prerequisite.met));
    json.Key("found").String(prerequisite.found);
    json.Key("advice").String(prerequisite.advice);
    json.EndObject();
  }
  json.EndArray();
}

void WriteModes(JsonWriter& json, const HostReport& report) {
  json.Key("modes").BeginObject();
  for (const ModeReport& mode : report.modes) {
    json.Key(IsolationModeName(mode.mode)).BeginObject();
    json.Key("available").Bool(mode.available);
    json.Key("obstacle").String(ObstacleName(mode.obstacle));
    json.Key("reason").String(mode.reason);
    json.Key("advice").String(AdviceFor(mode));
    WritePrerequisites(json, mode);
    json.EndObject();
  }
  json.EndObject();
}

}  // namespace

std::string DoctorText(const HostReport& report) {
  std::string out;
  AppendFact(out, "kernel", report.kernel_version);
  AppendFact(out, "processor", report.cpu_vendor + " " + report.cpu_model);
  for (const DeviceNode& node : report.device_nodes) AppendFact(out, node.path, NodeText(node));
  AppendFact(out, "KVM", KvmText(report));
  AppendFact(out, "guest speed",
             report.guest_speed ? SpeedText(*report.guest_speed)
                                : "not measured: " + report.guest_speed_problem);
  AppendPrivateMemory(out, report);
  AppendFacilities(out, report);
  out += "\nIsolation modes:\n";
  for (const ModeReport& mode : report.modes) AppendMode(out, mode);
  out += "\n--isolation auto ";
  out += report.auto_choice ? "takes " + std::string(IsolationModeName(*report.auto_choice))
                            : std::string("finds no mode");
  out += "\n";
  if (report.kvm) AppendCapabilities(out, *report.kvm);
  return out;
}

std::string DoctorJson(const HostReport& report) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Key("kernel_version").String(report.kernel_version);
  json.Key("cpu_vendor").String(report.cpu_vendor);
  json.Key("cpu_model").String(report.cpu_model);
  WriteNodes(json, report);
  WriteKvm(json, report);
  WriteSpeed(json, report);
  WritePrivateMemory(json, report);
  WriteMemoryLimits(json, report);
  WriteFacilities(json, report);
  WriteModes(json, report);
  json.Key("auto_choice");
  if (report.auto_choice) {
    json.String(IsolationModeName(*report.auto_choice));
  } else {
    json.Null();
  }
  json.EndObject();
  return json.text() + "\n";
}

}  // namespace sealvm
