// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "devices/serial/uart16550.h"
#include "devices/serial/uart_testing.h"

namespace sealvm {
namespace {

using namespace internal;  // NOLINT(google-build-using-namespace): the register names

TEST(Uart16550InterruptTest, DisabledCausesStayQuiet) {
  Uart16550 uart;
  Receive(uart, "ab");
  uart.Write(kUartData, 'x');
  uart.Write(kUartMcr, kMcrLoopback);

  EXPECT_FALSE(uart.InterruptPending());
  EXPECT_EQ(uart.Read(kUartIirFcr), kIirNone);
}

TEST(Uart16550InterruptTest, IirTellsThatFifosAreOn) {
  Uart16550 uart;
  EnableFifos(uart);
  EXPECT_EQ(uart.Read(kUartIirFcr), kIirFifosEnabled | kIirNone);

  uart.Write(kUartIirFcr, 0);

  EXPECT_EQ(uart.Read(kUartIirFcr), kIirNone);
}

TEST(Uart16550InterruptTest, ReceivedDataLastsUntilRead) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerReceivedData);
  Receive(uart, "a");

  EXPECT_EQ(Cause(uart), kIirReceivedData);
  EXPECT_EQ(Cause(uart), kIirReceivedData);
  uart.Read(kUartData);

  EXPECT_EQ(Cause(uart), kIirNone);
  EXPECT_FALSE(uart.InterruptPending());
}

struct Trigger {
  uint8_t code;
  int level;
};

class Uart16550TriggerTest : public ::testing::TestWithParam<Trigger> {};

TEST_P(Uart16550TriggerTest, BelowTheLevelIsACharacterTimeoutFromItOnReceivedData) {
  Uart16550 uart;
  EnableFifos(uart, GetParam().code);
  uart.Write(kUartIer, kIerReceivedData);

  for (int count = 1; count <= 16; ++count) {
    Receive(uart, "c");
    EXPECT_EQ(Cause(uart), count < GetParam().level ? kIirCharacterTimeout : kIirReceivedData)
        << count;
  }
  for (int count = 15; count >= 0; --count) {
    uart.Read(kUartData);
    const uint8_t below = count == 0 ? kIirNone : kIirCharacterTimeout;
    EXPECT_EQ(Cause(uart), count < GetParam().level ? below : kIirReceivedData) << count;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Uart16550TriggerTest,
                         ::testing::Values(Trigger{0, 1}, Trigger{1, 4}, Trigger{2, 8},
                                           Trigger{3, 14}));

TEST(Uart16550InterruptTest, TransmitterEmptyRisesWhenEnabledAndFallsWhenIdentified) {
  Uart16550 uart;

  uart.Write(kUartIer, kIerTransmitterEmpty);

  EXPECT_TRUE(uart.InterruptPending());
  EXPECT_EQ(Cause(uart), kIirTransmitterEmpty);
  EXPECT_FALSE(uart.InterruptPending());
  EXPECT_EQ(Cause(uart), kIirNone);
}

TEST(Uart16550InterruptTest, TransmitterEmptyRisesAgainAfterEachCharacter) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerTransmitterEmpty);
  Cause(uart);

  uart.Write(kUartData, 'x');

  EXPECT_EQ(Cause(uart), kIirTransmitterEmpty);
}

// Linux's test for broken chips in serial8250_do_startup: an interrupt that does not come back when
// it is enabled again makes the driver poll with a timer.
TEST(Uart16550InterruptTest, TransmitterEmptyRisesOnEachEnabling) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerTransmitterEmpty);
  ASSERT_EQ(Cause(uart), kIirTransmitterEmpty);

  uart.Write(kUartIer, 0);
  uart.Write(kUartIer, kIerTransmitterEmpty);

  EXPECT_EQ(Cause(uart), kIirTransmitterEmpty);
}

TEST(Uart16550InterruptTest, WritingTheSameEnableAgainRaisesNothing) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerTransmitterEmpty);
  Cause(uart);

  uart.Write(kUartIer, kIerTransmitterEmpty | kIerReceivedData);

  EXPECT_FALSE(uart.InterruptPending());
}

TEST(Uart16550InterruptTest, LineStatusLastsUntilLsrIsRead) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerLineStatus);
  uart.Receive(kReceivedBreak);

  EXPECT_EQ(Cause(uart), kIirLineStatus);
  uart.Read(kUartLsr);

  EXPECT_EQ(Cause(uart), kIirNone);
}

TEST(Uart16550InterruptTest, CausesComeInOrderOfPriority) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerMask);
  uart.Write(kUartMcr, kMcrLoopback);
  uart.Write(kUartData, 'a');
  uart.Write(kUartData, 'b');

  EXPECT_EQ(Cause(uart), kIirLineStatus);
  uart.Read(kUartLsr);
  EXPECT_EQ(Cause(uart), kIirReceivedData);
  uart.Read(kUartData);
  EXPECT_EQ(Cause(uart), kIirTransmitterEmpty);
  EXPECT_EQ(Cause(uart), kIirModemStatus);
  uart.Read(kUartMsr);
  EXPECT_EQ(Cause(uart), kIirNone);
}

TEST(Uart16550InterruptTest, IdentifyingAHigherCauseKeepsTransmitterEmpty) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerTransmitterEmpty | kIerReceivedData);
  Receive(uart, "a");

  ASSERT_EQ(Cause(uart), kIirReceivedData);
  uart.Read(kUartData);

  EXPECT_EQ(Cause(uart), kIirTransmitterEmpty);
}

}  // namespace
}  // namespace sealvm
