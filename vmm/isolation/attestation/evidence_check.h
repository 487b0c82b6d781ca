// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_EVIDENCE_CHECK_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_EVIDENCE_CHECK_H_

#include <stdint.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/certificate.h"
#include "vmm/isolation/attestation/evidence.h"

namespace sealvm::attestation {

// What a report or quote is to say. Only what is set is compared; fields of the other technology
// must not be set. But a guest that may be debugged always fails, unless the policy or attributes
// that allow it are expected by value: nothing else in its report can be believed.
struct Expectations {
  std::optional<Sha384Digest> measurement;  // SNP's launch digest or TDX's MRTD
  std::optional<std::array<uint8_t, 64>> report_data;
  // SNP.
  std::optional<uint64_t> policy;
  std::optional<std::array<uint8_t, 32>> host_data;
  std::optional<Sha384Digest> id_key_digest;
  std::optional<Sha384Digest> author_key_digest;
  std::optional<uint32_t> vmpl;
  std::optional<uint64_t> minimum_tcb;  // of the reported TCB, part by part; raw
  // TDX.
  std::optional<uint64_t> td_attributes;
  std::optional<uint64_t> xfam;
  std::optional<Sha384Digest> mr_config_id;
  std::optional<Sha384Digest> mr_owner;
  std::optional<Sha384Digest> mr_owner_config;
};

// One thing that was looked at.
struct FieldCheck {
  std::string field;
  std::string expected;
  std::string found;
  bool holds = false;
};

// What was found, in the order of the fields; `warnings` are what a reader must know of checks that
// were not made.
struct CheckedEvidence {
  std::vector<FieldCheck> checks;
  std::vector<std::string> warnings;

  bool holds() const;
};

// Compares a report or quote; with `certificates` its signature too, and with `log` the RTMRs of a
// TDREPORT or quote. kInvalidInput for what cannot be compared at all: an event log in place of a
// report, an option of the other technology, a log that cannot be replayed. `name` begins the
// message.
Result<CheckedEvidence> CheckEvidence(const Evidence& evidence, const Expectations& expected,
                                      std::span<const Certificate> certificates,
                                      const EventLog* log, std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_EVIDENCE_CHECK_H_
