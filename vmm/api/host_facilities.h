// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_HOST_FACILITIES_H_
#define SEALVM_VMM_API_HOST_FACILITIES_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/api/doctor.h"

namespace sealvm {

// Tries each facility, in the order of the enumeration.
std::vector<FacilityReport> ExamineFacilities();

namespace internal {

// The first executable file `name` in the folders of `path`, which is written as $PATH is, and
// then in `more`. Empty words of `path` mean the current folder.
std::optional<std::string> FindProgram(std::string_view name, std::string_view path,
                                       std::span<const std::string_view> more = {});

}  // namespace internal
}  // namespace sealvm

#endif  // SEALVM_VMM_API_HOST_FACILITIES_H_
