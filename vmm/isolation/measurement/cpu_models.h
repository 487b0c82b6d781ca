// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_CPU_MODELS_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_CPU_MODELS_H_

#include <stdint.h>

#include <span>
#include <string_view>

namespace sealvm {

// A CPU model by the name that QEMU (target/i386/cpu.c) and virtee's tools have for it.
struct CpuModel {
  std::string_view name;
  uint32_t signature;  // CPUID(1).EAX: family, model and stepping
};

// The EPYC models and their versions.
std::span<const CpuModel> CpuModels();

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_CPU_MODELS_H_
