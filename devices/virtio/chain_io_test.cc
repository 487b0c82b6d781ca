// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/chain_io.h"

#include <gtest/gtest.h>

#include <array>

#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

class ChainCursorTest : public testing::Test {
 protected:
  TestGuest guest_;
  const std::array<GuestBuffer, 3> buffers_ = {guest_.Place(std::string("abc")),
                                               guest_.Place(std::string("d")),
                                               guest_.Place(std::string("efgh"))};

  std::string ReadText(ChainCursor& cursor, size_t length) {
    std::string text(length, '?');
    const auto read =
        cursor.Read(*guest_.view(), {reinterpret_cast<uint8_t*>(text.data()), length});
    return read ? text : read.error().message;
  }
};

TEST_F(ChainCursorTest, ReadsAcrossBuffers) {
  ChainCursor cursor(buffers_);
  EXPECT_EQ(ReadText(cursor, 5), "abcde");
  EXPECT_EQ(cursor.remaining(), 3u);
  EXPECT_EQ(ReadText(cursor, 3), "fgh");
  EXPECT_EQ(cursor.remaining(), 0u);
}

TEST_F(ChainCursorTest, BuffersThatAreTooShortAreAnError) {
  ChainCursor cursor(buffers_);
  std::array<uint8_t, 9> out = {};
  EXPECT_FALSE(cursor.Read(*guest_.view(), out).has_value());
}

TEST_F(ChainCursorTest, WritesAcrossBuffersFromWhereItStands) {
  ChainCursor cursor(buffers_);
  ASSERT_TRUE(cursor.Skip(2));
  const std::array<uint8_t, 3> bytes = {'1', '2', '3'};
  ASSERT_TRUE(cursor.Write(*guest_.view(), bytes).has_value());
  EXPECT_EQ(guest_.ReadText(buffers_[0]), "ab1");
  EXPECT_EQ(guest_.ReadText(buffers_[1]), "2");
  EXPECT_EQ(guest_.ReadText(buffers_[2]), "3fgh");
}

TEST_F(ChainCursorTest, SkippingPastTheEndFails) {
  ChainCursor cursor(buffers_);
  EXPECT_TRUE(cursor.Skip(8));
  EXPECT_FALSE(cursor.Skip(1));
}

TEST_F(ChainCursorTest, PiecesDoNotMoveIt) {
  ChainCursor cursor(buffers_);
  ASSERT_TRUE(cursor.Skip(1));
  const std::vector<GuestBuffer> pieces = cursor.Pieces(4);
  const std::vector<GuestBuffer> wanted = {
      {buffers_[0].gpa + 1, 2}, buffers_[1], {buffers_[2].gpa, 1}};
  EXPECT_EQ(pieces, wanted);
  EXPECT_EQ(cursor.remaining(), 7u);
}

TEST_F(ChainCursorTest, PiecesEndWithTheBuffers) {
  EXPECT_EQ(ChainCursor(buffers_).Pieces(1000).size(), 3u);
}

TEST_F(ChainCursorTest, MemoryThatIsNotThereIsAnError) {
  const GuestBuffer nowhere{uint64_t{1} << 40, 4};
  ChainCursor cursor({&nowhere, 1});
  EXPECT_FALSE(cursor.ReadObject<uint32_t>(*guest_.view()).has_value());
}

}  // namespace
}  // namespace sealvm
