// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_NEAREST_NAME_H_
#define SEALVM_VMM_CLI_NEAREST_NAME_H_

#include <stddef.h>

#include <span>
#include <string>
#include <string_view>

namespace sealvm {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal
// string alignment).
size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `name`; empty when none is near enough to have been meant.
std::string_view NearestName(std::string_view name, std::span<const std::string_view> candidates);

// "did you mean 'memory'?", with `prefix` before the name; empty when nothing is near.
std::string Suggestion(std::string_view name, std::span<const std::string_view> candidates,
                       std::string_view prefix = {});

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_NEAREST_NAME_H_
