// SPDX-License-Identifier: Apache-2.0
#include "devices/i8042.h"

#include <gtest/gtest.h>

#include "devices/testing.h"

namespace sealvm {
namespace {

constexpr uint8_t kOutputFull = 0x01;
constexpr uint8_t kInputFull = 0x02;
constexpr uint8_t kAux = 0x20;

class I8042Test : public ::testing::Test {
 protected:
  uint8_t Status() { return ReadByte(*ports_.command, 0); }
  uint8_t Data() { return ReadByte(*ports_.data, 0); }
  void Command(uint8_t value) { WriteByte(*ports_.command, 0, value); }
  void Put(uint8_t value) { WriteByte(*ports_.data, 0, value); }
  bool Answers() { return (Status() & kOutputFull) != 0; }

  RecordingSink sink_;
  I8042Ports ports_ = MakeI8042(sink_);
};

TEST_F(I8042Test, IsReadyAndEmptyAfterReset) {
  EXPECT_EQ(Status() & (kOutputFull | kInputFull), 0);
}

TEST_F(I8042Test, PulseOfTheResetLineAsksForReset) {
  Command(0xfe);

  ASSERT_EQ(sink_.requests().size(), 1u);
  EXPECT_EQ(sink_.requests()[0].kind, GuestRequestKind::kReset);
}

TEST_F(I8042Test, PulsesResetExactlyWhenBit0IsClear) {
  for (int command = 0; command <= 0xff; ++command) {
    RecordingSink sink;
    const I8042Ports ports = MakeI8042(sink);

    WriteByte(*ports.command, 0, static_cast<uint8_t>(command));

    EXPECT_EQ(sink.requests().size(), command >= 0xf0 && command % 2 == 0 ? 1u : 0u) << command;
  }
}

TEST_F(I8042Test, OutputPortWriteWithBit0ClearAsksForReset) {
  Command(0xd1);
  Put(0x02);

  ASSERT_EQ(sink_.requests().size(), 1u);
  EXPECT_EQ(sink_.requests()[0].kind, GuestRequestKind::kReset);
}

TEST_F(I8042Test, OutputPortWriteThatSwitchesA20DoesNotReset) {
  Command(0xd1);
  Put(0xdf);
  Command(0xd1);
  Put(0xdd);

  EXPECT_TRUE(sink_.requests().empty());
}

TEST_F(I8042Test, OutputPortTakesOnlyTheByteAfterItsCommand) {
  Command(0xd1);
  Put(0x03);
  Put(0x00);
  Command(0xd1);
  Command(0xad);
  Put(0x00);

  EXPECT_TRUE(sink_.requests().empty());
}

TEST_F(I8042Test, OutputPortReadsResetInactiveAndA20On) {
  Command(0xd0);

  ASSERT_TRUE(Answers());
  EXPECT_EQ(Data(), 0x03);
}

TEST_F(I8042Test, SelfTestPasses) {
  Command(0xaa);

  ASSERT_TRUE(Answers());
  EXPECT_EQ(Data(), 0x55);
  EXPECT_FALSE(Answers());
}

TEST_F(I8042Test, CommandByteReadsBackAsWritten) {
  Command(0x60);
  Put(0x47);
  Command(0x20);

  ASSERT_TRUE(Answers());
  EXPECT_EQ(Data(), 0x47);
}

// Every command from which Linux's drivers/input/serio/i8042.c waits for an answer must give one:
// each wait that fails costs its guest 10000 status reads.
TEST_F(I8042Test, EveryCommandThatLinuxWaitsForAnswersAtOnce) {
  for (const uint8_t command : {0x20, 0xa9, 0xaa, 0xab, 0xd0}) {
    Command(command);
    EXPECT_TRUE(Answers()) << int{command};
    Data();
  }
  for (const uint8_t command : {0xd2, 0xd3}) {
    Command(command);
    Put(0x5a);
    EXPECT_TRUE(Answers()) << int{command};
    EXPECT_EQ(Data(), 0x5a);
  }
}

TEST_F(I8042Test, HasNoMousePort) {
  Command(0xd3);
  Put(0x5a);
  EXPECT_EQ(Status() & kAux, 0);
  Data();

  Command(0xa9);
  const uint8_t result = Data();

  EXPECT_NE(result, 0x00);
  EXPECT_NE(result, 0xfa);
  EXPECT_NE(result, 0xff);
}

TEST_F(I8042Test, BytesForTheAbsentKeyboardVanish) {
  for (int byte = 0; byte <= 0xff; ++byte) Put(static_cast<uint8_t>(byte));

  EXPECT_FALSE(Answers());
  EXPECT_TRUE(sink_.requests().empty());
}

TEST_F(I8042Test, FlushingTheOutputBufferEnds) {
  Command(0xaa);
  Command(0x20);

  int reads = 0;
  while (Answers() && reads < 16) {
    Data();
    ++reads;
  }

  EXPECT_EQ(reads, 1);
}

TEST_F(I8042Test, StatusTellsCommandFromData) {
  Command(0xad);
  EXPECT_NE(Status() & 0x08, 0);
  Put(0);
  EXPECT_EQ(Status() & 0x08, 0);
}

}  // namespace
}  // namespace sealvm
