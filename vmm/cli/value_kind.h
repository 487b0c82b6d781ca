// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_VALUE_KIND_H_
#define SEALVM_VMM_CLI_VALUE_KIND_H_

namespace sealvm {

// How a value is written in TOML. A switch is a boolean there and on|off on the command line; a
// size is a string or a number of bytes; a table is a list of key=value on the command line.
enum class ValueKind { kString, kSize, kInteger, kSeconds, kSwitch, kTable };

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_VALUE_KIND_H_
