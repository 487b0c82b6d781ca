// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_protocol.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};
constexpr NetHeader kSegmented = {kNetHeaderNeedsCsum, kNetGsoTcp4, 54, 1460, 34, 16, 0};

TEST(NetProtocolTest, HeaderOfSegmentsPasses) {
  EXPECT_EQ(CheckedTransmitHeader(kSegmented, 3000, kAll), kSegmented);
}

TEST(NetProtocolTest, WhatHasNoMeaningIsCleared) {
  const NetHeader header = {0xfe, kNetGsoNone, 1, 2, 3, 4, 5};
  EXPECT_EQ(CheckedTransmitHeader(header, 60, kAll), NetHeader{});
}

TEST(NetProtocolTest, ChecksumMayEndTheFrame) {
  const NetHeader header = {.flags = kNetHeaderNeedsCsum, .csum_start = 50, .csum_offset = 8};
  EXPECT_TRUE(CheckedTransmitHeader(header, 60, kAll));
  EXPECT_FALSE(CheckedTransmitHeader(header, 59, kAll));
}

TEST(NetProtocolTest, ChecksumPositionDoesNotWrap) {
  const NetHeader header = {
      .flags = kNetHeaderNeedsCsum, .csum_start = 0xfff0, .csum_offset = 0xfff0};
  EXPECT_FALSE(CheckedTransmitHeader(header, 3000, kAll));
}

TEST(NetProtocolTest, FeaturesMustBeNegotiated) {
  EXPECT_FALSE(CheckedTransmitHeader(kSegmented, 3000, kAll & ~kNetCsum));
  EXPECT_FALSE(CheckedTransmitHeader(kSegmented, 3000, kAll & ~kNetHostTso4));
  NetHeader header = kSegmented;
  header.gso_type = kNetGsoTcp6;
  EXPECT_FALSE(CheckedTransmitHeader(header, 3000, kAll & ~kNetHostTso6));
  header.gso_type = kNetGsoTcp4 | kNetGsoEcn;
  EXPECT_TRUE(CheckedTransmitHeader(header, 3000, kAll));
  EXPECT_FALSE(CheckedTransmitHeader(header, 3000, kAll & ~kNetHostEcn));
}

TEST(NetProtocolTest, OtherSegmentationIsRefused) {
  for (const uint8_t type : {2, 3, 5, 0x7f, 0x80, 0xff}) {
    NetHeader header = kSegmented;
    header.gso_type = type;
    EXPECT_FALSE(CheckedTransmitHeader(header, 3000, kAll)) << int{type};
  }
}

TEST(NetProtocolTest, SegmentsNeedSizeAndChecksum) {
  NetHeader header = kSegmented;
  header.gso_size = 0;
  EXPECT_FALSE(CheckedTransmitHeader(header, 3000, kAll));
  header = kSegmented;
  header.flags = 0;
  EXPECT_FALSE(CheckedTransmitHeader(header, 3000, kAll));
}

TEST(NetProtocolTest, HeadersEndInsideTheFrame) {
  NetHeader header = kSegmented;
  header.hdr_len = 3001;
  EXPECT_FALSE(CheckedTransmitHeader(header, 3000, kAll));
}

TEST(NetProtocolTest, FramesHaveALength) {
  EXPECT_FALSE(CheckedTransmitHeader({}, kMinFrameBytes - 1, kAll));
  EXPECT_TRUE(CheckedTransmitHeader({}, kMinFrameBytes, kAll));
  EXPECT_TRUE(CheckedTransmitHeader({}, kMaxFrameBytes, kAll));
  EXPECT_FALSE(CheckedTransmitHeader({}, kMaxFrameBytes + 1, kAll));
}

}  // namespace
}  // namespace sealvm
