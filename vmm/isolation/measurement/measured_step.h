// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_MEASURED_STEP_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_MEASURED_STEP_H_

#include <stdint.h>

#include <functional>
#include <span>
#include <string_view>

#include "memory/guest_layout.h"

namespace sealvm {

// One extension of a launch digest, for those who compare two calculations step by step. Valid
// during the call.
struct MeasuredStep {
  // "NORMAL", "MEM.PAGE.ADD".
  std::string_view operation;
  Gpa gpa = 0;
  uint64_t size = 0;  // bytes
  // The digest of the content by itself; nothing where the content is not measured.
  std::span<const uint8_t> content_digest;
  // SNP: the launch digest after the step. Elsewhere, where one digest runs over everything: what
  // it would be if this were the last step.
  std::span<const uint8_t> digest;
  // What the step is for: "firmware", "vCPU 3".
  std::string_view what;
};

// Empty: nobody looks.
using StepObserver = std::function<void(const MeasuredStep&)>;

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_MEASURED_STEP_H_
