// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_CONFIG_FILE_H_
#define SEALVM_VMM_CLI_CONFIG_FILE_H_

#include <string>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/cli/run_options.h"

namespace sealvm {

// The TOML form of `options`: every key that is set, one a line, in the order of the help; then a
// table for each device.
std::string PrintConfig(const RunOptions& options);

// Applies TOML text on top of `options`; keys and tables are the names of run's options.
// `isolation_named`
// becomes true when the text names a mode. Errors are kInvalidInput and begin with "<file name>:
// line N: ".
Result<> ApplyConfigText(std::string_view text, std::string_view file_name, RunOptions& options,
                         bool& isolation_named);

// The same from a file of at most 1 MiB.
Result<> ApplyConfigFile(const std::string& path, RunOptions& options, bool& isolation_named);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_CONFIG_FILE_H_
