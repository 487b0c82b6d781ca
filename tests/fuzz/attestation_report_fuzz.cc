// SPDX-License-Identifier: Apache-2.0
// Hostile evidence: the input as a report, quote, log or launch measurement itself, as `inspect`
// and `measure --verify` get it. What is read is printed, compared, and its signature looked at.
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "vmm/cli/evidence_report.h"
#include "vmm/isolation/attestation/evidence_check.h"
#include "vmm/isolation/attestation/sev_launch_facts.h"

namespace sealvm::attestation {
namespace {

// With each field as it is in the input, and the HMAC made to hold.
void TryLaunchMeasurement(const std::vector<uint8_t>& bytes) {
  static_cast<void>(ParseSevMeasurement(bytes, "measurement"));
  auto facts = ParseSevLaunchFacts({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                   "measurement");
  if (!facts) {
    SEALVM_FUZZ_CHECK(facts.error().kind == ErrorKind::kInvalidInput);
    return;
  }
  const SevMeasureInput& input = facts->input;
  const bool is_es = (input.policy & 4) != 0;
  const auto check = [&] {
    return CheckSevLaunchFacts(*facts, input.launch_digest, input.policy, is_es, SevKey{});
  };
  SEALVM_FUZZ_CHECK(!check().holds());
  facts->measurement.measure = ComputeSevMeasure(input, facts->measurement.nonce, SevKey{});
  SEALVM_FUZZ_CHECK(check().holds());
}

}  // namespace
}  // namespace sealvm::attestation

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  using namespace sealvm::attestation;
  // Exactly as long as the input, so that a sanitizer sees each byte read too far.
  const std::vector<uint8_t> bytes(data, data + size);
  TryLaunchMeasurement(bytes);
  const auto evidence = ParseEvidence(bytes, "evidence");
  if (!evidence) {
    SEALVM_FUZZ_CHECK(evidence.error().kind == ErrorKind::kInvalidInput);
    return 0;
  }
  SEALVM_FUZZ_CHECK(EvidenceText("evidence", *evidence).size() > 100);
  SEALVM_FUZZ_CHECK(EvidenceJson("evidence", *evidence).size() > 100);
  Expectations expected;
  expected.measurement.emplace();
  const auto checked = CheckEvidence(*evidence, expected, {}, nullptr, "evidence");
  if (checked) SEALVM_FUZZ_CHECK(!checked->checks.empty());
  return 0;
}
