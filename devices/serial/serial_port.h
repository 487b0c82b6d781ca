// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_SERIAL_SERIAL_PORT_H_
#define SEALVM_DEVICES_SERIAL_SERIAL_PORT_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <span>
#include <vector>

#include "devices/byte_register_device.h"
#include "devices/interrupt_line.h"
#include "devices/serial/ring_buffer.h"
#include "devices/serial/uart16550.h"
#include "memory/base/mutex.h"

namespace sealvm {

// What a serial port tells its host. Each may be empty. All are called without the port's lock.
struct SerialPortCallbacks {
  // Bytes that the guest sent, in order: a line with its newline, or less after a flush or when the
  // buffer is full. Called on the thread whose access or flush completed the piece, never
  // concurrently with itself. While it blocks, accesses that complete another piece wait; all other
  // accesses and input go on. Must not call Flush.
  std::function<void(std::span<const uint8_t>)> output = {};

  // An unfinished line has begun to wait. The host then calls FlushPartialLine every tick of some
  // 20 ms until it returns false. Called on the guest's thread; must not block.
  std::function<void()> on_partial_output = {};

  // Input has space again after EnqueueInput or EnqueueBreak took less than it was given. Called on
  // the guest's thread; must not block.
  std::function<void()> on_input_space = {};
};

// A serial port: a 16550A (see Uart16550) with its interrupt and its host's side. A window of
// kSerialLength byte registers at kSerialBase.
//
// Output is gathered so that a line is one call. Input waits in a backlog of kInputCapacity
// characters and moves into the UART as the guest reads, so it never overruns.
//
// The interrupt line follows "an enabled cause is pending" after every step. A driver for an
// edge-triggered input therefore sees an edge for each cause that comes after IIR said "none".
//
// Thread-safe.
class SerialPort : public ByteRegisterDevice {
 public:
  static constexpr size_t kOutputCapacity = 4096;
  static constexpr size_t kInputCapacity = 1024;

  // `line` must outlive the port. It is called with the port's lock held, to keep its levels in
  // order: it must not call back. What has been sent and not flushed is lost at destruction.
  SerialPort(InterruptLine& line, SerialPortCallbacks callbacks);

  std::string_view Name() const override { return "serial"; }

  // Hands all that the guest has sent to the output callback, after waiting for a call under way.
  void Flush() SEALVM_EXCLUDES(mutex_);

  // A tick of the host's clock: hands over an unfinished line that was waiting at the last tick
  // already. Returns whether to tick again; when false, on_partial_output tells when to go on. Does
  // not wait for an output call of another thread, only for its own.
  bool FlushPartialLine() SEALVM_EXCLUDES(mutex_);

  // Gives bytes to the guest; returns how many were taken, from the first.
  size_t EnqueueInput(std::span<const uint8_t> bytes) SEALVM_EXCLUDES(mutex_);

  // Sends a break condition (Linux's "magic SysRq" on a serial console); false when there is no
  // space.
  bool EnqueueBreak() SEALVM_EXCLUDES(mutex_);

 protected:
  uint8_t ReadRegister(uint64_t offset) override SEALVM_EXCLUDES(mutex_);
  void WriteRegister(uint64_t offset, uint8_t value) override SEALVM_EXCLUDES(mutex_);

 private:
  // Moves input into the UART and sets the interrupt line: what follows every change.
  void Settle() SEALVM_REQUIRES(mutex_);
  void MoveInput() SEALVM_REQUIRES(mutex_);
  bool PushInput(ReceivedCharacter character) SEALVM_REQUIRES(mutex_);
  // True once, when a host that was refused can try again.
  bool TakeInputSpace() SEALVM_REQUIRES(mutex_);

  // Adds a sent byte; emits when that completes a piece. True when an unfinished line is to be
  // announced.
  bool AppendOutput(uint8_t byte) SEALVM_REQUIRES(mutex_);
  // Waits for its turn and calls the output callback with all that is pending. Drops the lock
  // meanwhile.
  void Emit() SEALVM_REQUIRES(mutex_);

  InterruptLine& line_;
  const SerialPortCallbacks callbacks_;

  Mutex mutex_;
  Uart16550 uart_ SEALVM_GUARDED_BY(mutex_);
  bool line_level_ SEALVM_GUARDED_BY(mutex_) = false;

  RingBuffer<ReceivedCharacter, kInputCapacity> backlog_ SEALVM_GUARDED_BY(mutex_);
  bool input_refused_ SEALVM_GUARDED_BY(mutex_) = false;

  std::vector<uint8_t> pending_ SEALVM_GUARDED_BY(mutex_);
  bool emitting_ SEALVM_GUARDED_BY(mutex_) = false;
  CondVar emitted_;
  // What the callback is reading; belongs to the thread that set emitting_.
  std::vector<uint8_t> in_flight_;
  // How often pending_ was emptied, and that number at the last tick: is it still the same line?
  uint64_t emissions_ SEALVM_GUARDED_BY(mutex_) = 0;
  uint64_t emissions_at_tick_ SEALVM_GUARDED_BY(mutex_) = 0;
  bool ticking_ SEALVM_GUARDED_BY(mutex_) = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_SERIAL_SERIAL_PORT_H_
