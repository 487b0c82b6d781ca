// SPDX-License-Identifier: Apache-2.0
#include "devices/serial/serial_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "devices/platform_addresses.h"
#include "devices/testing.h"

namespace sealvm {
namespace {

using namespace internal;  // NOLINT(google-build-using-namespace): the register names
using ::testing::ElementsAre;

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class SerialPortTest : public ::testing::Test {
 protected:
  void Send(std::string_view text) {
    for (const char c : text) WriteByte(port_, kUartData, static_cast<uint8_t>(c));
  }

  std::string ReadInput() {
    std::string text;
    while ((ReadByte(port_, kUartLsr) & kLsrDataReady) != 0) {
      text += static_cast<char>(ReadByte(port_, kUartData));
    }
    return text;
  }

  RecordingLine line_;
  std::vector<std::string> pieces_;
  int partial_announcements_ = 0;
  int space_announcements_ = 0;
  SerialPort port_{line_,
                   {.output =
                        [this](std::span<const uint8_t> bytes) {
                          pieces_.emplace_back(bytes.begin(), bytes.end());
                        },
                    .on_partial_output = [this] { ++partial_announcements_; },
                    .on_input_space = [this] { ++space_announcements_; }}};
};

TEST_F(SerialPortTest, LineIsOnePiece) {
  Send("hello\nworld\n");

  EXPECT_THAT(pieces_, ElementsAre("hello\n", "world\n"));
}

TEST_F(SerialPortTest, UnfinishedLineWaits) {
  Send("login: ");

  EXPECT_TRUE(pieces_.empty());
  EXPECT_EQ(partial_announcements_, 1);
}

TEST_F(SerialPortTest, FlushHandsOverAnUnfinishedLine) {
  Send("login: ");

  port_.Flush();
  port_.Flush();

  EXPECT_THAT(pieces_, ElementsAre("login: "));
}

TEST_F(SerialPortTest, EndlessLineComesInFullBuffers) {
  const std::string flood(SerialPort::kOutputCapacity * 2 + 1, 'x');

  Send(flood);

  ASSERT_EQ(pieces_.size(), 2u);
  EXPECT_EQ(pieces_[0].size(), SerialPort::kOutputCapacity);
  port_.Flush();
  EXPECT_EQ(pieces_[2], "x");
}

TEST_F(SerialPortTest, TickHandsOverTheLineThatWasAnnounced) {
  Send("login: ");

  EXPECT_FALSE(port_.FlushPartialLine());

  EXPECT_THAT(pieces_, ElementsAre("login: "));
}

TEST_F(SerialPortTest, TickSparesALineThatBeganAfterTheLastTick) {
  Send("a");
  Send("\nb");

  EXPECT_TRUE(port_.FlushPartialLine());
  EXPECT_THAT(pieces_, ElementsAre("a\n"));
  EXPECT_FALSE(port_.FlushPartialLine());

  EXPECT_THAT(pieces_, ElementsAre("a\n", "b"));
}

TEST_F(SerialPortTest, TicksAreAskedForOnceUntilTheyStop) {
  Send("a\nb\nc\nd");
  EXPECT_EQ(partial_announcements_, 1);
  while (port_.FlushPartialLine()) {
  }

  Send("e");

  EXPECT_EQ(partial_announcements_, 2);
}

TEST_F(SerialPortTest, TickWithoutOutputDoesNothing) {
  EXPECT_FALSE(port_.FlushPartialLine());
  EXPECT_TRUE(pieces_.empty());
}

TEST_F(SerialPortTest, LoopbackAndBreakReachNoHost) {
  WriteByte(port_, kUartMcr, kMcrLoopback);
  Send("secret\n");
  WriteByte(port_, kUartMcr, 0);
  WriteByte(port_, kUartLcr, kLcrBreak);
  Send("silent\n");

  port_.Flush();

  EXPECT_TRUE(pieces_.empty());
}

TEST_F(SerialPortTest, InputBeyondTheFifoFollowsAsTheGuestReads) {
  WriteByte(port_, kUartIirFcr, kFcrEnable);
  const std::string text = "the quick brown fox jumps over the lazy dog";

  EXPECT_EQ(port_.EnqueueInput(Bytes(text)), text.size());

  EXPECT_EQ(ReadInput(), text);
}

TEST_F(SerialPortTest, FullBacklogTakesPartAndTellsWhenThereIsSpace) {
  const std::string flood(SerialPort::kInputCapacity * 2, 'i');

  // One character is in the receive register already.
  const size_t taken = port_.EnqueueInput(Bytes(flood));
  EXPECT_EQ(taken, SerialPort::kInputCapacity + 1);
  EXPECT_EQ(port_.EnqueueInput(Bytes("x")), 0u);
  EXPECT_EQ(space_announcements_, 0);

  EXPECT_EQ(ReadInput().size(), taken);
  EXPECT_EQ(space_announcements_, 1);
  EXPECT_EQ(port_.EnqueueInput(Bytes("x")), 1u);
}

TEST_F(SerialPortTest, SpaceIsNotAnnouncedToAHostThatWasNotRefused) {
  port_.EnqueueInput(Bytes("abc"));
  ReadInput();

  EXPECT_EQ(space_announcements_, 0);
}

TEST_F(SerialPortTest, ClearingTheFifoAlsoMakesSpace) {
  WriteByte(port_, kUartIirFcr, kFcrEnable);
  const std::string flood(SerialPort::kInputCapacity * 2, 'i');
  port_.EnqueueInput(Bytes(flood));

  for (size_t i = 0; i < SerialPort::kInputCapacity; i += Uart16550::kFifoSize) {
    WriteByte(port_, kUartIirFcr, kFcrEnable | kFcrClearReceiver);
  }

  EXPECT_EQ(space_announcements_, 1);
}

TEST_F(SerialPortTest, InputWaitsWhileTheGuestTestsInLoopback) {
  WriteByte(port_, kUartMcr, kMcrLoopback);
  EXPECT_EQ(port_.EnqueueInput(Bytes("typed")), 5u);
  EXPECT_EQ(ReadInput(), "");

  WriteByte(port_, kUartMcr, 0);

  EXPECT_EQ(ReadInput(), "typed");
}

TEST_F(SerialPortTest, BreakKeepsItsPlaceAmongTheInput) {
  WriteByte(port_, kUartIirFcr, kFcrEnable);
  port_.EnqueueInput(Bytes("a"));
  EXPECT_TRUE(port_.EnqueueBreak());
  port_.EnqueueInput(Bytes("h"));

  EXPECT_EQ(ReadByte(port_, kUartData), 'a');
  EXPECT_NE(ReadByte(port_, kUartLsr) & kLsrBreak, 0);
  EXPECT_EQ(ReadByte(port_, kUartData), 0);
  EXPECT_EQ(ReadByte(port_, kUartLsr) & kLsrBreak, 0);
  EXPECT_EQ(ReadByte(port_, kUartData), 'h');
}

TEST_F(SerialPortTest, InputRaisesTheLineUntilItIsRead) {
  WriteByte(port_, kUartIer, kIerReceivedData);
  EXPECT_FALSE(line_.level());

  port_.EnqueueInput(Bytes("ab"));
  EXPECT_TRUE(line_.level());
  ReadInput();

  EXPECT_FALSE(line_.level());
}

TEST_F(SerialPortTest, CauseAfterIirSaidNoneMakesANewEdge) {
  WriteByte(port_, kUartIer, kIerReceivedData | kIerTransmitterEmpty);
  while ((ReadByte(port_, kUartIirFcr) & kIirNone) == 0) {
  }
  const int edges = line_.rising_edges();

  port_.EnqueueInput(Bytes("a"));
  EXPECT_EQ(line_.rising_edges(), edges + 1);
  ReadInput();
  Send("x");

  EXPECT_EQ(line_.rising_edges(), edges + 2);
}

TEST_F(SerialPortTest, LineStaysHighWhileAnotherCauseIsPending) {
  WriteByte(port_, kUartIer, kIerReceivedData | kIerTransmitterEmpty);
  port_.EnqueueInput(Bytes("a"));

  ReadInput();

  EXPECT_TRUE(line_.level());
  EXPECT_EQ(ReadByte(port_, kUartIirFcr), kIirTransmitterEmpty);
  EXPECT_FALSE(line_.level());
}

TEST_F(SerialPortTest, MaskingTheCauseLowersTheLine) {
  WriteByte(port_, kUartIer, kIerTransmitterEmpty);
  ASSERT_TRUE(line_.level());

  WriteByte(port_, kUartIer, 0);

  EXPECT_FALSE(line_.level());
}

TEST_F(SerialPortTest, WideAccessBecomesByteCycles) {
  const std::array<uint8_t, 2> word{'A', kIerReceivedData};

  port_.Write(kUartData, word);
  port_.Flush();

  EXPECT_THAT(pieces_, ElementsAre("A"));
  std::array<uint8_t, 8> all{};
  port_.Read(0, all);
  EXPECT_THAT(
      all, ElementsAre(0, kIerReceivedData, kIirNone, 0, 0, kLsrHoldingEmpty | kLsrTransmitterEmpty,
                       kMsrCts | kMsrDsr | kMsrDcd, 0));
}

TEST_F(SerialPortTest, WideReadTakesOneCharacterOnly) {
  WriteByte(port_, kUartIirFcr, kFcrEnable);
  port_.EnqueueInput(Bytes("ab"));
  std::array<uint8_t, 4> data{};

  port_.Read(kUartData, data);

  EXPECT_EQ(data[0], 'a');
  EXPECT_EQ(ReadInput(), "b");
}

TEST(SerialPortCallbackTest, AllMayBeEmpty) {
  RecordingLine line;
  SerialPort port(line, {});
  const std::string flood(SerialPort::kInputCapacity * 2, 'i');

  for (const char c : std::string_view("partial\nline")) {
    WriteByte(port, kUartData, static_cast<uint8_t>(c));
  }
  port.EnqueueInput(Bytes(flood));
  for (size_t i = 0; i < flood.size(); ++i) ReadByte(port, kUartData);
  port.Flush();

  EXPECT_FALSE(port.FlushPartialLine());
}

TEST(SerialPortCallbackTest, OutputMayGiveInput) {
  RecordingLine line;
  SerialPort* port = nullptr;
  SerialPort echo(line, {.output = [&port](std::span<const uint8_t> bytes) {
                    port->EnqueueInput(bytes);
                    EXPECT_FALSE(bytes.empty());
                    EXPECT_FALSE(port->FlushPartialLine());
                  }});
  port = &echo;
  WriteByte(echo, kUartIirFcr, kFcrEnable);

  WriteByte(echo, kUartData, 'e');
  WriteByte(echo, kUartData, '\n');

  EXPECT_EQ(ReadByte(echo, kUartData), 'e');
  EXPECT_EQ(ReadByte(echo, kUartData), '\n');
}

}  // namespace
}  // namespace sealvm
