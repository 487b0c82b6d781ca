// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_SERIAL_UART_TESTING_H_
#define SEALVM_DEVICES_SERIAL_UART_TESTING_H_

#include <stdint.h>

#include <string>
#include <string_view>

#include "devices/serial/uart16550.h"

namespace sealvm::internal {

// Shorthands for the tests of the UART.

inline constexpr uint8_t kTransmitterIdle = kLsrHoldingEmpty | kLsrTransmitterEmpty;

inline void Receive(Uart16550& uart, std::string_view text) {
  for (const char c : text) uart.Receive({static_cast<uint8_t>(c), 0});
}

inline void EnableFifos(Uart16550& uart, uint8_t trigger = 0) {
  uart.Write(kUartIirFcr, static_cast<uint8_t>(kFcrEnable | trigger << kFcrTriggerShift));
}

inline uint8_t Cause(Uart16550& uart) { return uart.Read(kUartIirFcr) & 0x0f; }

// Reads while LSR says that data is ready.
inline std::string ReadAll(Uart16550& uart) {
  constexpr size_t kMoreThanAFifo = 100;
  std::string text;
  while ((uart.Read(kUartLsr) & kLsrDataReady) != 0 && text.size() < kMoreThanAFifo) {
    text += static_cast<char>(uart.Read(kUartData));
  }
  return text;
}

}  // namespace sealvm::internal

#endif  // SEALVM_DEVICES_SERIAL_UART_TESTING_H_
