// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_DOCTOR_H_
#define SEALVM_VMM_API_DOCTOR_H_

#include <stdint.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "memory/memory_cgroup.h"
#include "vmm/api/config.h"

namespace sealvm {

// What stands between this host and an isolation mode. The front-end turns it into advice.
enum class Obstacle {
  kNone,               // the mode works
  kNoKvmDevice,        // /dev/kvm does not exist
  kNoKvmPermission,    // /dev/kvm may not be opened by this user
  kKvmBroken,          // /dev/kvm opens, but an ioctl that every mode needs fails
  kKernelTooOld,       // a KVM capability is missing that a newer kernel has
  kKernelOption,       // the running kernel was built without an option
  kNoMemoryProvider,   // no provider of private memory passed its trial
  kCpuFeature,         // the processor lacks the feature
  kFirmwareDisabled,   // the processor has it, BIOS or module parameter keeps it off
  kNoDeviceNode,       // /dev/sev or its like is missing
  kNoDevicePermission  // the node exists and may not be opened by this user
};

// "no-kvm-device", ...
std::string_view ObstacleName(Obstacle obstacle);

enum class Met { kYes, kNo, kUnknown };

// "yes", "no", "unknown".
std::string_view MetName(Met met);

// One thing that a mode needs of the host.
struct Prerequisite {
  // By its own name: "KVM_CAP_VM_TYPES bit 4 (SNP)", "CONFIG_KVM_AMD_SEV", "/dev/sev".
  std::string name;
  Met met = Met::kUnknown;
  // What was seen, one line.
  std::string found;
  // What to do; empty when it is met or nothing helps.
  std::string advice;
  // What it is when it is missing; kNone otherwise.
  Obstacle obstacle = Obstacle::kNone;
};

// Whether one isolation mode can be used here, decided by trying where that is possible.
struct ModeReport {
  IsolationMode mode = IsolationMode::kNone;
  bool available = false;
  Obstacle obstacle = Obstacle::kNone;
  // One line that names the object: the capability, option, node or flag found or missing.
  std::string reason;
  // Of modes that take more than KVM: causes before consequences.
  std::vector<Prerequisite> prerequisites = {};
};

// Facts about KVM. Capabilities are those sealvm knows, by the UAPI's name ("KVM_CAP_USER_MEMORY2")
// with what KVM_CHECK_EXTENSION returned on a VM of type 0; 0 means absent.
struct KvmFacts {
  int api_version = 0;
  std::map<std::string, int64_t> capabilities;
};

// How fast guest code at CPL 0 runs, measured by a micro guest of some milliseconds. A KVM that
// emulates kernel code runs it a thousand times slower than hardware does.
struct GuestSpeed {
  double kernel_mode_instructions_per_second = 0;
  bool hardware_speed = false;
};

// One source of private memory for mode `sealed`, decided by trying: capability bits are there on
// hosts where no kernel can run in such memory.
struct PrivateMemoryReport {
  // "guest_memfd", "seal", "sw-protected".
  std::string provider;
  // The kernel has it and the host cannot reach it.
  bool present = false;
  // A micro guest lived in it.
  bool works = false;
  // One line: what is missing, or the step at which the micro guest failed and why.
  std::string reason;
};

// A device node that some mode needs.
struct DeviceNode {
  std::string path;
  bool exists = false;
  bool accessible = false;
  // Why it is not accessible; empty when it is.
  std::string problem;
};

// What some device takes from the host besides KVM.
enum class HostFacility {
  kIoUring,    // disks; they have threads without it
  kTun,        // --net tap=NAME
  kPasst,      // --net user
  kVirtiofsd,  // serves --fs
};

// "io_uring", "tun", "passt", "virtiofsd".
std::string_view HostFacilityName(HostFacility facility);

// Decided by trying, a program by looking for it.
struct FacilityReport {
  HostFacility facility = HostFacility::kIoUring;
  bool usable = false;
  // One line: the path of what was found, or what is wrong.
  std::string detail;
  // The errno of what failed; 0 when usable.
  int os_error = 0;
};

struct HostReport {
  // uname: "6.12.95+deb13-amd64".
  std::string kernel_version;
  // CPUID leaf 0: "AuthenticAMD"; leaf 0x80000002..4: the brand string, may be empty.
  std::string cpu_vendor;
  std::string cpu_model;
  // In the order of the device list in docs: /dev/kvm, /dev/sev, ...
  std::vector<DeviceNode> device_nodes;
  // Absent where /dev/kvm cannot be used; kvm_problem says why.
  std::optional<KvmFacts> kvm;
  std::string kvm_problem;
  // Absent where no micro guest could run; guest_speed_problem says why.
  std::optional<GuestSpeed> guest_speed;
  std::string guest_speed_problem;
  // Sources of private memory, the best first. Empty where KVM cannot be used.
  std::vector<PrivateMemoryReport> private_memory;
  // What private memory is charged to and what limits it here; see docs/memory.md. Bytes; the
  // first may be kNoMemoryLockLimit. Without a cgroup v2 hierarchy the second is absent.
  uint64_t memory_lock_limit = 0;
  std::optional<MemoryCgroup> memory_cgroup;
  // None of them is needed by a machine without such a device.
  std::vector<FacilityReport> facilities;
  // All modes but kAuto, weakest first.
  std::vector<ModeReport> modes;
  // What kAuto would choose for a guest that supports it; absent when no mode works.
  std::optional<IsolationMode> auto_choice;
};

// Looks at this host: opens /dev/kvm, asks for capabilities, runs a micro guest. Changes nothing,
// takes some milliseconds. A host without KVM is a report, not an error; an error means that
// looking failed.
Result<HostReport> ExamineHost();

}  // namespace sealvm

#endif  // SEALVM_VMM_API_DOCTOR_H_
