// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/kernel_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ElfKernelFacts Elf() {
  ElfKernelFacts elf;
  elf.entry = 0x1000000;
  elf.pvh_entry = 0x1001234;
  elf.segments = {{0x1000000, 100, 200}};
  return elf;
}

KernelFacts BzImage() {
  KernelFacts facts;
  facts.path = "vmlinuz";
  facts.format = "bzImage";
  facts.kernel_version = "6.12.95";
  facts.bzimage.emplace();
  facts.bzimage->protocol_major = 2;
  facts.bzimage->protocol_minor = 15;
  facts.bzimage->entry_64 = true;
  facts.bzimage->payload_compression = "zstd";
  facts.bzimage->vmlinux = Elf();
  return facts;
}

TEST(KernelTextTest, DescribesABzImage) {
  const std::string text = KernelText(BzImage());
  for (const char* part :
       {"boot protocol       2.15", "64-bit entry", "zstd", "vmlinux PVH entry   0x1001234"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("EFI kexec")));
}

TEST(KernelTextTest, SaysWhyThePayloadIsUnknown) {
  KernelFacts facts = BzImage();
  facts.bzimage->vmlinux.reset();
  facts.bzimage->vmlinux_error = "cut short";
  EXPECT_THAT(KernelText(facts), HasSubstr("unknown: cut short"));
  EXPECT_THAT(KernelJson(facts), HasSubstr("\"vmlinux_error\": \"cut short\""));
}

TEST(KernelTextTest, DescribesAnElfKernel) {
  KernelFacts facts;
  facts.format = "ELF";
  facts.elf = Elf();
  facts.elf->pvh_entry.reset();
  EXPECT_THAT(KernelText(facts), HasSubstr("PVH entry           none"));
  EXPECT_THAT(KernelText(facts), HasSubstr("100 bytes in the file, 200 bytes in memory"));
  EXPECT_THAT(KernelJson(facts), HasSubstr("\"pvh_entry\": null"));
}

TEST(KernelJsonTest, HostileNamesStayInsideTheirString) {
  KernelFacts facts = BzImage();
  facts.kernel_version = "6\",\"x\":\"\n\xff";
  EXPECT_THAT(KernelJson(facts),
              HasSubstr("\"kernel_version\": \"6\\\",\\\"x\\\":\\\"\\n\xef\xbf\xbd\""));
}

}  // namespace
}  // namespace sealvm
