// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_FIRMWARE_REPORT_H_
#define SEALVM_VMM_CLI_FIRMWARE_REPORT_H_

#include <string>

#include "vmm/isolation/measurement/firmware_facts.h"

namespace sealvm {

// What `sealvm inspect` says about a firmware: for people, and as indented JSON.
std::string FirmwareText(const FirmwareFacts& facts);
std::string FirmwareJson(const FirmwareFacts& facts);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_FIRMWARE_REPORT_H_
