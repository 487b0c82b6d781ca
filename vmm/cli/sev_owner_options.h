// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_SEV_OWNER_OPTIONS_H_
#define SEALVM_VMM_CLI_SEV_OWNER_OPTIONS_H_

#include <string_view>

#include "memory/base/result.h"
#include "vmm/cli/measure_request.h"

namespace sealvm {

// Setters of the options of `measure` with which an owner checks the launch measurement of a SEV or
// SEV-ES guest and answers it; errors lack the option's name.
template <std::string SevOwnerRequest::*kMember>
Result<> SetSevOwnerPath(MeasureRequest& request, std::string_view text) {
  if (text.empty()) return InvalidInput("needs a path, not nothing");
  request.sev_owner.*kMember = text;
  return {};
}
// "GUID=FILE"; each call adds one.
Result<> AddSecret(MeasureRequest& request, std::string_view text);

// sev and sev-es: modes without reports, where an owner checks the launch and answers it.
bool HasLaunchOwner(IsolationMode mode);

// Whether they go together, and with the rest of the request.
Result<> CheckSevOwnerOptions(const MeasureRequest& request);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_SEV_OWNER_OPTIONS_H_
