// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/evidence_facts.h"

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <utility>

#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/certificate.h"
#include "vmm/isolation/attestation/rtmr_replay.h"
#include "vmm/isolation/attestation/snp_policy.h"
#include "vmm/isolation/attestation/td_attributes.h"

namespace sealvm {
namespace {

using namespace attestation;

class Facts {
 public:
  void Add(std::string_view key, std::string_view label, std::string value,
           std::string words = {}) {
    out_.push_back({std::string(key), std::string(label), std::move(value), std::move(words)});
  }
  void Bytes(std::string_view key, std::string_view label, std::span<const uint8_t> bytes) {
    Add(key, label, HexText(bytes));
  }
  void Word(std::string_view key, std::string_view label, uint64_t word, std::string words = {}) {
    Add(key, label, fmt::format("{:#x}", word), std::move(words));
  }
  void Number(std::string_view key, std::string_view label, uint64_t number) {
    Add(key, label, std::to_string(number));
  }

  std::vector<EvidenceFact> Take() { return std::move(out_); }

 private:
  std::vector<EvidenceFact> out_;
};

std::string VersionText(const SnpFirmwareVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.build);
}

std::string YesNo(bool value) { return value ? "yes" : "no"; }

void AddTd(Facts& facts, const TdMeasurements& td) {
  facts.Bytes("mrtd", "MRTD", td.mrtd);
  for (size_t i = 0; i < kRtmrCount; ++i) {
    facts.Bytes(fmt::format("rtmr{}", i), fmt::format("RTMR{}", i), td.rtmr[i]);
  }
  facts.Bytes("report_data", "report data", td.report_data);
  facts.Word("attributes", "attributes", td.attributes, DescribeTdAttributes(td.attributes));
  facts.Word("xfam", "XFAM", td.xfam, DescribeXfam(td.xfam));
  facts.Bytes("mr_config_id", "MRCONFIGID", td.mr_config_id);
  facts.Bytes("mr_owner", "MROWNER", td.mr_owner);
  facts.Bytes("mr_owner_config", "MROWNERCONFIG", td.mr_owner_config);
  facts.Bytes("tee_tcb_svn", "TEE TCB SVN", td.tee_tcb_svn);
  facts.Bytes("mr_seam", "MRSEAM", td.mr_seam);
  facts.Bytes("mr_signer_seam", "MRSIGNERSEAM", td.mr_signer_seam);
  facts.Word("seam_attributes", "SEAM attributes", td.seam_attributes);
  if (td.tee_tcb_svn_2) facts.Bytes("tee_tcb_svn_2", "TEE TCB SVN 2", *td.tee_tcb_svn_2);
  if (td.mr_service_td) facts.Bytes("mr_service_td", "MRSERVICETD", *td.mr_service_td);
}

void AddSnpTcbs(Facts& facts, const SnpReport& report) {
  const std::pair<std::string_view, uint64_t> tcbs[] = {
      {"reported", report.reported_tcb},
      {"current", report.current_tcb},
      {"committed", report.committed_tcb},
      {"launch", report.launch_tcb},
  };
  for (const auto& [which, raw] : tcbs) {
    facts.Word(fmt::format("{}_tcb", which), fmt::format("{} TCB", which), raw,
               DescribeSnpTcb(report.Tcb(raw)));
  }
  facts.Add("current_version", "firmware", VersionText(report.current));
  facts.Add("committed_version", "committed firmware", VersionText(report.committed));
  if (report.launch_mit_vector) {
    facts.Word("launch_mit_vector", "launch mitigations", *report.launch_mit_vector);
  }
  if (report.current_mit_vector) {
    facts.Word("current_mit_vector", "current mitigations", *report.current_mit_vector);
  }
}

void AddSigner(Facts& facts, const TdQuoteSignature& signature) {
  const QeReportFacts qe = ReadQeReport(signature.qe_report);
  facts.Bytes("qe_mr_enclave", "QE MRENCLAVE", qe.mr_enclave);
  facts.Bytes("qe_mr_signer", "QE MRSIGNER", qe.mr_signer);
  facts.Add("qe_product", "QE product", fmt::format("{}", qe.product_id));
  facts.Add("qe_svn", "QE SVN", fmt::format("{}", qe.svn));
  const auto chain = ParseCertificates(signature.certificates, "quote");
  if (!chain) return facts.Add("certificates", "certificates", "none that can be read");
  for (size_t i = 0; i < chain->size(); ++i) {
    facts.Add(fmt::format("certificate{}", i), fmt::format("certificate {}", i),
              (*chain)[i].CommonName());
  }
}

}  // namespace

std::vector<EvidenceFact> FactsOf(const SnpReport& report) {
  Facts facts;
  facts.Number("version", "version", report.version);
  facts.Bytes("measurement", "measurement", report.measurement);
  facts.Word("policy", "policy", report.policy, DescribeSnpPolicy(report.policy));
  facts.Bytes("report_data", "report data", report.report_data);
  facts.Bytes("host_data", "host data", report.host_data);
  facts.Number("vmpl", "VMPL", report.vmpl);
  facts.Number("guest_svn", "guest SVN", report.guest_svn);
  facts.Bytes("family_id", "family ID", report.family_id);
  facts.Bytes("image_id", "image ID", report.image_id);
  facts.Bytes("id_key_digest", "ID key digest", report.id_key_digest);
  facts.Add("author_key_enabled", "author key", YesNo(report.author_key_enabled));
  facts.Bytes("author_key_digest", "author key digest", report.author_key_digest);
  facts.Word("platform_info", "platform", report.platform_info,
             DescribeSnpPlatformInfo(report.platform_info));
  AddSnpTcbs(facts, report);
  facts.Bytes("report_id", "report ID", report.report_id);
  facts.Bytes("report_id_ma", "migration agent", report.report_id_ma);
  if (report.cpuid) {
    facts.Add("cpuid", "CPU",
              fmt::format("family {:#x}, model {:#x}, stepping {}", report.cpuid->family,
                          report.cpuid->model, report.cpuid->stepping));
  }
  facts.Bytes("chip_id", "chip ID", report.chip_id);
  facts.Add("chip_key_masked", "chip key masked", YesNo(report.chip_key_masked));
  facts.Add("signing_key", "signing key", SnpSigningKeyName(report.signing_key));
  facts.Number("signature_algorithm", "signature algorithm", report.signature_algorithm);
  return facts.Take();
}

std::vector<EvidenceFact> FactsOf(const TdReport& report) {
  Facts facts;
  facts.Add("version", "version", fmt::format("{}.{}", report.subtype, report.version));
  AddTd(facts, report.measurements);
  facts.Bytes("cpu_svn", "CPU SVN", report.cpu_svn);
  facts.Add("td_info_hash_holds", "TDINFO hash holds", YesNo(report.td_info_hash_holds));
  facts.Add("tcb_info_hash_holds", "TCB info hash holds", YesNo(report.tcb_info_hash_holds));
  return facts.Take();
}

std::vector<EvidenceFact> FactsOf(const TdQuote& quote) {
  Facts facts;
  facts.Number("version", "version", quote.version);
  facts.Add("body", "body", std::string(quote.body_kind));
  AddTd(facts, quote.measurements);
  facts.Bytes("qe_vendor_id", "QE vendor", quote.qe_vendor_id);
  facts.Bytes("user_data", "user data", quote.user_data);
  facts.Number("trailing_bytes", "bytes behind it", quote.trailing);
  AddSigner(facts, quote.signature);
  return facts.Take();
}

std::vector<EvidenceFact> FactsOf(const EventLog& log) {
  Facts facts;
  std::string algorithms;
  for (const uint16_t algorithm : log.algorithms) {
    algorithms += fmt::format("{}{:#x}", algorithms.empty() ? "" : ", ", algorithm);
  }
  facts.Add("algorithms", "digest algorithms", algorithms);
  facts.Number("event_count", "events", log.events.size());
  const RegisterIndexing indexing = GuessIndexing(log);
  facts.Add("indexing", "registers",
            indexing == RegisterIndexing::kCc ? "measurement registers of a TD" : "PCRs of a TPM");
  const auto rtmrs = ReplayRtmrs(log, indexing, "event log");
  if (!rtmrs) {
    facts.Add("replay_error", "replay", rtmrs.error().message);
    return facts.Take();
  }
  for (size_t i = 0; i < kRtmrCount; ++i) {
    facts.Bytes(fmt::format("rtmr{}", i), fmt::format("RTMR{} after it", i), (*rtmrs)[i]);
  }
  return facts.Take();
}

}  // namespace sealvm
