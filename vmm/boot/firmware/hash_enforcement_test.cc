// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/hash_enforcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>

#include <algorithm>
#include <vector>

#include "guest-fw/measured_loader_image.h"
#include "memory/base/endian.h"
#include "vmm/boot/firmware/kernel_hash_guids.h"
#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/boot/firmware/volume_scan.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Guid kAllGuids[] = {kCmdlineHashGuid, kInitrdHashGuid, kKernelHashGuid};

std::vector<uint8_t> Compress(std::span<const uint8_t> content) {
  lzma_options_lzma options;
  EXPECT_FALSE(lzma_lzma_preset(&options, 1));
  lzma_stream stream = LZMA_STREAM_INIT;
  EXPECT_EQ(lzma_alone_encoder(&stream, &options), LZMA_OK);
  std::vector<uint8_t> packed(content.size() + 4096);
  stream.next_in = content.data();
  stream.avail_in = content.size();
  stream.next_out = packed.data();
  stream.avail_out = packed.size();
  EXPECT_EQ(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  lzma_end(&stream);
  return packed;
}

// A GUID-defined section with `content` packed. `long_size`: its size is a number of its own.
std::vector<uint8_t> MakeSection(std::span<const uint8_t> content, bool long_size = false) {
  const std::vector<uint8_t> packed = Compress(content);
  const size_t header = long_size ? 8 : 4;
  const size_t size = header + 20 + packed.size();
  std::vector<uint8_t> section(header + 20);
  StoreLeAny(std::span(section).first(3), long_size ? 0xffffff : size);
  section[3] = 2;
  if (long_size) StoreLeAny(std::span(section).subspan(4, 4), size);
  const Guid guid = Guid::Of("ee4e5898-3914-4259-9d6e-dc7bd79403cf");
  std::ranges::copy(guid.bytes, section.begin() + static_cast<ptrdiff_t>(header));
  StoreLeAny(std::span(section).subspan(header + 16, 2), header + 20);
  section[header + 18] = 1;
  section.insert(section.end(), packed.begin(), packed.end());
  return section;
}

// Content of some size with the GUIDs of `guids` in it.
std::vector<uint8_t> Drivers(std::span<const Guid> guids, size_t first_at = 1000) {
  std::vector<uint8_t> content(700'000, 0x5a);
  size_t at = first_at;
  for (const Guid& guid : guids) {
    std::ranges::copy(guid.bytes, content.begin() + static_cast<ptrdiff_t>(at));
    at += 100;
  }
  return content;
}

FirmwareImage ImageWith(std::span<const uint8_t> section) {
  std::vector<uint8_t> bytes = FirmwareBuilder{.size = 32 * kPageSize}.Build();
  EXPECT_LT(section.size(), 16 * kPageSize);
  std::ranges::copy(section, bytes.begin() + 0x90);
  return *FirmwareImage::FromBytes("firmware", bytes);
}

constexpr SevArea kArea = {.gpa = 0x810c00, .size = 0x400};

TEST(HashEnforcement, WithoutAnAreaThereIsNone) {
  const FirmwareImage image = ImageWith(MakeSection(Drivers(kAllGuids)));

  EXPECT_EQ(JudgeHashEnforcement(image, std::nullopt).enforcement, HashEnforcement::kNo);
  EXPECT_EQ(JudgeHashEnforcement(image, SevArea{}).enforcement, HashEnforcement::kNo);
}

TEST(HashEnforcement, FindsTheVerifyingCode) {
  for (bool long_size : {false, true}) {
    const FirmwareImage image = ImageWith(MakeSection(Drivers(kAllGuids), long_size));

    const auto verdict = JudgeHashEnforcement(image, kArea);
    EXPECT_EQ(verdict.enforcement, HashEnforcement::kYes) << verdict.reason;
  }
}

// What is unpacked is looked through in pieces.
TEST(HashEnforcement, FindsCodeAcrossPieces) {
  for (size_t at = 256 * kKiB - 20; at <= 256 * kKiB + 20; ++at) {
    const FirmwareImage image = ImageWith(MakeSection(Drivers(kAllGuids, at)));
    EXPECT_EQ(JudgeHashEnforcement(image, kArea).enforcement, HashEnforcement::kYes) << at;
  }
}

TEST(HashEnforcement, AnAreaAloneIsTheTrap) {
  for (size_t some : {0, 1, 2}) {
    const FirmwareImage image = ImageWith(MakeSection(Drivers(std::span(kAllGuids).first(some))));

    const auto verdict = JudgeHashEnforcement(image, kArea);
    EXPECT_EQ(verdict.enforcement, HashEnforcement::kNo);
    EXPECT_THAT(verdict.reason, HasSubstr("no code that compares"));
  }
}

TEST(HashEnforcement, WhatCannotBeUnpackedIsUnknown) {
  EXPECT_EQ(JudgeHashEnforcement(FirmwareBuilder().Image(), kArea).enforcement,
            HashEnforcement::kUnknown);
  std::vector<uint8_t> section = MakeSection(Drivers({}));
  section.resize(section.size() / 2);
  EXPECT_EQ(JudgeHashEnforcement(ImageWith(section), kArea).enforcement, HashEnforcement::kUnknown);
}

TEST(HashEnforcement, GuestFwIsKnownByItsBytes) {
  const std::span<const uint8_t> built = MeasuredLoaderImage();
  const FirmwareImage image = *FirmwareImage::FromBytes("guest-fw", built);
  const HashEnforcementVerdict verdict = JudgeHashEnforcement(image, kArea);
  EXPECT_EQ(verdict.enforcement, HashEnforcement::kYes);
  EXPECT_THAT(verdict.reason, HasSubstr("guest-fw"));

  std::vector<uint8_t> changed(built.begin(), built.end());
  changed[0x2000] ^= 1;
  const FirmwareImage other = *FirmwareImage::FromBytes("guest-fw", changed);
  EXPECT_THAT(JudgeHashEnforcement(other, kArea).reason, Not(HasSubstr("guest-fw")));
}

TEST(VolumeScan, CountsSections) {
  const std::vector<uint8_t> good = MakeSection(Drivers({}));
  std::vector<uint8_t> image(0x90);
  image.insert(image.end(), good.begin(), good.end());
  std::vector<uint8_t> bad = good;
  bad[24] = 0xff;  // no properties byte of LZMA
  image.insert(image.end(), bad.begin(), bad.end());

  const VolumeScan scan = ScanVolumes(image, kAllGuids);
  EXPECT_EQ(scan.unpacked, 1u);
  EXPECT_EQ(scan.damaged, 1u);
  EXPECT_EQ(scan.found, std::vector<bool>(3));
}

TEST(VolumeScan, SizesAndOffsetsOutOfTheImageAreNoSections) {
  const std::vector<uint8_t> good = MakeSection(Drivers({}));
  for (size_t position : {0, 20}) {
    std::vector<uint8_t> bad = good;
    bad[position] = bad[position + 1] = 0xff;
    if (position == 0) bad[2] = 0x7f;
    const VolumeScan scan = ScanVolumes(bad, kAllGuids);
    EXPECT_EQ(scan.unpacked + scan.damaged, 0u);
  }
  EXPECT_EQ(ScanVolumes({}, kAllGuids).unpacked, 0u);
  // Every cut of the file.
  for (size_t size = 0; size < 64; ++size) {
    EXPECT_EQ(ScanVolumes(std::span(good).first(size), kAllGuids).unpacked, 0u);
  }
}

TEST(VolumeScan, StopsAtItsLimit) {
  const std::vector<uint8_t> zeros(80 * kMiB);
  const VolumeScan scan = ScanVolumes(MakeSection(zeros), kAllGuids);

  EXPECT_EQ(scan.unpacked, 0u);
  EXPECT_EQ(scan.damaged, 1u);
}

}  // namespace
}  // namespace sealvm
