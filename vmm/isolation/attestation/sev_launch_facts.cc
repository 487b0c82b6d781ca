// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/sev_launch_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/hex.h"
#include "vmm/isolation/attestation/sev_policy.h"

namespace sealvm::attestation {
namespace {

enum Key : size_t { kApiMajor, kApiMinor, kBuild, kPolicy, kDigest, kMeasurement, kKeys };
constexpr std::array<std::string_view, kKeys> kNames = {"api_major", "api_minor", "build",
                                                        "policy",    "digest",    "measurement"};

// One object whose values are texts without escapes and whole numbers: the texts of the values.
class FactsReader {
 public:
  FactsReader(std::string_view text, std::string_view name) : rest_(text), name_(name) {}

  Result<std::array<std::string_view, kKeys>> Read() {
    SEALVM_TRY(Expect('{'));
    do {
      SEALVM_TRY(ReadMember());
    } while (Take(','));
    SEALVM_TRY(Expect('}'));
    SkipSpace();
    if (!rest_.empty()) return Bad("there is more behind the object");
    for (size_t key = 0; key < kKeys; ++key) {
      if (values_[key].empty()) return Bad(fmt::format("it has no {}", kNames[key]));
    }
    return values_;
  }

 private:
  std::unexpected<Error> Bad(std::string_view why) const {
    return InvalidInput(fmt::format("{}: is no launch measurement: {}", name_, why),
                        "give the file that `sealvm run --sev-measurement` wrote");
  }

  Result<> ReadMember() {
    const std::string_view name = SEALVM_TRY(ReadString());
    const auto found = std::ranges::find(kNames, name);
    if (found == kNames.end()) return Bad("it has another key");
    SEALVM_TRY(Expect(':'));
    SkipSpace();
    std::string_view& value = values_[static_cast<size_t>(found - kNames.begin())];
    if (!value.empty()) return Bad(fmt::format("it has {} twice", name));
    value = rest_.starts_with('"') ? SEALVM_TRY(ReadString()) : ReadDigits();
    if (value.empty()) return Bad(fmt::format("it has no value for {}", name));
    return {};
  }

  Result<std::string_view> ReadString() {
    SEALVM_TRY(Expect('"'));
    const size_t end = rest_.find_first_of("\"\\");
    if (end == rest_.npos || rest_[end] != '"') return Bad("a text in it has no end");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string_view ReadDigits() {
    const std::string_view digits = rest_.substr(0, rest_.find_first_not_of("0123456789"));
    rest_.remove_prefix(digits.size());
    return digits;
  }

  bool Take(char c) {
    SkipSpace();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  Result<> Expect(char c) {
    if (Take(c)) return {};
    return Bad(fmt::format("'{}' is missing", c));
  }
  void SkipSpace() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  std::string_view rest_;
  const std::string_view name_;
  std::array<std::string_view, kKeys> values_;
};

template <typename T>
Result<T> ParseFact(std::string_view text, std::string_view name, Key key) {
  const std::string what = fmt::format("{}: {}", name, kNames[key]);
  const uint64_t number = SEALVM_TRY(ParseNumber(text, what));
  if (number > std::numeric_limits<T>::max()) {
    return InvalidInput(fmt::format("{}: {} is too large", what, number));
  }
  return static_cast<T>(number);
}

}  // namespace

Result<SevLaunchFacts> ParseSevLaunchFacts(std::string_view text, std::string_view name) {
  const auto values = SEALVM_TRY(FactsReader(text, name).Read());
  SevLaunchFacts facts = {
      .input = {.api_major = SEALVM_TRY(ParseFact<uint8_t>(values[kApiMajor], name, kApiMajor)),
                .api_minor = SEALVM_TRY(ParseFact<uint8_t>(values[kApiMinor], name, kApiMinor)),
                .build = SEALVM_TRY(ParseFact<uint8_t>(values[kBuild], name, kBuild)),
                .policy = SEALVM_TRY(ParseFact<uint32_t>(values[kPolicy], name, kPolicy))},
      .measurement = {}};
  const std::vector<uint8_t> digest =
      SEALVM_TRY(ParseHex(values[kDigest], facts.input.launch_digest.size(),
                          fmt::format("{}: {}", name, kNames[kDigest])));
  std::ranges::copy(digest, facts.input.launch_digest.begin());
  const std::vector<uint8_t> measurement =
      SEALVM_TRY(ParseHex(values[kMeasurement], kSevMeasurementSize,
                          fmt::format("{}: {}", name, kNames[kMeasurement])));
  facts.measurement = SEALVM_TRY(ParseSevMeasurement(measurement, name));
  return facts;
}

CheckedEvidence CheckSevLaunchFacts(const SevLaunchFacts& facts, const Sha256Digest& digest,
                                    std::optional<uint32_t> policy, bool is_es, const SevKey& tik) {
  CheckedEvidence out;
  const auto add = [&](std::string field, std::string expected, std::string found, bool holds) {
    out.checks.push_back({std::move(field), std::move(expected), std::move(found), holds});
  };
  const auto describe = [](uint32_t value) {
    return fmt::format("{:#x} ({})", value, DescribeSevPolicy(value));
  };
  add("launch digest", HexText(digest), HexText(facts.input.launch_digest),
      digest == facts.input.launch_digest);
  const uint32_t found = facts.input.policy;
  if (policy) {
    add("policy", describe(*policy), describe(found), found == *policy);
  } else {
    const bool has_es = (found & sev_policy::kEs) != 0;
    add("policy", is_es ? "no debugging, SEV-ES required" : "no debugging, SEV-ES not required",
        describe(found), (found & sev_policy::kNoDebug) != 0 && has_es == is_es);
    out.warnings.push_back(
        "the policy was not compared: give with --policy the one that the session was made for");
  }
  SevMeasureInput input = facts.input;
  input.launch_digest = digest;
  add("launch measurement", "the HMAC of this launch by the owner's TIK",
      HexText(facts.measurement.measure), MeasurementHolds(facts.measurement, input, tik));
  out.warnings.push_back(fmt::format(
      "the firmware is of API {}.{}, build {}: look that version up in AMD's security bulletins",
      input.api_major, input.api_minor, input.build));
  return out;
}

}  // namespace sealvm::attestation
