// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_VERSION_H_
#define SEALVM_VMM_API_VERSION_H_

#include <string_view>

namespace sealvm {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace sealvm

#endif  // SEALVM_VMM_API_VERSION_H_
