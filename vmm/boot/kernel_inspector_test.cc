// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_inspector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/boot/testing/elf_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

// A vmlinux whose segment has `text` at `offset`.
std::vector<uint8_t> VmlinuxWithText(size_t offset, std::string_view text) {
  std::vector<uint8_t> code(3 << 20);
  std::ranges::copy(text, code.begin() + static_cast<ptrdiff_t>(offset));
  return ElfBuilder().Segment(0x1000000, code, code.size()).LinuxNote().Entry(0x1000000).Build();
}

TEST(KernelInspector, ReportsABzImage) {
  const TemporaryFile file(BzImageBuilder{.payload = MakeTinyVmlinux()}.Build());

  const auto facts = InspectKernel(file.path());

  ASSERT_TRUE(facts.has_value()) << facts.error().ToString();
  EXPECT_EQ(facts->format, "bzImage");
  EXPECT_EQ(facts->kernel_version, "6.12.0-test (someone@somewhere) #1");
  EXPECT_EQ(facts->default_entry, "linux64");
  EXPECT_EQ(facts->minimum_memory, 0x1100000u);
  ASSERT_TRUE(facts->bzimage.has_value());
  EXPECT_FALSE(facts->elf.has_value());
  EXPECT_EQ(facts->bzimage->protocol_major, 2);
  EXPECT_EQ(facts->bzimage->protocol_minor, 15);
  EXPECT_TRUE(facts->bzimage->entry_64);
  EXPECT_FALSE(facts->bzimage->efi_handover_64);
  EXPECT_EQ(facts->bzimage->payload_compression, "uncompressed");
}

TEST(KernelInspector, LooksIntoThePayload) {
  const TemporaryFile file(BzImageBuilder{.payload = MakeTinyVmlinux()}.Build());

  const auto facts = InspectKernel(file.path());

  ASSERT_TRUE(facts.has_value());
  ASSERT_TRUE(facts->bzimage->vmlinux.has_value()) << facts->bzimage->vmlinux_error;
  EXPECT_EQ(facts->bzimage->vmlinux->pvh_entry, kTinyVmlinuxPvhEntry);
  EXPECT_EQ(facts->bzimage->vmlinux_size, MakeTinyVmlinux().size());
}

TEST(KernelInspector, SaysWhyThePayloadCannotBeRead) {
  const TemporaryFile file(BzImageBuilder{.payload = {'B', 'Z', 'h', '9'}}.Build());

  const auto facts = InspectKernel(file.path());

  ASSERT_TRUE(facts.has_value());
  EXPECT_FALSE(facts->bzimage->payload_supported);
  EXPECT_EQ(facts->bzimage->payload_compression, "bzip2");
  EXPECT_NE(facts->bzimage->vmlinux_error.find("packed with bzip2"), std::string::npos);
}

TEST(KernelInspector, ThirtyTwoBitBzImageHasNoEntryForUs) {
  const TemporaryFile file(BzImageBuilder{.xloadflags = 0}.Build());

  const auto facts = InspectKernel(file.path());

  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->default_entry, "");
}

TEST(KernelInspector, ReportsAnElfKernel) {
  const TemporaryFile file(MakeTinyVmlinux());

  const auto facts = InspectKernel(file.path());

  ASSERT_TRUE(facts.has_value()) << facts.error().ToString();
  EXPECT_EQ(facts->format, "ELF");
  EXPECT_EQ(facts->default_entry, "linux64");
  ASSERT_TRUE(facts->elf.has_value());
  EXPECT_TRUE(facts->elf->is_linux);
  ASSERT_EQ(facts->elf->segments.size(), 1u);
  EXPECT_EQ(facts->elf->segments[0].gpa, kTinyVmlinuxBase);
}

TEST(KernelInspector, FindsTheBannerOfAnElfKernel) {
  const TemporaryFile file(VmlinuxWithText(100, "Linux version 6.1.0 (x@y) #1\n"));
  EXPECT_EQ(InspectKernel(file.path())->kernel_version, "6.1.0 (x@y) #1");
}

TEST(KernelInspector, FindsABannerAcrossTwoReads) {
  const TemporaryFile file(VmlinuxWithText((1 << 20) - 5, "Linux version 6.1.0 (x@y) #1\n"));
  EXPECT_EQ(InspectKernel(file.path())->kernel_version, "6.1.0 (x@y) #1");
}

TEST(KernelInspector, FindsABannerAtTheEndOfTheOverlap) {
  const TemporaryFile file(VmlinuxWithText((1 << 20) + 230, "Linux version 6.1.0 (x@y) #1\n"));
  EXPECT_EQ(InspectKernel(file.path())->kernel_version, "6.1.0 (x@y) #1");
}

TEST(KernelInspector, FormatStringIsNoBanner) {
  const TemporaryFile file(VmlinuxWithText(100, "Linux version %s\n"));
  EXPECT_EQ(InspectKernel(file.path())->kernel_version, "");
}

TEST(KernelInspector, OtherFilesAreRefused) {
  const TemporaryFile file({'#', '!', '/', 'b'});
  ExpectInvalidInput(InspectKernel(file.path()), file.path() + ": is a script");
}

}  // namespace
}  // namespace sealvm
