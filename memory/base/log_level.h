// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_LOG_LEVEL_H_
#define SEALVM_MEMORY_BASE_LOG_LEVEL_H_

namespace sealvm {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_LOG_LEVEL_H_
