// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/td_attributes.h"

#include <fmt/format.h>

#include <span>
#include <string_view>

namespace sealvm::attestation {
namespace {

struct NamedBits {
  uint64_t bits;
  std::string_view name;
};

constexpr NamedBits kAttributes[] = {
    {kTdAttributeDebug, "DEBUG"},
    {1ull << 4, "HGS_PLUS_PROF"},
    {1ull << 5, "PERF_PROF"},
    {1ull << 6, "PMT_PROF"},
    {1ull << 16, "ICSSD"},
    {1ull << 27, "LASS"},
    {kTdAttributeSeptVeDisable, "SEPT_VE_DISABLE"},
    {1ull << 29, "MIGRATABLE"},
    {1ull << 30, "PKS"},
    {1ull << 31, "KL"},
    {1ull << 62, "TPA"},
    {1ull << 63, "PERFMON"},
};

constexpr NamedBits kFeatures[] = {
    {1 << 0, "x87"},    {1 << 1, "SSE"},  {1 << 2, "AVX"},    {3 << 3, "MPX"},  {7 << 5, "AVX-512"},
    {1 << 8, "PT"},     {1 << 9, "PKRU"}, {1 << 10, "PASID"}, {3 << 11, "CET"}, {1 << 13, "HDC"},
    {1 << 14, "UINTR"}, {1 << 15, "LBR"}, {1 << 16, "HWP"},   {3 << 17, "AMX"}, {1 << 19, "APX"},
};

std::string Describe(uint64_t value, std::span<const NamedBits> names) {
  std::string text;
  for (const auto& [bits, name] : names) {
    if ((value & bits) == 0) continue;
    text.append(text.empty() ? "" : ", ").append(name);
    if ((value & bits) != bits) text += " in part";
    value &= ~bits;
  }
  if (value != 0) text += fmt::format("{}unknown bits {:#x}", text.empty() ? "" : ", ", value);
  return text.empty() ? "none" : text;
}

}  // namespace

std::string DescribeTdAttributes(uint64_t attributes) { return Describe(attributes, kAttributes); }

std::string DescribeXfam(uint64_t xfam) { return Describe(xfam, kFeatures); }

}  // namespace sealvm::attestation
