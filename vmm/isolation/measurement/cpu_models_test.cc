// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/cpu_models.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sealvm {
namespace {

uint32_t SignatureOf(std::string_view name) {
  const auto model = std::ranges::find(CpuModels(), name, &CpuModel::name);
  return model != CpuModels().end() ? model->signature : 0;
}

TEST(CpuModels, HaveTheSignaturesOfTheirFamilies) {
  EXPECT_EQ(SignatureOf("EPYC"), 0x800f12u);
  EXPECT_EQ(SignatureOf("EPYC-IBPB"), 0x800f12u);
  EXPECT_EQ(SignatureOf("EPYC-v4"), 0x800f12u);
  EXPECT_EQ(SignatureOf("EPYC-Rome-v3"), 0x830f10u);
  EXPECT_EQ(SignatureOf("EPYC-Milan"), 0xa00f11u);
  EXPECT_EQ(SignatureOf("EPYC-Genoa-v1"), 0xa10f10u);
  EXPECT_EQ(SignatureOf("EPYC-Turin"), 0xb00f00u);
}

TEST(CpuModels, NamesAreUnique) {
  for (const CpuModel& model : CpuModels()) {
    EXPECT_EQ(std::ranges::count(CpuModels(), model.name, &CpuModel::name), 1) << model.name;
  }
}

}  // namespace
}  // namespace sealvm
