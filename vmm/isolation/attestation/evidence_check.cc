// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/evidence_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/rtmr_replay.h"
#include "vmm/isolation/attestation/snp_policy.h"
#include "vmm/isolation/attestation/snp_report_check.h"
#include "vmm/isolation/attestation/td_attributes.h"
#include "vmm/isolation/attestation/td_quote_check.h"

namespace sealvm::attestation {
namespace {

class Checks {
 public:
  void Add(std::string field, std::string expected, std::string found, bool holds) {
    out_.checks.push_back({std::move(field), std::move(expected), std::move(found), holds});
  }

  // A field of bytes that is compared when something is expected of it.
  template <typename T>
  void AddBytes(std::string_view field, const std::optional<T>& expected, const T& found) {
    if (!expected) return;
    Add(std::string(field), HexText(*expected), HexText(found), *expected == found);
  }

  template <typename T>
  void AddWord(std::string_view field, const std::optional<T>& expected, T found,
               std::string (*describe)(uint64_t)) {
    if (!expected) return;
    const auto text = [describe](uint64_t value) {
      return describe == nullptr ? fmt::format("{}", value)
                                 : fmt::format("{:#x} ({})", value, describe(value));
    };
    Add(std::string(field), text(*expected), text(found), *expected == found);
  }

  // A signature that was looked at.
  void AddVerdict(const Result<SignatureVerdict>& verdict, std::string_view chain_advice) {
    if (!verdict) {
      Add("signature", "one that holds", verdict.error().message, false);
      return;
    }
    Add("signature", "one that holds", fmt::format("by {}", verdict->signer), true);
    if (verdict->chain_checked) {
      Warn(fmt::format("the signature is as trustworthy as this root: {}", verdict->root));
    } else {
      Warn(fmt::format("the signer's own certificate was not checked: {}", chain_advice));
    }
  }

  void Warn(std::string warning) { out_.warnings.push_back(std::move(warning)); }

  CheckedEvidence Take() { return std::move(out_); }

 private:
  CheckedEvidence out_;
};

bool TcbAtLeast(const SnpTcb& found, const SnpTcb& minimum) {
  return found.fmc.value_or(0) >= minimum.fmc.value_or(0) &&
         found.boot_loader >= minimum.boot_loader && found.tee >= minimum.tee &&
         found.snp >= minimum.snp && found.microcode >= minimum.microcode;
}

std::unexpected<Error> OtherTechnology(std::string_view name, std::string_view kind,
                                       std::string_view fields) {
  return InvalidInput(fmt::format("{}: is {}, which has no {}", name, kind, fields));
}

Result<> RefuseTdxFields(const Expectations& expected, std::string_view name) {
  if (!expected.td_attributes && !expected.xfam && !expected.mr_config_id && !expected.mr_owner &&
      !expected.mr_owner_config) {
    return {};
  }
  return OtherTechnology(name, "an SNP report", "TD attributes, XFAM, MRCONFIGID or MROWNER");
}

Result<> RefuseSnpFields(const Expectations& expected, std::string_view name) {
  if (!expected.policy && !expected.host_data && !expected.id_key_digest &&
      !expected.author_key_digest && !expected.vmpl && !expected.minimum_tcb) {
    return {};
  }
  return OtherTechnology(name, "of a TD", "SNP policy, host data, key digest, VMPL or SNP TCB");
}

Result<CheckedEvidence> CheckSnp(const SnpReport& report, const Expectations& expected,
                                 std::span<const Certificate> certificates, const EventLog* log,
                                 std::string_view name) {
  SEALVM_TRY(RefuseTdxFields(expected, name));
  if (log != nullptr)
    return OtherTechnology(name, "an SNP report", "RTMRs to replay a log against");
  Checks checks;
  checks.AddBytes("measurement", expected.measurement, report.measurement);
  checks.AddWord("policy", expected.policy, report.policy, DescribeSnpPolicy);
  if (!expected.policy) {
    checks.Add("policy", "no debugging", DescribeSnpPolicy(report.policy),
               (report.policy & snp_policy::kDebug) == 0);
  }
  checks.AddBytes("report data", expected.report_data, report.report_data);
  checks.AddBytes("host data", expected.host_data, report.host_data);
  checks.AddBytes("ID key digest", expected.id_key_digest, report.id_key_digest);
  checks.AddBytes("author key digest", expected.author_key_digest, report.author_key_digest);
  checks.AddWord("VMPL", expected.vmpl, report.vmpl, nullptr);
  if (expected.minimum_tcb) {
    const SnpTcb minimum = report.Tcb(*expected.minimum_tcb);
    const SnpTcb found = report.Tcb(report.reported_tcb);
    checks.Add("reported TCB", fmt::format("at least {}", DescribeSnpTcb(minimum)),
               DescribeSnpTcb(found), TcbAtLeast(found, minimum));
  }
  if (certificates.empty()) {
    checks.Warn("the signature was not checked: give the VCEK or VLEK certificate with --cert");
  } else {
    checks.AddVerdict(CheckSnpReportSignature(report, certificates, name),
                      "add AMD's ASK and ARK to the file of --cert");
  }
  return checks.Take();
}

Result<> CheckTd(const TdMeasurements& td, const Expectations& expected, const EventLog* log,
                 std::string_view name, Checks& checks) {
  SEALVM_TRY(RefuseSnpFields(expected, name));
  checks.AddBytes("MRTD", expected.measurement, td.mrtd);
  checks.AddWord("attributes", expected.td_attributes, td.attributes, DescribeTdAttributes);
  if (!expected.td_attributes) {
    checks.Add("attributes", "no DEBUG", DescribeTdAttributes(td.attributes),
               (td.attributes & kTdAttributeDebug) == 0);
  }
  checks.AddWord("XFAM", expected.xfam, td.xfam, DescribeXfam);
  checks.AddBytes("report data", expected.report_data, td.report_data);
  checks.AddBytes("MRCONFIGID", expected.mr_config_id, td.mr_config_id);
  checks.AddBytes("MROWNER", expected.mr_owner, td.mr_owner);
  checks.AddBytes("MROWNERCONFIG", expected.mr_owner_config, td.mr_owner_config);
  if (log == nullptr) return {};
  const Rtmrs replayed = SEALVM_TRY(ReplayRtmrs(*log, GuessIndexing(*log), "event log"));
  for (size_t i = 0; i < kRtmrCount; ++i) {
    checks.Add(fmt::format("RTMR{}", i), HexText(replayed[i]) + " by the event log",
               HexText(td.rtmr[i]), replayed[i] == td.rtmr[i]);
  }
  return {};
}

Result<CheckedEvidence> CheckTdReport(const TdReport& report, const Expectations& expected,
                                      std::span<const Certificate> certificates,
                                      const EventLog* log, std::string_view name) {
  if (!certificates.empty()) {
    return OtherTechnology(name, "a TDREPORT", "signature: ask for a quote");
  }
  Checks checks;
  SEALVM_TRY(CheckTd(report.measurements, expected, log, name, checks));
  checks.Add("TEE_INFO_HASH", "that of the report's TDINFO",
             report.td_info_hash_holds ? "that" : "another", report.td_info_hash_holds);
  checks.Add("TEE_TCB_INFO_HASH", "that of the report's TEE_TCB_INFO",
             report.tcb_info_hash_holds ? "that" : "another", report.tcb_info_hash_holds);
  checks.Warn("a TDREPORT is not signed: anybody could have written it; ask for a quote");
  return checks.Take();
}

Result<CheckedEvidence> CheckQuote(const TdQuote& quote, const Expectations& expected,
                                   std::span<const Certificate> certificates, const EventLog* log,
                                   std::string_view name) {
  Checks checks;
  SEALVM_TRY(CheckTd(quote.measurements, expected, log, name, checks));
  checks.AddVerdict(CheckTdQuoteSignature(quote, certificates, name),
                    "give Intel's SGX root CA certificate with --cert");
  checks.Warn("not checked: Intel's TCB level, revocations and the quoting enclave's identity");
  return checks.Take();
}

}  // namespace

bool CheckedEvidence::holds() const {
  return std::ranges::all_of(checks, [](const FieldCheck& check) { return check.holds; });
}

Result<CheckedEvidence> CheckEvidence(const Evidence& evidence, const Expectations& expected,
                                      std::span<const Certificate> certificates,
                                      const EventLog* log, std::string_view name) {
  if (const auto* report = std::get_if<SnpReport>(&evidence)) {
    return CheckSnp(*report, expected, certificates, log, name);
  }
  if (const auto* report = std::get_if<TdReport>(&evidence)) {
    return CheckTdReport(*report, expected, certificates, log, name);
  }
  if (const auto* quote = std::get_if<TdQuote>(&evidence)) {
    return CheckQuote(*quote, expected, certificates, log, name);
  }
  return InvalidInput(fmt::format("{}: is an event log, not a report or quote", name),
                      "give the log with --event-log");
}

}  // namespace sealvm::attestation
