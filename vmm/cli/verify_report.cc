// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/verify_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "vmm/cli/evidence_file.h"
#include "vmm/cli/json_writer.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/hex.h"

namespace sealvm {
namespace {

using namespace attestation;

constexpr uint64_t kMaxCertificateFile = uint64_t{256} * 1024;

// Reads options into expectations; the first error stays.
class ExpectationReader {
 public:
  explicit ExpectationReader(const VerifyRequest& request) : request_(request) {}

  template <size_t kSize>
  void Bytes(std::string VerifyRequest::*text, std::optional<std::array<uint8_t, kSize>>& out,
             bool pad) {
    if ((request_.*text).empty() || error_) return;
    const auto bytes = ParseHex(request_.*text, kSize, Flag(text), pad);
    if (!bytes) return Fail(bytes.error());
    std::ranges::copy(*bytes, out.emplace().begin());
  }

  template <typename T>
  void Number(std::string VerifyRequest::*text, std::optional<T>& out) {
    if ((request_.*text).empty() || error_) return;
    const auto number = ParseNumber(request_.*text, Flag(text));
    if (!number) return Fail(number.error());
    if (*number > std::numeric_limits<T>::max()) {
      return Fail(InvalidInput(fmt::format("{}: {} is too large", Flag(text), *number)).error());
    }
    out = static_cast<T>(*number);
  }

  Result<> result() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }

 private:
  static std::string Flag(std::string VerifyRequest::*text) {
    return fmt::format("--{}", std::ranges::find(VerifyOptions(), text, &VerifyOption::text)->name);
  }
  void Fail(const Error& error) { error_ = error; }

  const VerifyRequest& request_;
  std::optional<Error> error_;
};

// Guests and hosts put less than a whole field of report data and host data in: the rest is zero.
Result<Expectations> ReadExpectations(const VerifyRequest& request,
                                      std::span<const uint8_t> digest) {
  Expectations expected;
  ExpectationReader reader(request);
  reader.Bytes(&VerifyRequest::report_data, expected.report_data, true);
  reader.Bytes(&VerifyRequest::host_data, expected.host_data, true);
  reader.Number(&VerifyRequest::report_policy, expected.policy);
  reader.Bytes(&VerifyRequest::id_key_digest, expected.id_key_digest, false);
  reader.Bytes(&VerifyRequest::author_key_digest, expected.author_key_digest, false);
  reader.Number(&VerifyRequest::vmpl, expected.vmpl);
  reader.Number(&VerifyRequest::minimum_tcb, expected.minimum_tcb);
  reader.Number(&VerifyRequest::td_attributes, expected.td_attributes);
  reader.Number(&VerifyRequest::xfam, expected.xfam);
  reader.Bytes(&VerifyRequest::mrconfigid, expected.mr_config_id, true);
  reader.Bytes(&VerifyRequest::mrowner, expected.mr_owner, true);
  reader.Bytes(&VerifyRequest::mrownerconfig, expected.mr_owner_config, true);
  SEALVM_TRY(reader.result());
  if (digest.empty()) return expected;
  if (digest.size() != Sha384Digest().size()) {
    return InvalidInput(
        fmt::format("--verify: a digest of {} bytes is of SEV or SEV-ES", digest.size()),
        "those have no report; compare the launch measurement with the TIK instead");
  }
  std::ranges::copy(digest, expected.measurement.emplace().begin());
  return expected;
}

Result<std::vector<Certificate>> ReadCertificates(const std::string& path) {
  if (path.empty()) return std::vector<Certificate>();
  const std::vector<uint8_t> bytes = SEALVM_TRY(ReadWholeFile(path, "--cert", kMaxCertificateFile));
  return ParseCertificates(bytes, fmt::format("--cert {}", path));
}

Result<std::optional<EventLog>> ReadEventLog(const std::string& path) {
  if (path.empty()) return std::optional<EventLog>();
  const std::vector<uint8_t> bytes =
      SEALVM_TRY(ReadWholeFile(path, "--event-log", kMaxEventLogSize));
  return SEALVM_TRY(ParseEventLog(bytes, fmt::format("--event-log {}", path)));
}

// Both technologies have digests of 48 bytes: who believes in the one must not be satisfied by the
// other.
Result<> CheckTechnology(const Evidence& evidence, IsolationMode mode, const std::string& name) {
  const bool of_td =
      std::holds_alternative<TdReport>(evidence) || std::holds_alternative<TdQuote>(evidence);
  const bool of_snp = std::holds_alternative<SnpReport>(evidence);
  if ((of_td && mode == IsolationMode::kSnp) || (of_snp && mode == IsolationMode::kTdx)) {
    return InvalidInput(fmt::format("{}: is of {}, and --isolation is {}", name,
                                    of_td ? "a TD" : "an SNP guest", IsolationModeName(mode)));
  }
  return {};
}

}  // namespace

Result<CheckedEvidence> VerifyReport(const VerifyRequest& request,
                                     std::span<const uint8_t> digest) {
  const std::string name = fmt::format("--verify {}", request.path);
  const Expectations expected = SEALVM_TRY(ReadExpectations(request, digest));
  const std::vector<uint8_t> bytes =
      SEALVM_TRY(ReadWholeFile(request.path, "--verify", kMaxEvidenceSize));
  const Evidence evidence = SEALVM_TRY(ParseEvidence(bytes, name));
  SEALVM_TRY(CheckTechnology(evidence, request.isolation, name));
  const std::vector<Certificate> certificates = SEALVM_TRY(ReadCertificates(request.cert));
  const std::optional<EventLog> log = SEALVM_TRY(ReadEventLog(request.event_log));
  return CheckEvidence(evidence, expected, certificates, log ? &*log : nullptr, name);
}

std::string VerifyText(const CheckedEvidence& checked) {
  std::string out;
  for (const FieldCheck& check : checked.checks) {
    out += check.holds ? fmt::format("ok       {}: {}\n", check.field, check.found)
                       : fmt::format("DIFFERS  {}: expected {}, found {}\n", check.field,
                                     check.expected, check.found);
  }
  for (const std::string& warning : checked.warnings) out += fmt::format("note     {}\n", warning);
  return out;
}

std::string VerifyJson(const CheckedEvidence& checked, std::span<const uint8_t> digest) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  if (!digest.empty()) json.Key("digest").String(HexText(digest));
  json.Key("holds").Bool(checked.holds());
  json.Key("checks").BeginArray();
  for (const FieldCheck& check : checked.checks) {
    json.BeginObject();
    json.Key("field").String(check.field);
    json.Key("expected").String(check.expected);
    json.Key("found").String(check.found);
    json.Key("holds").Bool(check.holds);
    json.EndObject();
  }
  json.EndArray();
  json.Key("notes").BeginArray();
  for (const std::string& warning : checked.warnings) json.String(warning);
  json.EndArray();
  json.EndObject();
  return json.text() + "\n";
}

}  // namespace sealvm
