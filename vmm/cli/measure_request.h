// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_MEASURE_REQUEST_H_
#define SEALVM_VMM_CLI_MEASURE_REQUEST_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "vmm/api/config.h"
#include "vmm/cli/id_block_request.h"
#include "vmm/cli/sev_owner_request.h"
#include "vmm/cli/verify_request.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/measurement/tdx_launch.h"
#include "vmm/isolation/measurement/vcpu_reset_state.h"

namespace sealvm {

// `sealvm measure`. Paths and the command line are empty when they are not given.
struct MeasureRequest {
  IsolationMode isolation = IsolationMode::kSnp;
  std::string firmware = {};
  std::string kernel = {};
  std::string initrd = {};
  std::string cmdline = {};
  uint32_t cpus = 1;
  std::optional<uint32_t> vcpu_signature = {};  // CPUID(1).EAX
  // SEV_FEATURES of an SNP guest.
  uint64_t guest_features = 1;
  VmmType vmm_type = VmmType::kQemu;
  // The SNP launch digest after the firmware.
  std::optional<Sha384Digest> seed_digest = {};
  MrtdOrder mrtd_order = MrtdOrder::kOnePass;
  // The guest policy, which no digest holds.
  std::optional<uint64_t> policy = {};
  // A kernel is measured even if the firmware will not compare it with the measurement.
  bool allow_unenforced_hashes = false;
  // A report, quote or launch measurement to compare the digest with; none without a path.
  VerifyRequest verify = {};
  IdBlockRequest id_block = {};
  SevOwnerRequest sev_owner = {};
  // What the user has to be told of the options: those that do nothing here.
  std::vector<std::string> notes = {};
  bool json = false;
  bool explain = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_MEASURE_REQUEST_H_
