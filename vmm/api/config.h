// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_CONFIG_H_
#define SEALVM_VMM_API_CONFIG_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <string>
#include <string_view>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "memory/lock_limit.h"
#include "memory/private_memory.h"
#include "vmm/api/device_config.h"
#include "vmm/api/launch_config.h"

namespace sealvm {

// Who can read the guest's memory; see docs/architecture.md.
enum class IsolationMode { kAuto, kNone, kSealed, kSev, kSevEs, kSnp, kTdx };

// The name of a mode on the command line, in configurations and in reports: "none", "sev-es".
std::string_view IsolationModeName(IsolationMode mode);
// kInvalidInput for a name that is none.
Result<IsolationMode> ParseIsolationMode(std::string_view name);
// The modes whose memory the CPU keeps from the host: sev, sev-es, snp, tdx.
bool IsConfidential(IsolationMode mode);

// What MachineConfig::firmware calls sealvm's own firmware.
inline constexpr std::string_view kGuestFw = "guest-fw";
// The firmware of a guest of `mode` that is given a kernel and no firmware: guest-fw where it knows
// the mode, which is in snp and tdx; else empty.
std::string_view DefaultFirmware(IsolationMode mode);

// How an ELF kernel is entered. kAuto takes what the image offers; bzImage knows kLinux alone.
enum class KernelProtocol { kAuto, kLinux, kPvh };

// "auto", "linux", "pvh".
std::string_view KernelProtocolName(KernelProtocol protocol);
Result<KernelProtocol> ParseKernelProtocol(std::string_view name);

// Where mode `sealed` takes private memory from; see docs/memory.md. kAuto: the first that works.
enum class MemoryProvider { kAuto, kGuestMemfd, kSeal, kSwProtected };

// "auto", "guest_memfd", "seal", "sw-protected".
std::string_view MemoryProviderName(MemoryProvider provider);
Result<MemoryProvider> ParseMemoryProvider(std::string_view name);

// "off", "2M", "1G".
std::string_view HugePagesName(HugePages huge_pages);
Result<HugePages> ParseHugePages(std::string_view name);

inline constexpr uint32_t kMaxVcpus = 64;
// What Linux/x86 accepts with its terminating zero (COMMAND_LINE_SIZE,
// arch/x86/include/asm/setup.h).
inline constexpr size_t kMaxCmdlineBytes = 2047;

// What a machine is made of. Plain data; Machine::Create validates it with ValidateConfig.
struct MachineConfig {
  // Paths of files; empty means none. Without a kernel and a firmware the built-in diagnostic guest
  // boots. With both, the firmware loads the kernel.
  std::string kernel;
  std::string initrd;
  std::string firmware;
  // The guest kernel's command line, as given. Additions that a mode needs are made by the machine.
  std::string cmdline;
  KernelProtocol kernel_protocol = KernelProtocol::kAuto;
  // A file to append the firmware's log to; empty: it goes to the machine's log at level debug.
  std::string firmware_log;

  IsolationMode isolation = IsolationMode::kAuto;
  uint64_t memory_bytes = 512 * kMiB;
  MemoryPolicy memory;
  uint32_t cpus = 1;
  DevicesConfig devices;
  LaunchConfig launch;  // of a confidential mode

  // The rest is for isolation modes with private memory.
  MemoryProvider memory_provider = MemoryProvider::kAuto;
  // How much private memory the machine may have, in bytes; see CheckMemoryLockLimit. Nothing: what
  // the process may lock.
  std::optional<uint64_t> memory_lock_limit;
  // The guest is asked to tell each page that it shares or takes back, so that the host keeps one
  // half of each and devices reach nothing else; Linux makes some 600 more exits until its init.
  bool page_conversions = false;
  // A file to write the hand-over tree to; empty means none.
  std::string dump_fdt;

  friend bool operator==(const MachineConfig&, const MachineConfig&);
};

// Checks every field that can be checked without touching the host: ranges, combinations. An error
// names the option ("--cpus 0: ...").
Result<> ValidateConfig(const MachineConfig& config);
// Its part for `config.launch` and the confidential modes.
Result<> ValidateLaunch(const MachineConfig& config);

}  // namespace sealvm

#endif  // SEALVM_VMM_API_CONFIG_H_
