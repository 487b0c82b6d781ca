// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/measurement_report.h"

#include <fmt/format.h>

#include "vmm/cli/json_writer.h"

namespace sealvm {
namespace {

bool MeasuresVcpus(const MeasureRequest& request) {
  return request.isolation == IsolationMode::kSnp || request.isolation == IsolationMode::kSevEs;
}

void WriteKernel(JsonWriter& json, const Measurement& measurement) {
  if (measurement.kernel_hashes) {
    json.Key("kernel_hashes").BeginObject();
    json.Key("kernel").String(HexText(measurement.kernel_hashes->kernel));
    json.Key("initrd").String(HexText(measurement.kernel_hashes->initrd));
    json.Key("cmdline").String(HexText(measurement.kernel_hashes->cmdline));
    json.EndObject();
  }
  if (measurement.enforcement) {
    json.Key("hashes_enforced").String(HashEnforcementName(measurement.enforcement->enforcement));
  }
}

void WriteSteps(JsonWriter& json, const Measurement& measurement) {
  json.Key("steps").BeginArray();
  for (const MeasurementLine& line : measurement.lines) {
    json.BeginObject();
    json.Key("operation").String(line.operation);
    json.Key("gpa").Unsigned(line.gpa);
    json.Key("size").Unsigned(line.size);
    json.Key("what").String(line.what);
    if (!line.content.empty()) json.Key("content").String(line.content);
    json.Key("digest").String(line.digest);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string MeasurementText(const Measurement& measurement) {
  std::string text;
  for (const MeasurementLine& line : measurement.lines) {
    text +=
        fmt::format("{} gpa={:#x} size={:#x} content={} digest={} {}\n", line.operation, line.gpa,
                    line.size, line.content.empty() ? "-" : line.content, line.digest, line.what);
  }
  return text + HexText(measurement.digest) + "\n";
}

std::string MeasurementJson(const MeasureRequest& request, const Measurement& measurement) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Key("digest").String(HexText(measurement.digest));
  json.Key("algorithm").String(measurement.algorithm);
  json.Key("isolation").String(IsolationModeName(request.isolation));
  json.Key("firmware").String(request.firmware);
  if (MeasuresVcpus(request)) {
    json.Key("vmm_type").String(VmmTypeName(request.vmm_type));
    json.Key("cpus").Unsigned(request.cpus);
    if (request.vcpu_signature) {
      json.Key("vcpu_signature").String(fmt::format("{:#x}", *request.vcpu_signature));
    }
  }
  if (request.isolation == IsolationMode::kSnp) {
    json.Key("guest_features").String(fmt::format("{:#x}", request.guest_features));
  }
  if (request.isolation == IsolationMode::kTdx) {
    json.Key("mrtd_order").String(MrtdOrderName(request.mrtd_order));
  }
  if (request.policy) json.Key("policy").String(fmt::format("{:#x}", *request.policy));
  WriteKernel(json, measurement);
  json.Key("notes").BeginArray();
  for (const std::string& note : measurement.notes) json.String(note);
  json.EndArray();
  if (request.explain) WriteSteps(json, measurement);
  json.EndObject();
  return json.text() + "\n";
}

}  // namespace sealvm
