// SPDX-License-Identifier: Apache-2.0
// Requests as a driver should not make them, and the ways of cutting them into buffers.
#include "devices/virtio/block/block_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>

#include <string>
#include <vector>

#include "devices/virtio/block/testing/block_client.h"
#include "devices/virtio/block/testing/block_disk.h"
#include "devices/virtio/block/testing/scripted_engine.h"
#include "devices/virtio/block/testing/temp_image.h"

namespace sealvm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kImageBytes = kMiB;
constexpr uint64_t kSectors = kImageBytes / kSectorBytes;

class BlockRequestTest : public testing::Test {
 protected:
  BlockDisk& Start(BlockOptions options = {}, uint64_t features = ~uint64_t{0}) {
    options.path = image_.path();
    options.name = "disk";
    return disk_.emplace(
        BlockDisk::Setup{.block = options, .engine = script_.Factory(), .features = features});
  }

  std::string Header(uint32_t type, uint64_t sector) {
    const BlkHeader header = {.type = type, .reserved = 0, .sector = sector};
    return {reinterpret_cast<const char*>(&header), sizeof(header)};
  }

  uint8_t Segment(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags) {
    const BlkSegment segment = {sector, sectors, flags};
    return disk_->client().Segments(type, {&segment, 1});
  }

  // The device stops, and says why.
  void ExpectFailure(std::span<const GuestBuffer> readable, std::span<const GuestBuffer> writable,
                     const std::string& why) {
    EXPECT_FALSE(disk_->driver().Transact(0, readable, writable));
    const auto failure = disk_->driver().transport().failure();
    ASSERT_TRUE(failure);
    EXPECT_THAT(*failure, HasSubstr(why));
  }

  TempImage image_{kImageBytes};
  EngineScript script_;
  std::optional<BlockDisk> disk_;
};

TEST_F(BlockRequestTest, HeaderDataAndStatusMayBeCutAnywhere) {
  BlockDisk& disk = Start();
  TestGuest& guest = disk.guest();
  const std::string all = Header(kBlkOut, 1) + std::string(512, 'p');
  const GuestBuffer out[] = {guest.Place(all.substr(0, 3)), guest.Place(all.substr(3, 14)),
                             guest.Place(all.substr(17))};
  const GuestBuffer status = guest.Room(1);

  EXPECT_EQ(disk.driver().Transact(0, out, {&status, 1}), 1U);

  EXPECT_EQ(guest.Read(status)[0], kBlkStatusOk);
  EXPECT_EQ(image_.Read(512, 512), std::string(512, 'p'));
}

TEST_F(BlockRequestTest, TheStatusIsTheLastByteOfABufferWithData) {
  image_.Write(0, std::string(512, 'r'));
  BlockDisk& disk = Start();
  const GuestBuffer header = disk.guest().Place(Header(kBlkIn, 0));
  const GuestBuffer in = disk.guest().Room(513);

  EXPECT_EQ(disk.driver().Transact(0, {&header, 1}, {&in, 1}), 513U);

  EXPECT_EQ(disk.guest().ReadText(in), std::string(512, 'r') + '\0');
}

TEST_F(BlockRequestTest, AnUnknownRequestIsUnsupported) {
  BlockDisk& disk = Start();

  for (const uint32_t type : {2U, 3U, 5U, 10U, 12U, 14U, 15U, 26U, 0x8000'0000U, ~0U}) {
    EXPECT_EQ(disk.client().Do(type, 0).status, kBlkStatusUnsupported) << type;
  }
  EXPECT_EQ(disk.client().Flush(), kBlkStatusOk);
}

TEST_F(BlockRequestTest, RangesBehindTheEndAreIoErrors) {
  BlockDisk& disk = Start();

  EXPECT_EQ(disk.client().Read(kSectors - 1, 512).size(), 512U);
  EXPECT_EQ(disk.client().Write(kSectors - 1, std::string(1024, 'a')), kBlkStatusIoError);
  EXPECT_EQ(disk.client().Write(kSectors, std::string(512, 'a')), kBlkStatusIoError);
  EXPECT_EQ(image_.Read(0, 2 * kImageBytes).size(), kImageBytes);
}

TEST_F(BlockRequestTest, RangesThatWrapAreIoErrors) {
  BlockDisk& disk = Start();

  for (const uint64_t sector : {~uint64_t{0}, uint64_t{1} << 55, (uint64_t{1} << 55) - 1,
                                uint64_t{1} << 63, ~uint64_t{0} - 7}) {
    EXPECT_EQ(disk.client().Write(sector, std::string(4096, 'a')), kBlkStatusIoError) << sector;
  }
  EXPECT_THAT(script_.started(), IsEmpty());
}

TEST_F(BlockRequestTest, DataThatIsNoMultipleOfASectorIsAnIoError) {
  BlockDisk& disk = Start();

  for (const size_t length : {1, 511, 513, 1000}) {
    EXPECT_EQ(disk.client().Write(0, std::string(length, 'a')), kBlkStatusIoError) << length;
    EXPECT_EQ(disk.client().Read(0, static_cast<uint32_t>(length)), "") << length;
  }
}

TEST_F(BlockRequestTest, NoDataIsNoWork) {
  BlockDisk& disk = Start();

  EXPECT_EQ(disk.client().Do(kBlkIn, 0).status, kBlkStatusOk);
  EXPECT_EQ(disk.client().Do(kBlkOut, 0).status, kBlkStatusOk);
  EXPECT_THAT(script_.started(), IsEmpty());
}

TEST_F(BlockRequestTest, AReadOnlyDiskRefusesWhatChangesIt) {
  image_.Write(0, std::string(512, 'o'));
  BlockDisk& disk = Start({.readonly = true});

  EXPECT_EQ(disk.client().Write(0, std::string(512, 'w')), kBlkStatusIoError);
  EXPECT_EQ(Segment(kBlkDiscard, 0, 1, 0), kBlkStatusUnsupported);
  EXPECT_EQ(Segment(kBlkWriteZeroes, 0, 1, 0), kBlkStatusUnsupported);
  EXPECT_EQ(disk.client().Read(0, 512), std::string(512, 'o'));
}

TEST_F(BlockRequestTest, WhatWasNotNegotiatedIsUnsupported) {
  Start({}, ~(kBlkFeatureDiscard | kBlkFeatureWriteZeroes));

  EXPECT_EQ(Segment(kBlkDiscard, 0, 1, 0), kBlkStatusUnsupported);
  EXPECT_EQ(Segment(kBlkWriteZeroes, 0, 1, 0), kBlkStatusUnsupported);
}

TEST_F(BlockRequestTest, UnknownFlagsOfSegmentsAreUnsupported) {
  Start();

  EXPECT_EQ(Segment(kBlkDiscard, 0, 1, kBlkSegmentUnmap), kBlkStatusUnsupported);
  EXPECT_EQ(Segment(kBlkDiscard, 0, 1, 2), kBlkStatusUnsupported);
  EXPECT_EQ(Segment(kBlkWriteZeroes, 0, 1, 2), kBlkStatusUnsupported);
  EXPECT_THAT(script_.started(), IsEmpty());
}

TEST_F(BlockRequestTest, SegmentsOutsideTheDiskAreIoErrors) {
  Start();

  for (const uint32_t type : {kBlkDiscard, kBlkWriteZeroes}) {
    EXPECT_EQ(Segment(type, kSectors, 1, 0), kBlkStatusIoError);
    EXPECT_EQ(Segment(type, kSectors - 1, 2, 0), kBlkStatusIoError);
    EXPECT_EQ(Segment(type, ~uint64_t{0}, 2, 0), kBlkStatusIoError);
    EXPECT_EQ(Segment(type, 0, ~0U, 0), kBlkStatusIoError);
  }
  EXPECT_THAT(script_.started(), IsEmpty());
}

TEST_F(BlockRequestTest, ABadSegmentStopsTheGoodOnesBeforeIt) {
  BlockDisk& disk = Start();
  const BlkSegment segments[] = {{0, 8, 0}, {kSectors, 8, 0}};

  EXPECT_EQ(disk.client().Segments(kBlkDiscard, segments), kBlkStatusIoError);

  EXPECT_THAT(script_.started(), IsEmpty());
}

TEST_F(BlockRequestTest, EmptySegmentsAreNoWork) {
  Start();

  EXPECT_EQ(Segment(kBlkDiscard, kSectors, 0, 0), kBlkStatusOk);
  EXPECT_THAT(script_.started(), IsEmpty());
}

TEST_F(BlockRequestTest, TooManyOrHalfSegmentsAreIoErrors) {
  BlockDisk& disk = Start();
  const std::vector<BlkSegment> many(kMaxBlkSegments + 1, BlkSegment{0, 1, 0});
  EXPECT_EQ(disk.client().Segments(kBlkDiscard, many), kBlkStatusIoError);

  EXPECT_EQ(disk.client().Do(kBlkDiscard, 0).status, kBlkStatusIoError);
  const GuestBuffer half = disk.guest().Room(8);
  EXPECT_EQ(disk.client().Do(kBlkDiscard, 0, {&half, 1}).status, kBlkStatusIoError);
}

TEST_F(BlockRequestTest, ASerialNumberFillsAShortBufferAndNoMore) {
  BlockDisk& disk = Start({.serial = "12345678901234567890"});
  const GuestBuffer buffer = disk.guest().Room(5);

  const BlockClient::Answer answer = disk.client().Do(kBlkGetId, 0, {}, {&buffer, 1});

  EXPECT_EQ(answer.written, 6U);
  EXPECT_EQ(disk.guest().ReadText(buffer), "12345");
}

TEST_F(BlockRequestTest, ARequestWithoutStatusByteStopsTheDevice) {
  BlockDisk& disk = Start();
  const GuestBuffer header = disk.guest().Place(Header(kBlkFlush, 0));

  ExpectFailure({&header, 1}, {}, "has no status byte");
}

TEST_F(BlockRequestTest, AShortHeaderStopsTheDevice) {
  BlockDisk& disk = Start();
  const GuestBuffer header = disk.guest().Room(15);
  const GuestBuffer status = disk.guest().Room(1);

  ExpectFailure({&header, 1}, {&status, 1}, "has no complete header");
}

TEST_F(BlockRequestTest, DataOutsideTheGuestsMemoryStopsTheDeviceAndIsCounted) {
  BlockDisk& disk = Start();
  const GuestBuffer out[] = {disk.guest().Place(Header(kBlkOut, 0)), {1ULL << 40, 512}};
  const GuestBuffer status = disk.guest().Room(1);

  ExpectFailure(out, {&status, 1}, "queue 0");

  EXPECT_EQ(disk.device().counters().refused_ranges, 1U);
  EXPECT_THAT(script_.started(), IsEmpty());
}

TEST_F(BlockRequestTest, AStatusOutsideTheGuestsMemoryStopsTheDevice) {
  BlockDisk& disk = Start();
  const GuestBuffer header = disk.guest().Place(Header(kBlkFlush, 0));
  const GuestBuffer status = {1ULL << 40, 1};

  ExpectFailure({&header, 1}, {&status, 1}, "queue 0");
}

TEST_F(BlockRequestTest, AStoppedDeviceWorksAgainAfterAReset) {
  BlockDisk& disk = Start();
  const GuestBuffer header = disk.guest().Room(15);
  disk.driver().Transact(0, {&header, 1}, {});

  disk.driver().Reset();
  ASSERT_TRUE(disk.driver().Start());
  const GuestBuffer good = disk.guest().Place(Header(kBlkFlush, 0));
  const GuestBuffer status = disk.guest().Room(1);
  disk.driver().Submit(0, {&good, 1}, {&status, 1});

  EXPECT_TRUE(disk.driver().transport().WaitUntil(
      [&] { return disk.driver().queue(0).TakeUsed().has_value(); }));
}

TEST_F(BlockRequestTest, WhatTheDeviceSaysOfItself) {
  BlockDisk& disk = Start({.queues = 2, .queue_size = 128});
  BlkConfig config = {};
  disk.device().ReadConfig(0, {reinterpret_cast<uint8_t*>(&config), sizeof(config)});

  EXPECT_EQ(config.capacity, kSectors);
  EXPECT_EQ(config.seg_max, 126U);
  EXPECT_EQ(config.block_size, 512U);
  EXPECT_EQ(config.queues, 2U);
  EXPECT_EQ(config.max_discard_segments, kMaxBlkSegments);
  EXPECT_TRUE(disk.device().Features() & kBlkFeatureMultiQueue);
  EXPECT_FALSE(disk.device().Features() & kBlkFeatureReadOnly);
}

TEST_F(BlockRequestTest, ConfigurationBehindItsEndIsZero) {
  BlockDisk& disk = Start();
  for (const uint64_t offset : {uint64_t{60}, uint64_t{64}, ~uint64_t{0} - 2}) {
    uint8_t bytes[8];
    memset(bytes, 0xff, sizeof(bytes));
    disk.device().ReadConfig(offset, bytes);
    EXPECT_EQ(bytes[7], 0) << offset;
  }
}

TEST_F(BlockRequestTest, OptionsThatCannotBeAreTheUsersErrors) {
  const auto error_of = [&](BlockOptions options) {
    options.path = image_.path();
    options.name = "--disk disk0";
    const auto device = BlockDevice::Create(options);
    return device ? "" : device.error().ToString();
  };

  EXPECT_THAT(error_of({.serial = std::string(21, 's')}), HasSubstr("longer than 20 bytes"));
  EXPECT_THAT(error_of({.queues = 0}), HasSubstr("needs a queue"));
  EXPECT_THAT(error_of({.queue_size = 3}), HasSubstr("a queue of 3 entries"));
  EXPECT_EQ(error_of({}), "");
}

}  // namespace
}  // namespace sealvm
