// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_TD_MEASUREMENTS_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_TD_MEASUREMENTS_H_

#include <stdint.h>

#include <array>
#include <optional>

#include "vmm/crypto/digest.h"

namespace sealvm::attestation {

inline constexpr size_t kRtmrCount = 4;

// What TDREPORTs and quotes say of a TD and of the module that runs it, by the names of the Intel
// TDX Module 1.5 ABI Specification.
struct TdMeasurements {
  std::array<uint8_t, 16> tee_tcb_svn = {};
  Sha384Digest mr_seam = {};
  Sha384Digest mr_signer_seam = {};
  uint64_t seam_attributes = 0;
  uint64_t attributes = 0;
  uint64_t xfam = 0;
  Sha384Digest mrtd = {};
  Sha384Digest mr_config_id = {};
  Sha384Digest mr_owner = {};
  Sha384Digest mr_owner_config = {};
  std::array<Sha384Digest, kRtmrCount> rtmr = {};
  std::array<uint8_t, 64> report_data = {};
  // TDX 1.5.
  std::optional<std::array<uint8_t, 16>> tee_tcb_svn_2;
  std::optional<Sha384Digest> mr_service_td;
};

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_TD_MEASUREMENTS_H_
