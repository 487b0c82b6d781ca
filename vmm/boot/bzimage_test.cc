// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/bzimage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

Result<BzImage> Parse(const std::vector<uint8_t>& bytes) {
  return ParseBzImage(ImageFile::FromBytes("kernel", bytes));
}

Result<BzImage> Parse(const BzImageBuilder& builder) { return Parse(builder.Build()); }

TEST(BzImage, TakesTheHeadersFields) {
  const auto image = Parse(BzImageBuilder{.payload = {1, 2, 3, 4}});

  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_EQ(image->protocol, 0x020f);
  EXPECT_TRUE(image->has_entry_64());
  EXPECT_TRUE(image->may_load_above_4g());
  EXPECT_TRUE(image->relocatable);
  EXPECT_EQ(image->preferred_address, 0x1000000u);
  EXPECT_EQ(image->init_size, 0x100000u);
  EXPECT_EQ(image->cmdline_size, 2047u);
  EXPECT_EQ(image->initrd_addr_max, 0x7fffffffu);
  EXPECT_EQ(image->kernel_offset, 1024u);
  EXPECT_EQ(image->kernel_size, 0x1004u);
  EXPECT_EQ(image->payload_offset, 1024u + 0x1000);
  EXPECT_EQ(image->payload_size, 4u);
  EXPECT_EQ(image->kernel_version, "6.12.0-test (someone@somewhere) #1");
}

TEST(BzImage, CopiesTheHeaderUpToItsDeclaredEnd) {
  const auto image = Parse(BzImageBuilder{.header_end = 0x66});

  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->setup_header.size(), 0x268u - 0x1f1);
}

TEST(BzImage, CopiesNoMoreHeaderThanBootParamsHolds) {
  const auto image = Parse(BzImageBuilder{.header_end = 0xff});

  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->setup_header.size(), 0x290u - 0x1f1);
}

TEST(BzImage, ZeroSetupSectorsMeanFour) {
  const auto image = Parse(BzImageBuilder{.setup_sects = 0});

  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_EQ(image->kernel_offset, 5u * 512);
}

TEST(BzImage, OldestProtocolIsAccepted) {
  EXPECT_TRUE(Parse(BzImageBuilder{.protocol = 0x020c, .header_end = 0x66}).has_value());
}

TEST(BzImage, OlderProtocolIsNamed) {
  ExpectInvalidInput(Parse(BzImageBuilder{.protocol = 0x020b}),
                     "kernel: bzImage has boot protocol 2.11, but 2.12 or newer is needed");
}

TEST(BzImage, ZImageIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.loadflags = 0}), "is a zImage");
}

TEST(BzImage, HeaderThatEndsTooEarlyIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.header_end = 0x65}), "setup header ends at 0x267");
}

TEST(BzImage, AlignmentThatIsNoPowerOfTwoIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.alignment = 0x300000}), "kernel_alignment 0x300000");
}

TEST(BzImage, HugeAlignmentIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.alignment = 0x80000000}), "kernel_alignment");
}

TEST(BzImage, MissingAlignmentBecomesAPage) {
  const auto image = Parse(BzImageBuilder{.alignment = 0, .preferred_address = 0x1000800});

  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->preferred_address, 0x1001000u);
}

TEST(BzImage, PreferredAddressOutOfRangeIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.preferred_address = UINT64_MAX}), "pref_address");
}

TEST(BzImage, PreferredAddressInTheFirstMiBIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.preferred_address = 0x7000}), "pref_address 0x7000");
}

TEST(BzImage, ClaimedKernelBeyondTheFileIsTruncation) {
  ExpectInvalidInput(Parse(BzImageBuilder{.extra_syssize = 1000}),
                     "truncated: 4096 of 20096 bytes of kernel");
}

TEST(BzImage, HugeClaimedKernelIsTruncation) {
  ExpectInvalidInput(Parse(BzImageBuilder{.extra_syssize = 0xffffff00 - 0x100}), "truncated");
}

TEST(BzImage, KernelWithoutRoomForTheEntryIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.code_size = 0x200}), "only 512 bytes of kernel");
}

TEST(BzImage, PayloadBeyondTheKernelIsRefused) {
  ExpectInvalidInput(Parse(BzImageBuilder{.payload_length = 1, .payload = {}}),
                     "payload ends at byte 4097 of a kernel of 4096 bytes");
}

TEST(BzImage, PayloadOffsetAndLengthThatWouldWrapAreRefused) {
  ExpectInvalidInput(
      Parse(BzImageBuilder{.payload_offset = 0xfffffff0, .payload_length = 0xfffffff0}),
      "payload ends at byte 8589934560");
}

TEST(BzImage, VersionStringWithControlCharactersIsCut) {
  const auto image = Parse(BzImageBuilder{.version = "6.1\x1b[31mred"});

  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->kernel_version, "6.1");
}

// A file cut anywhere gives an error and nothing worse.
TEST(BzImage, EveryTruncationIsRefused) {
  const std::vector<uint8_t> whole = BzImageBuilder{}.Build();
  for (size_t size = 0; size < whole.size() - 16; ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(Parse(cut).has_value()) << size;
  }
}

TEST(BzImage, IsRecognisedByFlagAndMagic) {
  std::vector<uint8_t> image = BzImageBuilder{}.Build();
  EXPECT_TRUE(LooksLikeBzImage(image));
  image[0x1fe] = 0;
  EXPECT_FALSE(LooksLikeBzImage(image));
}

TEST(BzImage, ShortFileIsNotRecognised) {
  std::vector<uint8_t> image = BzImageBuilder{}.Build();
  image.resize(0x205);
  EXPECT_FALSE(LooksLikeBzImage(image));
}

}  // namespace
}  // namespace sealvm
