// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/firmware_report.h"

#include <fmt/format.h>

#include "vmm/cli/json_writer.h"

namespace sealvm {
namespace {

void AppendFact(std::string& out, std::string_view label, std::string_view value) {
  out += fmt::format("{:<20}{}\n", label, value);
}

std::string AreaText(const std::optional<SevArea>& area) {
  if (!area || area->empty()) return "none";
  return fmt::format("{:#x}, {:#x} bytes", area->gpa, area->size);
}

std::string AttributesText(const TdxSection& section) {
  return fmt::format("{}{}", section.added() ? "added" : "on demand",
                     section.measured() ? ", measured" : "");
}

void AppendSev(std::string& out, const FirmwareFacts& facts) {
  if (!facts.sev) return AppendFact(out, "SEV metadata", facts.sev_error);
  AppendFact(out, "AP reset address",
             facts.sev->ap_reset_eip ? fmt::format("{:#x}", *facts.sev->ap_reset_eip) : "none");
  AppendFact(out, "secret area", AreaText(facts.sev->secret_area));
  AppendFact(out, "kernel hash area", AreaText(facts.sev->hash_area));
  if (!facts.sev->sections) return AppendFact(out, "SEV sections", "none");
  for (const SevSection& section : *facts.sev->sections) {
    AppendFact(out, "SEV section",
               fmt::format("{:#x}, {:#x} bytes, {}", section.gpa, section.size,
                           SevSectionTypeName(section.type)));
  }
}

void AppendTdx(std::string& out, const FirmwareFacts& facts) {
  if (!facts.tdx) {
    return AppendFact(out, "TDX sections", facts.tdx_error.empty() ? "none" : facts.tdx_error);
  }
  for (const TdxSection& section : facts.tdx->sections) {
    AppendFact(out, "TDX section",
               fmt::format("{:#x}, {:#x} bytes, {}, in the file {:#x}, {:#x} bytes, {}",
                           section.gpa, section.memory_size, TdxSectionTypeName(section.type),
                           section.file_offset, section.file_size, AttributesText(section)));
  }
}

void WriteArea(JsonWriter& json, std::string_view key, const std::optional<SevArea>& area) {
  json.Key(key);
  if (!area || area->empty()) {
    json.Null();
    return;
  }
  json.BeginObject().Key("gpa").Unsigned(area->gpa).Key("size").Unsigned(area->size).EndObject();
}

void WriteSev(JsonWriter& json, const FirmwareFacts& facts) {
  json.Key("sev");
  if (!facts.sev) {
    json.Null().Key("sev_error").String(facts.sev_error);
    return;
  }
  json.BeginObject().Key("ap_reset_eip");
  if (facts.sev->ap_reset_eip) {
    json.Unsigned(*facts.sev->ap_reset_eip);
  } else {
    json.Null();
  }
  WriteArea(json, "secret_area", facts.sev->secret_area);
  WriteArea(json, "kernel_hash_area", facts.sev->hash_area);
  json.Key("sections").BeginArray();
  for (const SevSection& section : facts.sev->sections.value_or(std::vector<SevSection>())) {
    json.BeginObject().Key("gpa").Unsigned(section.gpa).Key("size").Unsigned(section.size);
    json.Key("type").String(SevSectionTypeName(section.type)).EndObject();
  }
  json.EndArray().EndObject();
}

void WriteTdx(JsonWriter& json, const FirmwareFacts& facts) {
  json.Key("tdx");
  if (!facts.tdx) {
    json.Null();
    if (!facts.tdx_error.empty()) json.Key("tdx_error").String(facts.tdx_error);
    return;
  }
  json.BeginObject().Key("sections").BeginArray();
  for (const TdxSection& section : facts.tdx->sections) {
    json.BeginObject().Key("gpa").Unsigned(section.gpa);
    json.Key("memory_size").Unsigned(section.memory_size);
    json.Key("file_offset").Unsigned(section.file_offset);
    json.Key("file_size").Unsigned(section.file_size);
    json.Key("type").String(TdxSectionTypeName(section.type));
    json.Key("added").Bool(section.added()).Key("measured").Bool(section.measured()).EndObject();
  }
  json.EndArray().EndObject();
}

void WriteTable(JsonWriter& json, const FirmwareFacts& facts) {
  json.Key("table");
  if (!facts.has_table) {
    json.Null();
    return;
  }
  json.BeginArray();
  for (const FirmwareFacts::TableEntry& entry : facts.table) {
    json.BeginObject().Key("guid").String(entry.guid).Key("name").String(entry.name);
    json.Key("size").Unsigned(entry.size).EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string FirmwareText(const FirmwareFacts& facts) {
  std::string out;
  AppendFact(out, "file", facts.path);
  AppendFact(out, "format", fmt::format("firmware, {} bytes at {:#x}", facts.size, facts.base));
  if (!facts.has_table) AppendFact(out, "OVMF table", "none");
  for (const FirmwareFacts::TableEntry& entry : facts.table) {
    AppendFact(out, "table entry",
               fmt::format("{} {}, {} bytes", entry.guid, entry.name, entry.size));
  }
  AppendSev(out, facts);
  AppendTdx(out, facts);
  for (const FirmwareFacts::Mode& mode : facts.modes) {
    AppendFact(out, "mode " + mode.name, mode.supported ? "yes" : "no: " + mode.reason);
  }
  AppendFact(out, "enforces hashes",
             fmt::format("{}: {}", HashEnforcementName(facts.enforcement.enforcement),
                         facts.enforcement.reason));
  for (const FirmwareFacts::Digest& digest : facts.digests) {
    AppendFact(out, "digest", fmt::format("{} {}", digest.value, digest.name));
  }
  return out;
}

std::string FirmwareJson(const FirmwareFacts& facts) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Key("path").String(facts.path);
  json.Key("format").String("firmware");
  json.Key("file_size").Unsigned(facts.size);
  json.Key("base").Unsigned(facts.base);
  WriteTable(json, facts);
  WriteSev(json, facts);
  WriteTdx(json, facts);
  json.Key("modes").BeginObject();
  for (const FirmwareFacts::Mode& mode : facts.modes) {
    json.Key(mode.name).BeginObject().Key("supported").Bool(mode.supported);
    json.Key("reason").String(mode.reason).EndObject();
  }
  json.EndObject();
  json.Key("enforces_hashes").BeginObject();
  json.Key("answer").String(HashEnforcementName(facts.enforcement.enforcement));
  json.Key("reason").String(facts.enforcement.reason).EndObject();
  json.Key("digests").BeginObject();
  for (const FirmwareFacts::Digest& digest : facts.digests) {
    json.Key(digest.name).String(digest.value);
  }
  json.EndObject();
  json.EndObject();
  return json.text() + "\n";
}

}  // namespace sealvm
