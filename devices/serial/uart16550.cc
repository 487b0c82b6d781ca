// SPDX-License-Identifier: Apache-2.0
#include "devices/serial/uart16550.h"

#include <array>
#include <utility>

namespace sealvm {

using namespace internal;  // NOLINT(google-build-using-namespace): the register names

namespace {

constexpr uint8_t kLineErrors = kLsrOverrun | kLsrParity | kLsrFraming | kLsrBreak;
constexpr uint8_t kCharacterErrors = kLsrParity | kLsrFraming | kLsrBreak;
constexpr uint8_t kRegisterMask = 7;

}  // namespace

uint8_t Uart16550::Read(uint64_t offset) {
  const bool divisor_latch = (lcr_ & kLcrDivisorLatch) != 0;
  switch (offset & kRegisterMask) {
    case kUartData:
      return divisor_latch ? static_cast<uint8_t>(divisor_) : ReadData();
    case kUartIer:
      return divisor_latch ? static_cast<uint8_t>(divisor_ >> 8) : ier_;
    case kUartIirFcr:
      return ReadIir();
    case kUartLcr:
      return lcr_;
    case kUartMcr:
      return mcr_;
    case kUartLsr:
      return ReadLsr();
    case kUartMsr:
      return ReadMsr();
    default:
      return scr_;
  }
}

std::optional<uint8_t> Uart16550::Write(uint64_t offset, uint8_t value) {
  const bool divisor_latch = (lcr_ & kLcrDivisorLatch) != 0;
  switch (offset & kRegisterMask) {
    case kUartData:
      if (!divisor_latch) return WriteData(value);
      divisor_ = static_cast<uint16_t>((divisor_ & 0xff00) | value);
      break;
    case kUartIer:
      if (divisor_latch) {
        divisor_ = static_cast<uint16_t>((divisor_ & 0x00ff) | value << 8);
      } else {
        WriteIer(value);
      }
      break;
    case kUartIirFcr:
      WriteFcr(value);
      break;
    case kUartLcr:
      WriteLcr(value);
      break;
    case kUartMcr:
      WriteMcr(value);
      break;
    case kUartScr:
      scr_ = value;
      break;
    default:
      break;  // LSR and MSR: writes are for factory testing
  }
  return std::nullopt;
}

size_t Uart16550::ReceiveSpace() const { return loopback() ? 0 : fifo_depth() - receiver_.size(); }

void Uart16550::Receive(ReceivedCharacter character) {
  if (!loopback()) Store(character);
}

uint8_t Uart16550::PendingCause() const {
  if ((ier_ & kIerLineStatus) != 0 && line_errors_ != 0) return kIirLineStatus;
  if ((ier_ & kIerReceivedData) != 0 && !receiver_.empty()) {
    return AtTriggerLevel() ? kIirReceivedData : kIirCharacterTimeout;
  }
  if ((ier_ & kIerTransmitterEmpty) != 0 && transmitter_empty_pending_) return kIirTransmitterEmpty;
  if ((ier_ & kIerModemStatus) != 0 && modem_deltas_ != 0) return kIirModemStatus;
  return kIirNone;
}

bool Uart16550::AtTriggerLevel() const {
  constexpr std::array<uint8_t, 4> kLevels = {1, 4, 8, 14};
  return !fifos_enabled_ || receiver_.size() >= kLevels[trigger_];
}

uint8_t Uart16550::ReadData() {
  if (receiver_.empty()) return last_data_;
  last_data_ = receiver_.Pop().data;
  LatchErrorsOfTopCharacter();
  return last_data_;
}

uint8_t Uart16550::ReadIir() {
  const uint8_t cause = PendingCause();
  if (cause == kIirTransmitterEmpty) transmitter_empty_pending_ = false;
  return fifos_enabled_ ? cause | kIirFifosEnabled : cause;
}

uint8_t Uart16550::ReadLsr() {
  uint8_t value = kLsrHoldingEmpty | kLsrTransmitterEmpty | std::exchange(line_errors_, uint8_t{0});
  if (!receiver_.empty()) value |= kLsrDataReady;
  if (!fifos_enabled_) return value;
  bool error_in_fifo = (value & kCharacterErrors) != 0;
  for (size_t i = 0; i < receiver_.size(); ++i) error_in_fifo |= receiver_[i].errors != 0;
  return error_in_fifo ? value | kLsrFifoError : value;
}

uint8_t Uart16550::ReadMsr() { return ModemLines() | std::exchange(modem_deltas_, uint8_t{0}); }

std::optional<uint8_t> Uart16550::WriteData(uint8_t value) {
  transmitter_empty_pending_ = true;
  // The break condition overrides what the transmitter sends.
  if ((lcr_ & kLcrBreak) != 0) return std::nullopt;
  if (!loopback()) return value;
  Store({value, 0});
  return std::nullopt;
}

void Uart16550::WriteIer(uint8_t value) {
  // Enabling the transmitter's interrupt while it is empty raises it: drivers start to send so.
  if ((value & ~ier_ & kIerTransmitterEmpty) != 0) transmitter_empty_pending_ = true;
  ier_ = value & kIerMask;
}

void Uart16550::WriteFcr(uint8_t value) {
  const bool enable = (value & kFcrEnable) != 0;
  if (enable != fifos_enabled_ || (enable && (value & kFcrClearReceiver) != 0)) ClearReceiver();
  fifos_enabled_ = enable;
  // The other bits are taken only together with the enable bit.
  if (enable) trigger_ = value >> kFcrTriggerShift;
}

void Uart16550::WriteLcr(uint8_t value) {
  const bool break_begins = (value & ~lcr_ & kLcrBreak) != 0;
  lcr_ = value;
  if (break_begins && loopback()) Store(kReceivedBreak);
}

void Uart16550::WriteMcr(uint8_t value) {
  const uint8_t before = ModemLines();
  mcr_ = value & kMcrMask;
  const uint8_t after = ModemLines();
  const uint8_t changed = before ^ after;
  if ((changed & kMsrCts) != 0) modem_deltas_ |= kMsrDeltaCts;
  if ((changed & kMsrDsr) != 0) modem_deltas_ |= kMsrDeltaDsr;
  if ((changed & kMsrDcd) != 0) modem_deltas_ |= kMsrDeltaDcd;
  if ((changed & before & kMsrRi) != 0) modem_deltas_ |= kMsrTrailingRi;
}

void Uart16550::Store(ReceivedCharacter character) {
  if (receiver_.size() >= fifo_depth()) {
    line_errors_ |= kLsrOverrun;
    // Without FIFOs the newer character overwrites the older; a full FIFO keeps what it has.
    if (!fifos_enabled_) receiver_.front() = character;
  } else {
    receiver_.Push(character);
  }
  LatchErrorsOfTopCharacter();
}

void Uart16550::LatchErrorsOfTopCharacter() {
  if (receiver_.empty()) return;
  line_errors_ |= std::exchange(receiver_.front().errors, uint8_t{0}) & kLineErrors;
}

void Uart16550::ClearReceiver() {
  receiver_.Clear();
  line_errors_ &= kLsrOverrun;
}

uint8_t Uart16550::ModemLines() const {
  if (!loopback()) return kMsrCts | kMsrDsr | kMsrDcd;
  uint8_t lines = 0;
  if ((mcr_ & kMcrRts) != 0) lines |= kMsrCts;
  if ((mcr_ & kMcrDtr) != 0) lines |= kMsrDsr;
  if ((mcr_ & kMcrOut1) != 0) lines |= kMsrRi;
  if ((mcr_ & kMcrOut2) != 0) lines |= kMsrDcd;
  return lines;
}

}  // namespace sealvm
