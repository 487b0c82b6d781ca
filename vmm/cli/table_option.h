// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_TABLE_OPTION_H_
#define SEALVM_VMM_CLI_TABLE_OPTION_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/cli/key_value_list.h"
#include "vmm/cli/run_options.h"

namespace sealvm {

// One use of an option that is a list of keys: "--disk path=a" or a [[disk]] of a file. `where` is
// what an error about it begins with.
struct TableValue {
  KeyValues keys;
  std::string where;
};

// What is particular to such an option.
struct TableOption {
  // Whether it may be given more than once; in TOML it is an array of tables then.
  bool repeatable = false;
  // See SplitKeyValues.
  std::string_view implied_key;
  std::vector<KeyShape> (*keys)();
  // Puts all uses of the option into the options, instead of what was there.
  Result<> (*replace)(RunOptions& options, std::span<const TableValue> values);
  // What replace takes to give the same.
  std::vector<KeyValues> (*render)(const RunOptions& options);
};

extern const TableOption kDiskOption;
extern const TableOption kNetOption;
extern const TableOption kVsockOption;
extern const TableOption kFsOption;

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_TABLE_OPTION_H_
