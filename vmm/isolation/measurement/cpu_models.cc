// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/cpu_models.h"

namespace sealvm {
namespace {

// AMD CPUID specification (25481), Fn0000_0001_EAX; families above 0xf.
constexpr uint32_t Signature(uint32_t family, uint32_t model, uint32_t stepping) {
  return (family - 0xf) << 20 | (model >> 4) << 16 | 0xf << 8 | (model & 0xf) << 4 | stepping;
}

constexpr uint32_t kNaples = Signature(23, 1, 2);
constexpr uint32_t kRome = Signature(23, 49, 0);
constexpr uint32_t kMilan = Signature(25, 1, 1);
constexpr uint32_t kGenoa = Signature(25, 17, 0);
constexpr uint32_t kTurin = Signature(26, 0, 0);

constexpr CpuModel kModels[] = {
    {"EPYC", kNaples},         {"EPYC-v1", kNaples},      {"EPYC-v2", kNaples},
    {"EPYC-IBPB", kNaples},    {"EPYC-v3", kNaples},      {"EPYC-v4", kNaples},
    {"EPYC-v5", kNaples},      {"EPYC-Rome", kRome},      {"EPYC-Rome-v1", kRome},
    {"EPYC-Rome-v2", kRome},   {"EPYC-Rome-v3", kRome},   {"EPYC-Rome-v4", kRome},
    {"EPYC-Rome-v5", kRome},   {"EPYC-Milan", kMilan},    {"EPYC-Milan-v1", kMilan},
    {"EPYC-Milan-v2", kMilan}, {"EPYC-Milan-v3", kMilan}, {"EPYC-Genoa", kGenoa},
    {"EPYC-Genoa-v1", kGenoa}, {"EPYC-Genoa-v2", kGenoa}, {"EPYC-Turin", kTurin},
    {"EPYC-Turin-v1", kTurin},
};

}  // namespace

std::span<const CpuModel> CpuModels() { return kModels; }

}  // namespace sealvm
