// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEV_FIRMWARE_ERROR_H_
#define SEALVM_VMM_ISOLATION_SEV_FIRMWARE_ERROR_H_

#include <stdint.h>

#include <span>
#include <string>
#include <string_view>

#include "memory/base/result.h"

namespace sealvm::sev {

// A status code of the SEV and SNP firmware (SEV API 0.24, section 5.1.1 "Status Codes"; SEV-SNP
// Firmware ABI 1.58, section 6.2 "Status Codes"; numbers as in Linux'
// include/uapi/linux/psp-sev.h), which KVM hands on in kvm_sev_cmd.error.
struct FirmwareStatus {
  uint32_t code = 0;
  std::string_view name;     // the specification's
  std::string_view meaning;  // what went wrong
  std::string_view advice;   // what to do; empty when there is nothing to be said
};

// kvm_sev_cmd.error when the firmware was not called at all.
inline constexpr uint32_t kNoFirmwareCall = 0xffffffff;

// All known codes, ascending.
std::span<const FirmwareStatus> FirmwareStatuses();

// Null for a code that is not known.
const FirmwareStatus* FindFirmwareStatus(uint32_t code);

// "INVALID_PARAM (0x16): ...": what is known of it.
std::string DescribeFirmwareStatus(uint32_t code);

// The error of an ioctl of KVM's that talks to the firmware: "KVM_SEV_SNP_LAUNCH_START: firmware
// error POLICY_FAILURE (0x7): ..." with the advice as hint; `os_error` is kept. `code` 0: the
// firmware did not fail, KVM did.
std::unexpected<Error> FirmwareError(std::string_view command, uint32_t code, int os_error);

}  // namespace sealvm::sev

#endif  // SEALVM_VMM_ISOLATION_SEV_FIRMWARE_ERROR_H_
