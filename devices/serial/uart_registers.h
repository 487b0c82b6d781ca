// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_SERIAL_UART_REGISTERS_H_
#define SEALVM_DEVICES_SERIAL_UART_REGISTERS_H_

#include <stdint.h>

namespace sealvm::internal {

// Registers of the 16550A; source for all: National Semiconductor PC16550D data sheet, section 8.0
// "Registers".

// Offsets. 0 and 1 are the divisor latch while kLcrDivisorLatch is set.
inline constexpr uint8_t kUartData = 0;  // read: RBR, write: THR; DLL
inline constexpr uint8_t kUartIer = 1;   // DLM
inline constexpr uint8_t kUartIirFcr = 2;
inline constexpr uint8_t kUartLcr = 3;
inline constexpr uint8_t kUartMcr = 4;
inline constexpr uint8_t kUartLsr = 5;
inline constexpr uint8_t kUartMsr = 6;
inline constexpr uint8_t kUartScr = 7;

// Interrupt enable.
inline constexpr uint8_t kIerReceivedData = 1 << 0;
inline constexpr uint8_t kIerTransmitterEmpty = 1 << 1;
inline constexpr uint8_t kIerLineStatus = 1 << 2;
inline constexpr uint8_t kIerModemStatus = 1 << 3;
inline constexpr uint8_t kIerMask = 0x0f;

// Interrupt identification, highest priority first.
inline constexpr uint8_t kIirLineStatus = 0x06;
inline constexpr uint8_t kIirReceivedData = 0x04;
inline constexpr uint8_t kIirCharacterTimeout = 0x0c;
inline constexpr uint8_t kIirTransmitterEmpty = 0x02;
inline constexpr uint8_t kIirModemStatus = 0x00;
inline constexpr uint8_t kIirNone = 0x01;
inline constexpr uint8_t kIirFifosEnabled = 0xc0;

// FIFO control.
inline constexpr uint8_t kFcrEnable = 1 << 0;
inline constexpr uint8_t kFcrClearReceiver = 1 << 1;
inline constexpr int kFcrTriggerShift = 6;

// Line control.
inline constexpr uint8_t kLcrBreak = 1 << 6;
inline constexpr uint8_t kLcrDivisorLatch = 1 << 7;

// Modem control.
inline constexpr uint8_t kMcrDtr = 1 << 0;
inline constexpr uint8_t kMcrRts = 1 << 1;
inline constexpr uint8_t kMcrOut1 = 1 << 2;
inline constexpr uint8_t kMcrOut2 = 1 << 3;
inline constexpr uint8_t kMcrLoopback = 1 << 4;
inline constexpr uint8_t kMcrMask = 0x1f;

// Line status.
inline constexpr uint8_t kLsrDataReady = 1 << 0;
inline constexpr uint8_t kLsrOverrun = 1 << 1;
inline constexpr uint8_t kLsrParity = 1 << 2;
inline constexpr uint8_t kLsrFraming = 1 << 3;
inline constexpr uint8_t kLsrBreak = 1 << 4;
inline constexpr uint8_t kLsrHoldingEmpty = 1 << 5;
inline constexpr uint8_t kLsrTransmitterEmpty = 1 << 6;
inline constexpr uint8_t kLsrFifoError = 1 << 7;

// Modem status: the lines, and in the low half which of them have changed.
inline constexpr uint8_t kMsrDeltaCts = 1 << 0;
inline constexpr uint8_t kMsrDeltaDsr = 1 << 1;
inline constexpr uint8_t kMsrTrailingRi = 1 << 2;
inline constexpr uint8_t kMsrDeltaDcd = 1 << 3;
inline constexpr uint8_t kMsrCts = 1 << 4;
inline constexpr uint8_t kMsrDsr = 1 << 5;
inline constexpr uint8_t kMsrRi = 1 << 6;
inline constexpr uint8_t kMsrDcd = 1 << 7;

}  // namespace sealvm::internal

#endif  // SEALVM_DEVICES_SERIAL_UART_REGISTERS_H_
