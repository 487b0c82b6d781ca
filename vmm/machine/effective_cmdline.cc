// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/effective_cmdline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

#include "vmm/api/version.h"
#include "vmm/machine/sealed_launch.h"

namespace sealvm {
namespace {

// Put before the user's words, which therefore win. panic=-1: a kernel that panicked resets, which
// ends the machine, instead of spinning for ever. reboot=a: on hardware-reduced ACPI Linux would
// reset by EFI, which is not there, and never get to the ACPI reset register.
constexpr std::string_view kLinuxDefaults = "panic=-1 reboot=a";
// Where there is no PCI bus: a kernel that looks for one makes a hundred exits.
constexpr std::string_view kNoPci = "pci=off";

}  // namespace

// The command line of the diagnostic guest begins with what it reports as its version.
std::string EffectiveCmdline(const MachineConfig& config, IsolationMode mode) {
  if (!config.firmware.empty()) return config.cmdline;
  const bool has_devices = config.devices.any();
  std::vector<std::string> words;
  if (config.kernel.empty()) {
    words.push_back(fmt::format("sealvm={}", kVersion));
  } else {
    if (!has_devices) words.emplace_back(kNoPci);
    words.emplace_back(kLinuxDefaults);
  }
  if (mode == IsolationMode::kSealed) words.emplace_back(SealedCmdlineWords(has_devices));
  if (!config.cmdline.empty()) words.push_back(config.cmdline);
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace sealvm
