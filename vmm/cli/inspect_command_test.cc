// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/elf_builder.h"
#include "vmm/cli/commands.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm {
namespace {

using attestation::VectorPath;
using ::testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome Inspect(const InspectRequest& request) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = ExecuteInspect(request);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(InspectCommandTest, Evidence) {
  const Outcome text = Inspect({.path = VectorPath("snp_v3.bin"), .json = false});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr("SNP attestation report"));
  const Outcome json = Inspect({.path = VectorPath("ccel.bin"), .json = true});
  EXPECT_EQ(json.code, 0);
  EXPECT_THAT(json.out, HasSubstr("\"format\": \"event log\""));
}

TEST(InspectCommandTest, KernelsAsBefore) {
  const TemporaryFile file(MakeTinyVmlinux());
  const Outcome outcome = Inspect({.path = file.path(), .json = false});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("format              ELF"));
}

TEST(InspectCommandTest, FilesThatAreNeither) {
  const Outcome other = Inspect({.path = VectorPath("id_key.pem"), .json = false});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("id_key.pem"));
  EXPECT_EQ(Inspect({.path = "/nonexistent", .json = false}).code, 2);
}

}  // namespace
}  // namespace sealvm
