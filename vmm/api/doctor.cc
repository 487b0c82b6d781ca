// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/doctor.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <optional>

#include "memory/base/fd.h"
#include "memory/lock_limit.h"
#include "vmm/api/host_facilities.h"
#include "vmm/isolation/confidential/host_support.h"
#include "vmm/isolation/kvm_facts.h"
#include "vmm/isolation/private_memory_trial.h"
#include "vmm/isolation/speed_probe.h"
#include "vmm/kvm/system.h"

namespace sealvm {
namespace {

constexpr std::array kModes = {IsolationMode::kNone,  IsolationMode::kSealed, IsolationMode::kSev,
                               IsolationMode::kSevEs, IsolationMode::kSnp,    IsolationMode::kTdx};

constexpr std::array kDeviceNodes = {kvm::System::kDevice, "/dev/sev", "/dev/vhost-net",
                                     "/dev/net/tun"};

Result<std::string> KernelVersion() {
  utsname names;
  if (uname(&names) != 0) return SystemError("uname", "", errno);
  return std::string(names.release);
}

// Intel SDM vol. 2A, CPUID leaf 0: the vendor's name in EBX, EDX, ECX.
std::string CpuVendor() {
  std::array<uint32_t, 3> name = {};
  uint32_t max_leaf;
  __cpuid(0, max_leaf, name[0], name[2], name[1]);
  return {reinterpret_cast<const char*>(name.data()), sizeof(name)};
}

// CPUID leaves 0x80000002 to 0x80000004: the brand string, padded with blanks and zeroes.
std::string CpuModel() {
  if (__get_cpuid_max(0x80000000, nullptr) < 0x80000004) return {};
  std::array<uint32_t, 12> words = {};
  for (size_t i = 0; i < words.size(); i += 4) {
    __cpuid(0x80000002 + i / 4, words[i], words[i + 1], words[i + 2], words[i + 3]);
  }
  const char* text = reinterpret_cast<const char*>(words.data());
  std::string model(text, strnlen(text, sizeof(words)));
  model.erase(0, model.find_first_not_of(' '));
  model.erase(model.find_last_not_of(' ') + 1);
  return model;
}

DeviceNode ExamineNode(const char* path) {
  DeviceNode node = {.path = path, .problem = {}};
  const Fd fd(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  node.accessible = fd.valid();
  node.exists = node.accessible || (errno != ENOENT && errno != ENOTDIR);
  if (!node.accessible) node.problem = strerrordesc_np(errno);
  return node;
}

// What keeps /dev/kvm from being used at all.
Obstacle KvmObstacle(const DeviceNode& node, const HostReport& report) {
  if (!node.exists) return Obstacle::kNoKvmDevice;
  if (!node.accessible) return Obstacle::kNoKvmPermission;
  return report.kvm ? Obstacle::kNone : Obstacle::kKvmBroken;
}

// Sealed needs one source of private memory in which the micro guest could live.
ModeReport ExamineSealed(const HostReport& report) {
  ModeReport result = {.mode = IsolationMode::kSealed, .reason = {}};
  for (const PrivateMemoryReport& memory : report.private_memory) {
    if (!memory.works) continue;
    result.available = true;
    result.reason = "a micro guest ran in private memory from " + memory.provider;
    return result;
  }
  result.obstacle = Obstacle::kNoMemoryProvider;
  result.reason = "no private memory works here; see above";
  return result;
}

// By what is asked of host, kernel and KVM: launching a guest takes a firmware.
void JudgeConfidential(ModeReport& result) {
  const HostSupport support = {result.prerequisites};
  const Prerequisite* const missing = support.FirstMissing();
  result.available = missing == nullptr;
  if (missing != nullptr) {
    result.obstacle = missing->obstacle;
    result.reason = fmt::format("{}: {}", missing->name, missing->found);
  } else {
    result.reason = "all that was asked for is there; no guest was launched to try";
  }
}

ModeReport ExamineMode(IsolationMode mode, const HostReport& report, const kvm::System* system) {
  ModeReport result = {.mode = mode, .reason = {}};
  result.prerequisites = ExamineConfidential(mode, system).prerequisites;
  result.obstacle = KvmObstacle(report.device_nodes.front(), report);
  if (result.obstacle != Obstacle::kNone) {
    result.reason = report.kvm_problem;
    return result;
  }
  if (mode == IsolationMode::kSealed) return ExamineSealed(report);
  if (IsConfidential(mode)) {
    JudgeConfidential(result);
    return result;
  }
  if (!report.guest_speed) {
    result.obstacle = Obstacle::kKvmBroken;
    result.reason = report.guest_speed_problem;
    return result;
  }
  result.available = true;
  result.reason = "a micro guest ran on /dev/kvm";
  return result;
}

void ExamineKvm(HostReport& report, const Result<kvm::System>& system) {
  if (!system) {
    report.kvm_problem = system.error().ToString();
    report.guest_speed_problem = "no KVM";
    return;
  }
  if (Result<KvmFacts> facts = CollectKvmFacts(*system)) {
    report.kvm = *std::move(facts);
  } else {
    report.kvm_problem = facts.error().ToString();
  }
  report.private_memory = TryAllPrivateMemory(*system);
  if (Result<GuestSpeed> speed = MeasureGuestSpeed(*system)) {
    report.guest_speed = *speed;
  } else {
    report.guest_speed_problem = speed.error().ToString();
  }
}

}  // namespace

Result<HostReport> ExamineHost() {
  HostReport report;
  report.kernel_version = SEALVM_TRY(KernelVersion());
  report.cpu_vendor = CpuVendor();
  report.cpu_model = CpuModel();
  for (const char* path : kDeviceNodes) report.device_nodes.push_back(ExamineNode(path));
  const Result<kvm::System> system = kvm::System::Open();
  ExamineKvm(report, system);
  report.facilities = ExamineFacilities();
  report.memory_lock_limit = ProcessMemoryLockLimit();
  report.memory_cgroup = FindMemoryCgroup();
  for (const IsolationMode mode : kModes) {
    report.modes.push_back(ExamineMode(mode, report, system ? &*system : nullptr));
  }
  // kModes is in ascending order. Confidential guests need a firmware and are asked for by name.
  for (const ModeReport& mode : report.modes) {
    if (mode.available && !IsConfidential(mode.mode)) report.auto_choice = mode.mode;
  }
  return report;
}

}  // namespace sealvm
