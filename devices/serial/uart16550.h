// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_SERIAL_UART16550_H_
#define SEALVM_DEVICES_SERIAL_UART16550_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>

#include "devices/serial/ring_buffer.h"
#include "devices/serial/uart_registers.h"

namespace sealvm {

// A character as it comes in from the line; `errors` are bits of the line status register.
struct ReceivedCharacter {
  uint8_t data = 0;
  uint8_t errors = 0;
};

// A break: the line was held low for longer than a character (PC16550D, LSR bits 3 and 4).
inline constexpr ReceivedCharacter kReceivedBreak = {0,
                                                     internal::kLsrBreak | internal::kLsrFraming};

// The registers of a 16550A UART (National Semiconductor PC16550D) and nothing else: no lock, no
// host side. The line is infinitely fast: a character written is sent at once, so the transmitter
// is always empty and its FIFO needs no storage, and the four character times after which a 16550A
// reports a receive FIFO below its trigger level ("character timeout") are over at once. Words are
// eight bits whatever LCR says. The modem lines CTS, DSR and DCD are always on. OUT2, which gates
// the interrupt on a PC's adapter, does not.
//
// Not thread-safe.
class Uart16550 {
 public:
  static constexpr size_t kFifoSize = 16;

  // Reads register `offset` (0-7; higher bits are ignored) with its side effects.
  uint8_t Read(uint64_t offset);

  // Writes register `offset` (0-7; higher bits are ignored). A value is what goes out on the line.
  std::optional<uint8_t> Write(uint64_t offset, uint8_t value);

  // The level of the interrupt pin: an enabled cause is pending.
  bool InterruptPending() const { return PendingCause() != internal::kIirNone; }

  // How many characters Receive takes without an overrun: none in loopback, where the line is cut.
  size_t ReceiveSpace() const;
  // A character comes in from the line. Without space it is lost and the overrun flag set.
  void Receive(ReceivedCharacter character);

 private:
  bool loopback() const { return (mcr_ & internal::kMcrLoopback) != 0; }
  size_t fifo_depth() const { return fifos_enabled_ ? kFifoSize : 1; }
  uint8_t PendingCause() const;
  bool AtTriggerLevel() const;

  uint8_t ReadData();
  uint8_t ReadIir();
  uint8_t ReadLsr();
  uint8_t ReadMsr();
  std::optional<uint8_t> WriteData(uint8_t value);
  void WriteIer(uint8_t value);
  void WriteFcr(uint8_t value);
  void WriteLcr(uint8_t value);
  void WriteMcr(uint8_t value);

  void Store(ReceivedCharacter character);
  void LatchErrorsOfTopCharacter();
  void ClearReceiver();
  uint8_t ModemLines() const;

  uint8_t ier_ = 0;
  uint8_t lcr_ = 0;
  uint8_t mcr_ = 0;
  uint8_t scr_ = 0;
  // 115200 baud, what a driver that probes the divisor should find.
  uint16_t divisor_ = 1;
  uint8_t trigger_ = 0;  // FCR bits 6-7
  bool fifos_enabled_ = false;

  RingBuffer<ReceivedCharacter, kFifoSize> receiver_;
  uint8_t last_data_ = 0;
  // Error bits of LSR: an overrun, and those of the character that reached the FIFO's top.
  uint8_t line_errors_ = 0;
  // The transmitter became empty and IIR has not said so yet.
  bool transmitter_empty_pending_ = false;
  uint8_t modem_deltas_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_SERIAL_UART16550_H_
