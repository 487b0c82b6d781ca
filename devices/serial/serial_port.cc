// SPDX-License-Identifier: Apache-2.0
#include "devices/serial/serial_port.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sealvm {

SerialPort::SerialPort(InterruptLine& line, SerialPortCallbacks callbacks)
    : line_(line), callbacks_(std::move(callbacks)) {
  pending_.reserve(kOutputCapacity);
  in_flight_.reserve(kOutputCapacity);
}

uint8_t SerialPort::ReadRegister(uint64_t offset) {
  uint8_t value = 0;
  bool input_space = false;
  {
    MutexLock lock(mutex_);
    value = uart_.Read(offset);
    Settle();
    input_space = TakeInputSpace();
  }
  if (input_space && callbacks_.on_input_space) callbacks_.on_input_space();
  return value;
}

void SerialPort::WriteRegister(uint64_t offset, uint8_t value) {
  bool announce = false;
  bool input_space = false;
  {
    MutexLock lock(mutex_);
    const std::optional<uint8_t> sent = uart_.Write(offset, value);
    Settle();
    input_space = TakeInputSpace();
    if (sent) announce = AppendOutput(*sent);
  }
  if (input_space && callbacks_.on_input_space) callbacks_.on_input_space();
  if (announce && callbacks_.on_partial_output) callbacks_.on_partial_output();
}

void SerialPort::Flush() {
  MutexLock lock(mutex_);
  Emit();
}

bool SerialPort::FlushPartialLine() {
  MutexLock lock(mutex_);
  if (!pending_.empty() && !emitting_ && emissions_at_tick_ == emissions_) Emit();
  emissions_at_tick_ = emissions_;
  ticking_ = !pending_.empty();
  return ticking_;
}

size_t SerialPort::EnqueueInput(std::span<const uint8_t> bytes) {
  MutexLock lock(mutex_);
  size_t taken = 0;
  while (taken < bytes.size() && PushInput({bytes[taken], 0})) ++taken;
  Settle();
  return taken;
}

bool SerialPort::EnqueueBreak() {
  MutexLock lock(mutex_);
  const bool taken = PushInput(kReceivedBreak);
  Settle();
  return taken;
}

void SerialPort::Settle() {
  MoveInput();
  const bool level = uart_.InterruptPending();
  if (level != line_level_) {
    line_level_ = level;
    line_.SetLevel(level);
  }
}

void SerialPort::MoveInput() {
  while (!backlog_.empty() && uart_.ReceiveSpace() > 0) uart_.Receive(backlog_.Pop());
}

bool SerialPort::PushInput(ReceivedCharacter character) {
  if (backlog_.full()) MoveInput();
  const bool taken = backlog_.Push(character);
  if (!taken) input_refused_ = true;
  return taken;
}

bool SerialPort::TakeInputSpace() {
  // Half the backlog at a time: the host is not woken for each character.
  if (backlog_.size() > kInputCapacity / 2) return false;
  return std::exchange(input_refused_, false);
}

bool SerialPort::AppendOutput(uint8_t byte) {
  const bool was_empty = pending_.empty();
  pending_.push_back(byte);
  if (byte == '\n' || pending_.size() >= kOutputCapacity) {
    Emit();
    return false;
  }
  return was_empty && !std::exchange(ticking_, true);
}

void SerialPort::Emit() {
  while (emitting_) emitted_.Wait(mutex_);
  if (pending_.empty()) return;  // the thread before took ours along
  emitting_ = true;
  ++emissions_;
  in_flight_.swap(pending_);
  mutex_.Unlock();
  if (callbacks_.output) callbacks_.output(in_flight_);
  in_flight_.clear();
  mutex_.Lock();
  emitting_ = false;
  emitted_.NotifyAll();
}

}  // namespace sealvm
