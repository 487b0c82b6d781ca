// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_LAUNCH_OPTIONS_H_
#define SEALVM_VMM_CLI_LAUNCH_OPTIONS_H_

#include <stdint.h>

#include <span>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/cli/option_table.h"

namespace sealvm {

// The options of `run` for the modes sev, sev-es, snp and tdx; part of RunOptionTable.
std::span<const OptionSpec> LaunchOptionTable();
inline constexpr std::string_view kLaunchGroup = "With --isolation sev, sev-es, snp or tdx";

// CPUID(1).EAX of a CPU model by its name. The error lacks the option's name.
Result<uint32_t> ParseCpuModel(std::string_view text);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_LAUNCH_OPTIONS_H_
