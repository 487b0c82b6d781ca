// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_packet.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

const VsockHeader kPacket = {.src_cid = 0x0807060504030201,
                             .dst_cid = 0x100f0e0d0c0b0a09,
                             .src_port = 0x14131211,
                             .dst_port = 0x18171615,
                             .len = 0x1c1b1a19,
                             .type = 0x1e1d,
                             .op = VsockOp{0x201f},
                             .flags = 0x24232221,
                             .buf_alloc = 0x28272625,
                             .fwd_cnt = 0x2c2b2a29};

TEST(VsockPacketTest, FieldsLieOneAfterTheOtherLittleEndian) {
  const VsockHeaderBytes bytes = EncodeVsockHeader(kPacket);

  for (size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], i + 1);
}

TEST(VsockPacketTest, DecodingUndoesEncoding) {
  EXPECT_EQ(DecodeVsockHeader(EncodeVsockHeader(kPacket)), kPacket);
}

TEST(VsockPacketTest, ResetGoesBackToTheSender) {
  const VsockHeader reset = VsockResetFor(kPacket);

  EXPECT_EQ(reset, (VsockHeader{.src_cid = kPacket.dst_cid,
                                .dst_cid = kPacket.src_cid,
                                .src_port = kPacket.dst_port,
                                .dst_port = kPacket.src_port,
                                .type = kPacket.type,
                                .op = VsockOp::kReset}));
}

}  // namespace
}  // namespace sealvm
