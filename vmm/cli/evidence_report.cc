// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/evidence_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "vmm/cli/evidence_facts.h"
#include "vmm/cli/json_writer.h"
#include "vmm/crypto/digest.h"

namespace sealvm {
namespace {

using namespace attestation;

constexpr size_t kLabelWidth = 20;
// Of an event's data, on a line for people.
constexpr size_t kMaxShownData = 48;

std::string_view KindName(const Evidence& evidence) {
  constexpr EvidenceKind kKinds[] = {EvidenceKind::kSnpReport, EvidenceKind::kTdReport,
                                     EvidenceKind::kTdQuote, EvidenceKind::kEventLog};
  return EvidenceKindName(kKinds[evidence.index()]);
}

std::vector<EvidenceFact> Facts(const Evidence& evidence) {
  return std::visit([](const auto& kind) { return FactsOf(kind); }, evidence);
}

void AppendLine(std::string& out, std::string_view label, std::string_view value) {
  out += fmt::format("{:<{}}{}\n", label, kLabelWidth, value);
}

// The text in an event's data, when there is some: UTF-16 and control characters are left out.
std::string ShownData(const std::vector<uint8_t>& data) {
  std::string text;
  for (const uint8_t byte : data) {
    if (text.size() == kMaxShownData) return text + "...";
    if (byte >= 0x20 && byte < 0x7f) text.push_back(static_cast<char>(byte));
  }
  return text;
}

void AppendEvent(std::string& out, const LoggedEvent& event) {
  out +=
      fmt::format("  {:<3}{} {}{}\n", event.index, HexText(event.digest), EventTypeName(event.type),
                  event.digest_is_of_data ? " (digest of its data)" : "");
  const std::string data = ShownData(event.data);
  if (!data.empty()) out += fmt::format("     {} bytes: {}\n", event.data.size(), data);
}

void WriteEvents(JsonWriter& json, const EventLog& log) {
  json.Key("events").BeginArray();
  for (const LoggedEvent& event : log.events) {
    json.BeginObject();
    json.Key("index").Unsigned(event.index);
    json.Key("type").String(EventTypeName(event.type));
    json.Key("digest").String(HexText(event.digest));
    json.Key("digest_is_of_data").Bool(event.digest_is_of_data);
    json.Key("data").String(HexText(event.data));
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string EvidenceText(std::string_view path, const Evidence& evidence) {
  std::string out;
  AppendLine(out, "file", path);
  AppendLine(out, "format", KindName(evidence));
  for (const EvidenceFact& fact : Facts(evidence)) {
    AppendLine(out, fact.label,
               fact.words.empty() ? fact.value : fmt::format("{} ({})", fact.value, fact.words));
  }
  if (const auto* log = std::get_if<EventLog>(&evidence)) {
    for (const LoggedEvent& event : log->events) AppendEvent(out, event);
  }
  return out;
}

std::string EvidenceJson(std::string_view path, const Evidence& evidence) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Key("path").String(path);
  json.Key("format").String(KindName(evidence));
  for (const EvidenceFact& fact : Facts(evidence)) {
    json.Key(fact.key).String(fact.value);
    if (!fact.words.empty()) json.Key(fact.key + "_words").String(fact.words);
  }
  if (const auto* log = std::get_if<EventLog>(&evidence)) WriteEvents(json, *log);
  json.EndObject();
  return json.text() + "\n";
}

}  // namespace sealvm
