// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_ID_BLOCK_OPTIONS_H_
#define SEALVM_VMM_CLI_ID_BLOCK_OPTIONS_H_

#include <string_view>

#include "memory/base/result.h"
#include "vmm/cli/measure_request.h"

namespace sealvm {

// Setters of the options of `measure` that make an ID block; errors lack the option's name.
Result<> SetFamilyId(MeasureRequest& request, std::string_view text);
Result<> SetImageId(MeasureRequest& request, std::string_view text);
Result<> SetGuestSvn(MeasureRequest& request, std::string_view text);
template <std::string IdBlockRequest::*kMember>
Result<> SetIdBlockPath(MeasureRequest& request, std::string_view text) {
  if (text.empty()) return InvalidInput("needs a path, not nothing");
  request.id_block.*kMember = text;
  return {};
}

// Whether they go together, and with the rest of the request.
Result<> CheckIdBlockOptions(const MeasureRequest& request);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_ID_BLOCK_OPTIONS_H_
