// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_EVIDENCE_FACTS_H_
#define SEALVM_VMM_CLI_EVIDENCE_FACTS_H_

#include <string>
#include <vector>

#include "vmm/isolation/attestation/evidence.h"

namespace sealvm {

// One field of a report or quote, ready to be printed.
struct EvidenceFact {
  std::string key;    // in JSON
  std::string label;  // for people
  std::string value;
  std::string words;  // what the value means; may be empty
};

std::vector<EvidenceFact> FactsOf(const attestation::SnpReport& report);
std::vector<EvidenceFact> FactsOf(const attestation::TdReport& report);
std::vector<EvidenceFact> FactsOf(const attestation::TdQuote& quote);
// Algorithms, number of events, and the RTMRs that they add up to.
std::vector<EvidenceFact> FactsOf(const attestation::EventLog& log);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_EVIDENCE_FACTS_H_
