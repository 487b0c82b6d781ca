// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/kernel_report.h"

#include <stdio.h>

#include "vmm/cli/json_writer.h"

namespace sealvm {
namespace {

constexpr size_t kLabelWidth = 20;

void AppendFact(std::string& out, std::string_view label, std::string_view value) {
  std::string padded(label);
  if (padded.size() < kLabelWidth) padded.resize(kLabelWidth, ' ');
  out.append(padded).append(value).append("\n");
}

std::string Hex(uint64_t value) {
  char text[24];
  snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string Bytes(uint64_t value) { return std::to_string(value) + " bytes"; }

// "64-bit entry, relocatable": the names of what is set.
std::string Features(const BzImageFacts& facts) {
  const std::pair<bool, std::string_view> features[] = {
      {facts.entry_64, "64-bit entry"},
      {facts.loads_above_4g, "loads above 4 GiB"},
      {facts.relocatable, "relocatable"},
      {facts.five_level_paging, "5-level paging"},
      {facts.efi_handover_32, "32-bit EFI handover"},
      {facts.efi_handover_64, "64-bit EFI handover"},
      {facts.efi_kexec, "EFI kexec"},
  };
  std::string joined;
  for (const auto& [present, name] : features) {
    if (!present) continue;
    if (!joined.empty()) joined += ", ";
    joined += name;
  }
  return joined.empty() ? "none" : joined;
}

void AppendElf(std::string& out, const ElfKernelFacts& elf, const std::string& prefix) {
  AppendFact(out, prefix + "entry", Hex(elf.entry));
  AppendFact(out, prefix + "PVH entry", elf.pvh_entry ? Hex(*elf.pvh_entry) : "none");
  for (const KernelSegmentFacts& segment : elf.segments) {
    AppendFact(out, prefix + "segment",
               Hex(segment.gpa) + ", " + Bytes(segment.file_size) + " in the file, " +
                   Bytes(segment.memory_size) + " in memory");
  }
}

void AppendBzImage(std::string& out, const BzImageFacts& facts) {
  AppendFact(out, "boot protocol",
             std::to_string(facts.protocol_major) + "." + std::to_string(facts.protocol_minor));
  AppendFact(out, "features", Features(facts));
  AppendFact(out, "preferred address", Hex(facts.preferred_address));
  AppendFact(out, "alignment", Hex(facts.alignment));
  AppendFact(out, "memory at start", Bytes(facts.init_size));
  AppendFact(out, "command line", "at most " + Bytes(facts.cmdline_size));
  AppendFact(out, "initrd below", Hex(facts.initrd_addr_max));
  AppendFact(out, "payload",
             facts.payload_compression + ", " + Bytes(facts.payload_size) +
                 (facts.payload_supported ? "" : " (cannot be unpacked here)"));
  if (!facts.vmlinux) return AppendFact(out, "vmlinux", "unknown: " + facts.vmlinux_error);
  AppendFact(out, "vmlinux", Bytes(facts.vmlinux_size));
  AppendElf(out, *facts.vmlinux, "vmlinux ");
}

void WriteElf(JsonWriter& json, const ElfKernelFacts& elf) {
  json.BeginObject();
  json.Key("entry").Unsigned(elf.entry);
  json.Key("pvh_entry");
  if (elf.pvh_entry) {
    json.Unsigned(*elf.pvh_entry);
  } else {
    json.Null();
  }
  json.Key("is_linux").Bool(elf.is_linux);
  json.Key("segments").BeginArray();
  for (const KernelSegmentFacts& segment : elf.segments) {
    json.BeginObject();
    json.Key("gpa").Unsigned(segment.gpa);
    json.Key("file_size").Unsigned(segment.file_size);
    json.Key("memory_size").Unsigned(segment.memory_size);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void WritePayload(JsonWriter& json, const BzImageFacts& facts) {
  json.Key("payload").BeginObject();
  json.Key("compression").String(facts.payload_compression);
  json.Key("size").Unsigned(facts.payload_size);
  json.Key("supported").Bool(facts.payload_supported);
  json.EndObject();
  json.Key("vmlinux");
  if (facts.vmlinux) {
    WriteElf(json, *facts.vmlinux);
    json.Key("vmlinux_size").Unsigned(facts.vmlinux_size);
  } else {
    json.Null();
    json.Key("vmlinux_error").String(facts.vmlinux_error);
  }
}

void WriteBzImage(JsonWriter& json, const BzImageFacts& facts) {
  json.Key("bzimage").BeginObject();
  json.Key("protocol_major").Unsigned(facts.protocol_major);
  json.Key("protocol_minor").Unsigned(facts.protocol_minor);
  json.Key("entry_64").Bool(facts.entry_64);
  json.Key("loads_above_4g").Bool(facts.loads_above_4g);
  json.Key("relocatable").Bool(facts.relocatable);
  json.Key("five_level_paging").Bool(facts.five_level_paging);
  json.Key("efi_handover_32").Bool(facts.efi_handover_32);
  json.Key("efi_handover_64").Bool(facts.efi_handover_64);
  json.Key("efi_kexec").Bool(facts.efi_kexec);
  json.Key("alignment").Unsigned(facts.alignment);
  json.Key("preferred_address").Unsigned(facts.preferred_address);
  json.Key("init_size").Unsigned(facts.init_size);
  json.Key("cmdline_size").Unsigned(facts.cmdline_size);
  json.Key("initrd_addr_max").Unsigned(facts.initrd_addr_max);
  WritePayload(json, facts);
  json.EndObject();
}

}  // namespace

std::string KernelText(const KernelFacts& facts) {
  std::string out;
  AppendFact(out, "file", facts.path);
  AppendFact(out, "format", facts.format + ", " + Bytes(facts.file_size));
  AppendFact(out, "version", facts.kernel_version.empty() ? "unknown" : facts.kernel_version);
  AppendFact(out, "entry used by run", facts.default_entry.empty() ? "none" : facts.default_entry);
  AppendFact(out, "least memory", Bytes(facts.minimum_memory));
  if (facts.bzimage) AppendBzImage(out, *facts.bzimage);
  if (facts.elf) AppendElf(out, *facts.elf, "");
  return out;
}

std::string KernelJson(const KernelFacts& facts) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Key("path").String(facts.path);
  json.Key("format").String(facts.format);
  json.Key("file_size").Unsigned(facts.file_size);
  json.Key("kernel_version").String(facts.kernel_version);
  json.Key("default_entry").String(facts.default_entry);
  json.Key("minimum_memory").Unsigned(facts.minimum_memory);
  if (facts.bzimage) WriteBzImage(json, *facts.bzimage);
  if (facts.elf) {
    json.Key("elf");
    WriteElf(json, *facts.elf);
  }
  json.EndObject();
  return json.text() + "\n";
}

}  // namespace sealvm
