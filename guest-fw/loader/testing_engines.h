// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_TESTING_ENGINES_H_
#define SEALVM_GUEST_FW_LOADER_TESTING_ENGINES_H_

#include <gtest/gtest.h>

#include "guest-fw/loader/cpu.h"
#include "guest-fw/loader/sha256.h"

namespace sealvm::loader {

// A test for each SHA-256 engine; skipped, with the reason, where the CPU lacks the instructions.
class EngineTest : public testing::TestWithParam<Sha256Engine> {
 protected:
  void SetUp() override {
    if (engine() == Sha256Engine::kShaNi && !CpuHasShaNi()) {
      GTEST_SKIP() << "this CPU has no SHA extensions";
    }
  }
  static Sha256Engine engine() { return GetParam(); }
};

inline constexpr Sha256Engine kAllEngines[] = {Sha256Engine::kScalar, Sha256Engine::kShaNi};

inline std::string EngineName(const testing::TestParamInfo<Sha256Engine>& info) {
  return info.param == Sha256Engine::kScalar ? "Scalar" : "ShaNi";
}

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_TESTING_ENGINES_H_
