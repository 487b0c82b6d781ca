// SPDX-License-Identifier: Apache-2.0
#include "devices/serial/ring_buffer.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

TEST(RingBufferTest, KeepsOrderOverManyTurns) {
  RingBuffer<int, 3> buffer;
  int pushed = 0;
  int popped = 0;

  for (int turn = 0; turn < 10; ++turn) {
    EXPECT_TRUE(buffer.Push(pushed++));
    EXPECT_TRUE(buffer.Push(pushed++));
    EXPECT_EQ(buffer[1], popped + 1);
    EXPECT_EQ(buffer.Pop(), popped++);
    EXPECT_EQ(buffer.Pop(), popped++);
  }

  EXPECT_TRUE(buffer.empty());
}

TEST(RingBufferTest, FullBufferRefusesAndKeepsWhatItHas) {
  RingBuffer<int, 2> buffer;
  buffer.Push(1);
  buffer.Push(2);

  EXPECT_FALSE(buffer.Push(3));

  EXPECT_TRUE(buffer.full());
  EXPECT_EQ(buffer.Pop(), 1);
  EXPECT_EQ(buffer.Pop(), 2);
}

TEST(RingBufferTest, ClearEmpties) {
  RingBuffer<int, 2> buffer;
  buffer.Push(1);
  buffer.Push(2);

  buffer.Clear();

  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_TRUE(buffer.Push(4));
  EXPECT_EQ(buffer.front(), 4);
}

}  // namespace
}  // namespace sealvm
