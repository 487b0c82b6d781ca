// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/mode_selection.h"

#include <fmt/format.h>

namespace sealvm {

bool IsImplemented(IsolationMode mode) {
  return mode == IsolationMode::kNone || mode == IsolationMode::kSealed;
}

Result<> CheckImplemented(IsolationMode requested) {
  if (IsImplemented(requested) || requested == IsolationMode::kAuto) return {};
  return Refused(fmt::format("--isolation {}: this version of sealvm does not have this mode yet",
                             IsolationModeName(requested)),
                 "`sealvm doctor` lists what works here");
}

}  // namespace sealvm
