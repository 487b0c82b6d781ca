// SPDX-License-Identifier: Apache-2.0
#include "devices/serial/uart16550.h"

#include <gtest/gtest.h>

#include <optional>

#include "devices/serial/uart_testing.h"

namespace sealvm {
namespace {

using namespace internal;  // NOLINT(google-build-using-namespace): the register names

TEST(Uart16550Test, ResetState) {
  Uart16550 uart;

  EXPECT_EQ(uart.Read(kUartIer), 0);
  EXPECT_EQ(uart.Read(kUartIirFcr), kIirNone);
  EXPECT_EQ(uart.Read(kUartLcr), 0);
  EXPECT_EQ(uart.Read(kUartMcr), 0);
  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle);
  EXPECT_EQ(uart.Read(kUartMsr), kMsrCts | kMsrDsr | kMsrDcd);
  EXPECT_FALSE(uart.InterruptPending());
}

TEST(Uart16550Test, WrittenCharacterGoesOutAtOnce) {
  Uart16550 uart;

  EXPECT_EQ(uart.Write(kUartData, 'A'), std::optional<uint8_t>('A'));

  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle);
}

TEST(Uart16550Test, OnlyTheDataRegisterSends) {
  Uart16550 uart;

  for (uint64_t offset = 1; offset < 8; ++offset) {
    EXPECT_EQ(uart.Write(offset, 0x03), std::nullopt) << offset;
  }
}

TEST(Uart16550Test, ScratchRegisterKeepsItsValue) {
  Uart16550 uart;

  uart.Write(kUartScr, 0xa5);

  EXPECT_EQ(uart.Read(kUartScr), 0xa5);
}

TEST(Uart16550Test, DivisorLatchReplacesDataAndInterruptEnable) {
  Uart16550 uart;
  uart.Write(kUartIer, kIerReceivedData);
  uart.Write(kUartLcr, kLcrDivisorLatch | 0x03);

  EXPECT_EQ(uart.Write(kUartData, 0x34), std::nullopt);
  uart.Write(kUartIer, 0x12);

  EXPECT_EQ(uart.Read(kUartData), 0x34);
  EXPECT_EQ(uart.Read(kUartIer), 0x12);
  uart.Write(kUartLcr, 0x03);
  EXPECT_EQ(uart.Read(kUartIer), kIerReceivedData);
}

TEST(Uart16550Test, UnimplementedBitsReadZero) {
  Uart16550 uart;

  uart.Write(kUartIer, 0xff);
  uart.Write(kUartMcr, 0xff);

  EXPECT_EQ(uart.Read(kUartIer), 0x0f);
  EXPECT_EQ(uart.Read(kUartMcr), 0x1f);
}

TEST(Uart16550Test, StatusRegistersIgnoreWrites) {
  Uart16550 uart;

  uart.Write(kUartLsr, 0xff);
  uart.Write(kUartMsr, 0xff);

  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle);
  EXPECT_EQ(uart.Read(kUartMsr), kMsrCts | kMsrDsr | kMsrDcd);
}

TEST(Uart16550Test, OffsetsWrapAtEight) {
  Uart16550 uart;

  uart.Write(~uint64_t{0}, 0x77);

  EXPECT_EQ(uart.Read(kUartScr), 0x77);
}

TEST(Uart16550ReceiveTest, Without16550FifoHoldsOneCharacter) {
  Uart16550 uart;
  EXPECT_EQ(uart.ReceiveSpace(), 1u);

  Receive(uart, "a");

  EXPECT_EQ(uart.ReceiveSpace(), 0u);
  EXPECT_EQ(ReadAll(uart), "a");
}

TEST(Uart16550ReceiveTest, FifoKeepsSixteenInOrder) {
  Uart16550 uart;
  EnableFifos(uart);

  Receive(uart, "0123456789abcdef");

  EXPECT_EQ(uart.ReceiveSpace(), 0u);
  EXPECT_EQ(ReadAll(uart), "0123456789abcdef");
}

TEST(Uart16550ReceiveTest, EmptyReceiverReadsItsLastCharacterAgain) {
  Uart16550 uart;
  Receive(uart, "z");
  uart.Read(kUartData);

  EXPECT_EQ(uart.Read(kUartData), 'z');
  EXPECT_EQ(uart.Read(kUartLsr) & kLsrDataReady, 0);
}

TEST(Uart16550ReceiveTest, OverrunOfTheFifoKeepsTheOldAndSetsOverrunOnce) {
  Uart16550 uart;
  EnableFifos(uart);

  Receive(uart, "0123456789abcdefX");

  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle | kLsrDataReady | kLsrOverrun);
  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle | kLsrDataReady);
  EXPECT_EQ(ReadAll(uart), "0123456789abcdef");
}

TEST(Uart16550ReceiveTest, OverrunWithoutFifoKeepsTheNew) {
  Uart16550 uart;

  Receive(uart, "ab");

  EXPECT_NE(uart.Read(kUartLsr) & kLsrOverrun, 0);
  EXPECT_EQ(ReadAll(uart), "b");
}

TEST(Uart16550ReceiveTest, FcrClearsTheReceiver) {
  Uart16550 uart;
  EnableFifos(uart);
  Receive(uart, "abc");

  uart.Write(kUartIirFcr, kFcrEnable | kFcrClearReceiver);

  EXPECT_EQ(ReadAll(uart), "");
  EXPECT_EQ(uart.ReceiveSpace(), 16u);
}

TEST(Uart16550ReceiveTest, TurningFifosOnOrOffClearsTheReceiver) {
  Uart16550 uart;
  Receive(uart, "a");
  EnableFifos(uart);
  EXPECT_EQ(ReadAll(uart), "");

  Receive(uart, "abc");
  uart.Write(kUartIirFcr, 0);

  EXPECT_EQ(ReadAll(uart), "");
}

TEST(Uart16550ReceiveTest, FcrBitsNeedTheEnableBit) {
  Uart16550 uart;
  EnableFifos(uart, 3);
  uart.Write(kUartIirFcr, 0x00);
  Receive(uart, "a");

  uart.Write(kUartIirFcr, kFcrClearReceiver);

  EXPECT_EQ(ReadAll(uart), "a");
}

TEST(Uart16550ReceiveTest, BreakIsReportedWhenItReachesTheTop) {
  Uart16550 uart;
  EnableFifos(uart);
  Receive(uart, "a");
  uart.Receive(kReceivedBreak);

  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle | kLsrDataReady | kLsrFifoError);
  EXPECT_EQ(uart.Read(kUartData), 'a');

  EXPECT_EQ(uart.Read(kUartLsr),
            kTransmitterIdle | kLsrDataReady | kLsrBreak | kLsrFraming | kLsrFifoError);
  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle | kLsrDataReady);
  EXPECT_EQ(uart.Read(kUartData), 0);
}

TEST(Uart16550ReceiveTest, FifoErrorBitIsZeroWithoutFifos) {
  Uart16550 uart;

  uart.Receive(kReceivedBreak);

  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle | kLsrDataReady | kLsrBreak | kLsrFraming);
}

TEST(Uart16550LoopbackTest, ModemControlAppearsInModemStatus) {
  struct Case {
    uint8_t control;
    uint8_t status;
  };
  for (const Case& c : {Case{0, 0}, Case{kMcrDtr, kMsrDsr}, Case{kMcrRts, kMsrCts},
                        Case{kMcrOut1, kMsrRi}, Case{kMcrOut2, kMsrDcd}}) {
    Uart16550 uart;

    uart.Write(kUartMcr, kMcrLoopback | c.control);

    EXPECT_EQ(uart.Read(kUartMsr) & 0xf0, c.status) << int{c.control};
  }
}

TEST(Uart16550LoopbackTest, DeltasTellWhatChangedUntilRead) {
  Uart16550 uart;
  uart.Write(kUartMcr, kMcrLoopback | kMcrOut1);
  uart.Read(kUartMsr);

  uart.Write(kUartMcr, kMcrLoopback | kMcrDtr | kMcrRts | kMcrOut2);

  EXPECT_EQ(uart.Read(kUartMsr) & 0x0f,
            kMsrDeltaCts | kMsrDeltaDsr | kMsrTrailingRi | kMsrDeltaDcd);
  EXPECT_EQ(uart.Read(kUartMsr) & 0x0f, 0);
}

TEST(Uart16550LoopbackTest, RingCountsOnlyItsTrailingEdge) {
  Uart16550 uart;
  uart.Write(kUartMcr, kMcrLoopback);
  uart.Read(kUartMsr);

  uart.Write(kUartMcr, kMcrLoopback | kMcrOut1);

  EXPECT_EQ(uart.Read(kUartMsr), kMsrRi);
}

TEST(Uart16550LoopbackTest, TransmitterFeedsTheReceiverAndNotTheLine) {
  Uart16550 uart;
  EnableFifos(uart);
  uart.Write(kUartMcr, kMcrLoopback);

  EXPECT_EQ(uart.Write(kUartData, 'q'), std::nullopt);

  EXPECT_EQ(ReadAll(uart), "q");
}

TEST(Uart16550LoopbackTest, LineIsCut) {
  Uart16550 uart;
  EnableFifos(uart);
  uart.Write(kUartMcr, kMcrLoopback);

  Receive(uart, "lost");

  EXPECT_EQ(uart.ReceiveSpace(), 0u);
  EXPECT_EQ(ReadAll(uart), "");
}

// How Linux's drivers/tty/serial/8250 (size_fifo) and other drivers measure a FIFO.
TEST(Uart16550LoopbackTest, FifoMeasuresSixteen) {
  Uart16550 uart;
  EnableFifos(uart);
  uart.Write(kUartMcr, kMcrLoopback);

  for (int i = 0; i < 256; ++i) uart.Write(kUartData, static_cast<uint8_t>(i));

  EXPECT_EQ(ReadAll(uart).size(), 16u);
}

TEST(Uart16550LoopbackTest, BreakIsReceived) {
  Uart16550 uart;
  uart.Write(kUartMcr, kMcrLoopback);

  uart.Write(kUartLcr, kLcrBreak);

  EXPECT_EQ(uart.Read(kUartLsr), kTransmitterIdle | kLsrDataReady | kLsrBreak | kLsrFraming);
}

TEST(Uart16550Test, BreakSilencesTheTransmitter) {
  Uart16550 uart;
  uart.Write(kUartLcr, kLcrBreak);
  EXPECT_EQ(uart.Write(kUartData, 'x'), std::nullopt);

  uart.Write(kUartLcr, 0);

  EXPECT_EQ(uart.Write(kUartData, 'y'), std::optional<uint8_t>('y'));
}

// The questions that Linux's 8250 driver asks a port (drivers/tty/serial/8250/8250_port.c,
// autoconfig and autoconfig_16550a), and what a 16550A and nothing newer answers.
TEST(Uart16550Test, LinuxAutoconfigFindsA16550A) {
  Uart16550 uart;

  uart.Write(kUartIer, 0);
  EXPECT_EQ(uart.Read(kUartIer) & 0x0f, 0);
  uart.Write(kUartIer, 0x0f);
  EXPECT_EQ(uart.Read(kUartIer) & 0x0f, 0x0f);
  uart.Write(kUartIer, 0);

  uart.Write(kUartMcr, kMcrLoopback | 0x0a);
  EXPECT_EQ(uart.Read(kUartMsr) & 0xf0, 0x90);
  uart.Write(kUartMcr, 0);

  uart.Write(kUartLcr, 0xbf);
  uart.Write(kUartIirFcr, 0);
  uart.Write(kUartLcr, 0);
  uart.Write(kUartIirFcr, kFcrEnable);
  EXPECT_EQ(uart.Read(kUartIirFcr) >> 6, 3) << "not a 16550A";

  uart.Write(kUartLcr, kLcrDivisorLatch);
  EXPECT_NE(uart.Read(kUartIirFcr), 0) << "taken for an ST16650";
  uart.Write(kUartLcr, 0xbf);
  EXPECT_NE(uart.Read(kUartIirFcr), 0) << "taken for an ST16650V2";

  uart.Write(kUartLcr, 0);
  uart.Write(kUartIirFcr, kFcrEnable | 1 << 5);
  EXPECT_EQ(uart.Read(kUartIirFcr) >> 5, 6);
  uart.Write(kUartLcr, kLcrDivisorLatch);
  uart.Write(kUartIirFcr, kFcrEnable | 1 << 5);
  EXPECT_EQ(uart.Read(kUartIirFcr) >> 5, 6) << "taken for a TI16750";
  uart.Write(kUartLcr, 0);

  uart.Write(kUartIer, 1 << 6);
  EXPECT_EQ(uart.Read(kUartIer), 0) << "taken for an XScale";
}

}  // namespace
}  // namespace sealvm
