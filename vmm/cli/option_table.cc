// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/option_table.h"

#include <algorithm>
#include <limits>

#include "vmm/cli/launch_options.h"
#include "vmm/cli/value_text.h"

namespace sealvm {
namespace {

using Text = std::optional<std::string>;

Text NonEmpty(const std::string& value) { return value.empty() ? Text() : Text(value); }

template <std::string MachineConfig::*kField>
Result<> ApplyMachinePath(RunOptions& options, std::string_view text) {
  options.machine.*kField = SEALVM_TRY(ParsePath(text));
  return {};
}

template <std::string MachineConfig::*kField>
Text RenderMachineText(const RunOptions& options) {
  return NonEmpty(options.machine.*kField);
}

template <std::string RunOptions::*kField>
Result<> ApplyPath(RunOptions& options, std::string_view text) {
  options.*kField = SEALVM_TRY(ParsePath(text));
  return {};
}

template <std::string RunOptions::*kField>
Text RenderPath(const RunOptions& options) {
  return NonEmpty(options.*kField);
}

constexpr std::string_view kBoot = "What boots";
constexpr std::string_view kMachine = "Machine";
constexpr std::string_view kDevices = "Devices";
constexpr std::string_view kIsolation = "With --isolation sealed";
constexpr std::string_view kUnlimited = "unlimited";
constexpr std::string_view kFrontEnd = "Console and reports";
constexpr std::string_view kVirtioConsole = "virtio";
constexpr std::string_view kSerialConsole = "serial";

constexpr OptionSpec kOptions[] = {
    {"kernel", "FILE", "bzImage or vmlinux; without it the built-in diagnostic guest boots", kBoot,
     ValueKind::kString, ApplyMachinePath<&MachineConfig::kernel>,
     RenderMachineText<&MachineConfig::kernel>},
    {"initrd", "FILE", "initial RAM disk for the kernel", kBoot, ValueKind::kString,
     ApplyMachinePath<&MachineConfig::initrd>, RenderMachineText<&MachineConfig::initrd>},
    {"cmdline", "STR", "the kernel's command line, such as \"console=ttyS0 quiet\"", kBoot,
     ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.cmdline = text;
       return {};
     },
     RenderMachineText<&MachineConfig::cmdline>},
    {"kernel-protocol", "NAME", "how an ELF kernel is entered: auto, linux, pvh", kBoot,
     ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.kernel_protocol = SEALVM_TRY(ParseKernelProtocol(text));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return std::string(KernelProtocolName(o.machine.kernel_protocol));
     }},
    {"firmware", "FILE",
     "firmware image to boot, such as OVMF.fd; it loads the kernel, or what it finds on a disk. "
     "guest-fw: sealvm's own, which is what snp and tdx guests with a kernel get",
     kBoot, ValueKind::kString, ApplyMachinePath<&MachineConfig::firmware>,
     RenderMachineText<&MachineConfig::firmware>},
    {"firmware-log", "FILE", "append what the firmware logs to this file (shown with -vv)", kBoot,
     ValueKind::kString, ApplyMachinePath<&MachineConfig::firmware_log>,
     RenderMachineText<&MachineConfig::firmware_log>},
    {"isolation", "MODE",
     "who can read guest memory: auto, none, sealed, sev, sev-es, snp, tdx; a mode asked for by "
     "name is used or the run fails",
     kMachine, ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.isolation = SEALVM_TRY(ParseIsolationMode(text));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return std::string(IsolationModeName(o.machine.isolation));
     }},
    {"memory", "SIZE", "guest RAM, with K, M, G or T (512M)", kMachine, ValueKind::kSize,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.memory_bytes = SEALVM_TRY(ParseSize(text));
       return {};
     },
     [](const RunOptions& o) -> Text { return FormatSize(o.machine.memory_bytes); }},
    {"cpus", "N", "number of vCPUs, 1 to 64 (1)", kMachine, ValueKind::kInteger,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.cpus = static_cast<uint32_t>(SEALVM_TRY(ParseNumber(text, 1, kMaxVcpus)));
       return {};
     },
     [](const RunOptions& o) -> Text { return std::to_string(o.machine.cpus); }},
    {"hugepages", "SIZE", "page size of guest memory: off, 2M, 1G (off)", kMachine,
     ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.memory.huge_pages = SEALVM_TRY(ParseHugePages(text));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return std::string(HugePagesName(o.machine.memory.huge_pages));
     }},
    {"prefault", "on|off", "take all guest memory from the host before the start (off)", kMachine,
     ValueKind::kSwitch,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.memory.prefault = SEALVM_TRY(ParseSwitch(text));
       return {};
     },
     [](const RunOptions& o) -> Text { return FormatSwitch(o.machine.memory.prefault); }},
    {"disk", "path=FILE[,KEY=VALUE]...",
     "a disk from a raw image or a block device; may be repeated. Keys: readonly=on|off, "
     "format=raw, id=, serial=, direct=on|off (without the host's page cache), "
     "engine=auto|io_uring|threads, queues=, queue-size=, bytes-per-second=, bytes-burst=, "
     "ops-per-second=, ops-burst=",
     kDevices, ValueKind::kTable, nullptr, nullptr, &kDiskOption},
    {"net", "user|tap=NAME|fd=N|none[,KEY=VALUE]...",
     "a network: by passt, by a tap device, by one that is open already; may be repeated. Keys: "
     "hostfwd=tcp:127.0.0.1:2222-:22 (user; may be repeated), queues= (tap), id=, mac=, "
     "queue-size=, and for each direction rx-bytes-per-second=, rx-bytes-burst=, "
     "rx-ops-per-second=, rx-ops-burst=, tx-...",
     kDevices, ValueKind::kTable, nullptr, nullptr, &kNetOption},
    {"vsock", "cid=N,socket=PATH", "sockets between guest and host; PATH is the host's end",
     kDevices, ValueKind::kTable, nullptr, nullptr, &kVsockOption},
    {"fs", "tag=NAME,socket=PATH[,KEY=VALUE]...",
     "a directory that virtiofsd serves on this socket; may be repeated. Keys: id=, queue-size=",
     kDevices, ValueKind::kTable, nullptr, nullptr, &kFsOption},
    {"rng", "on|off", "an entropy source (off)", kDevices, ValueKind::kSwitch,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.devices.rng = SEALVM_TRY(ParseSwitch(text));
       return {};
     },
     [](const RunOptions& o) -> Text { return FormatSwitch(o.machine.devices.rng); }},
    {"console-device", "NAME",
     "what the guest's console is: serial (ttyS0) or virtio (hvc0 and, for output, ttyS0) (serial)",
     kDevices, ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       if (text != kSerialConsole && text != kVirtioConsole) {
         return InvalidInput("'" + std::string(text) + "' is no console device",
                             "one of serial, virtio");
       }
       o.machine.devices.virtio_console = text == kVirtioConsole;
       return {};
     },
     [](const RunOptions& o) -> Text {
       return std::string(o.machine.devices.virtio_console ? kVirtioConsole : kSerialConsole);
     }},
    {"pci-bars", "KIND",
     "how devices show their registers: auto, mmio, io (auto: what the isolation mode needs)",
     kDevices, ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.devices.pci_bars = SEALVM_TRY(ParsePciBars(text));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return std::string(PciBarsName(o.machine.devices.pci_bars));
     }},
    {"memory-provider", "NAME",
     "where private memory comes from: auto, guest_memfd, seal, sw-protected (auto)", kIsolation,
     ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.memory_provider = SEALVM_TRY(ParseMemoryProvider(text));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return std::string(MemoryProviderName(o.machine.memory_provider));
     }},
    {"memory-lock-limit", "SIZE",
     "most private memory the machine may have, or unlimited (what the user may lock: ulimit -l)",
     kIsolation, ValueKind::kSize,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.memory_lock_limit =
           text == kUnlimited ? kNoMemoryLockLimit : SEALVM_TRY(ParseSize(text));
       return {};
     },
     [](const RunOptions& o) -> Text {
       const std::optional<uint64_t> limit = o.machine.memory_lock_limit;
       if (!limit) return std::nullopt;
       return *limit == kNoMemoryLockLimit ? std::string(kUnlimited) : FormatSize(*limit);
     }},
    {"page-conversions", "on|off",
     "ask the guest to tell each page that it shares or takes back, so that the host keeps one "
     "half of each; slower boots, AMD hosts only (off)",
     kIsolation, ValueKind::kSwitch,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.machine.page_conversions = SEALVM_TRY(ParseSwitch(text));
       return {};
     },
     [](const RunOptions& o) -> Text { return FormatSwitch(o.machine.page_conversions); }},
    {"dump-fdt", "FILE", "write what the guest's loader is told, a device tree, to this file",
     kIsolation, ValueKind::kString, ApplyMachinePath<&MachineConfig::dump_fdt>,
     RenderMachineText<&MachineConfig::dump_fdt>},
    {"console", "WHERE", "the serial console: stdio, pty, file=F, socket=F, off (stdio)", kFrontEnd,
     ValueKind::kString,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.console = SEALVM_TRY(ParseConsole(text));
       return {};
     },
     [](const RunOptions& o) -> Text { return FormatConsole(o.console); }},
    {"timeout", "SECONDS", "end the run after this time with exit code 4; 0.5 is allowed",
     kFrontEnd, ValueKind::kSeconds,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.timeout = SEALVM_TRY(ParseSeconds(text));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return o.timeout ? Text(FormatSeconds(*o.timeout)) : Text();
     }},
    {"reboot", "on|off",
     "what a guest's reset does: on makes its machine anew from the same options, off ends the run "
     "(off)",
     kFrontEnd, ValueKind::kSwitch,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.reboot = SEALVM_TRY(ParseSwitch(text));
       return {};
     },
     [](const RunOptions& o) -> Text { return FormatSwitch(o.reboot); }},
    {"guest-exit-code", "on|off",
     "exit with the code that the guest writes to its exit device (off)", kFrontEnd,
     ValueKind::kSwitch,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.guest_exit_code = SEALVM_TRY(ParseSwitch(text));
       return {};
     },
     [](const RunOptions& o) -> Text { return FormatSwitch(o.guest_exit_code); }},
    {"events-fd", "N", "write events as JSON lines to this open file descriptor", kFrontEnd,
     ValueKind::kInteger,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.events_fd =
           static_cast<int>(SEALVM_TRY(ParseNumber(text, 0, std::numeric_limits<int>::max())));
       return {};
     },
     [](const RunOptions& o) -> Text {
       return o.events_fd ? Text(std::to_string(*o.events_fd)) : Text();
     }},
    {"stats", "FILE", "write counters to this file at the end, as JSON", kFrontEnd,
     ValueKind::kString, ApplyPath<&RunOptions::stats_file>, RenderPath<&RunOptions::stats_file>},
    {"log-file", "FILE", "append the log to this file instead of standard error", kFrontEnd,
     ValueKind::kString, ApplyPath<&RunOptions::log_file>, RenderPath<&RunOptions::log_file>},
    {"verbose", "N", "0: warnings, 1: progress (-v), 2: debug (-vv)", "", ValueKind::kInteger,
     [](RunOptions& o, std::string_view text) -> Result<> {
       o.verbosity = static_cast<int>(SEALVM_TRY(ParseNumber(text, 0, 9)));
       return {};
     },
     [](const RunOptions& o) -> Text { return std::to_string(o.verbosity); }},
};

}  // namespace

std::span<const OptionSpec> RunOptionTable() {
  static const std::vector<OptionSpec> all = [] {
    std::vector<OptionSpec> options(std::begin(kOptions), std::end(kOptions));
    const std::span<const OptionSpec> launch = LaunchOptionTable();
    options.insert(options.end(), launch.begin(), launch.end());
    return options;
  }();
  return all;
}

const OptionSpec* FindRunOption(std::string_view name) {
  const auto found = std::ranges::find(RunOptionTable(), name, &OptionSpec::name);
  return found == RunOptionTable().end() ? nullptr : &*found;
}

std::vector<std::string_view> RunOptionNames() {
  std::vector<std::string_view> names;
  for (const OptionSpec& option : RunOptionTable()) names.push_back(option.name);
  return names;
}

}  // namespace sealvm
