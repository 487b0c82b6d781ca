// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_MEASUREMENT_REPORT_H_
#define SEALVM_VMM_CLI_MEASUREMENT_REPORT_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/firmware/hash_enforcement.h"
#include "vmm/cli/measure_request.h"
#include "vmm/isolation/measurement/kernel_hashes.h"

namespace sealvm {

// A step of the calculation, in text.
struct MeasurementLine {
  std::string operation;
  uint64_t gpa = 0;
  uint64_t size = 0;    // bytes
  std::string content;  // hexadecimal; empty where the content is not measured
  std::string digest;
  std::string what;
};

// What `sealvm measure` found out.
struct Measurement {
  std::string algorithm;  // "sha256", "sha384"
  std::vector<uint8_t> digest;
  std::optional<KernelHashes> kernel_hashes;
  std::optional<HashEnforcementVerdict> enforcement;  // where a kernel is measured
  std::vector<std::string> notes;                     // what the user should know
  std::vector<MeasurementLine> lines;                 // with --explain
  uint32_t secret_area_size = 0;                      // the firmware's, for a launch secret
};

// Reads the files and calculates.
Result<Measurement> Measure(const MeasureRequest& request);

// The lines, and the digest alone on the last one.
std::string MeasurementText(const Measurement& measurement);
std::string MeasurementJson(const MeasureRequest& request, const Measurement& measurement);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_MEASUREMENT_REPORT_H_
