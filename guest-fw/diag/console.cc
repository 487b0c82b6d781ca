// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/console.h"

#include <stddef.h>
#include <stdint.h>

#include "devices/platform_addresses.h"
#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/supervisor.h"

namespace sealvm::diag {
namespace {

// National Semiconductor PC16550D data sheet, section 8.
constexpr uint16_t kData = kSerialBase + 0;
constexpr uint16_t kInterruptEnable = kSerialBase + 1;
constexpr uint16_t kFifoControl = kSerialBase + 2;
constexpr uint16_t kLineControl = kSerialBase + 3;
constexpr uint16_t kModemControl = kSerialBase + 4;
constexpr uint16_t kLineStatus = kSerialBase + 5;
constexpr uint8_t kFifoEnableAndClear = 0x07;
constexpr uint8_t kDivisorLatch = 0x80;
constexpr uint8_t kEightBits = 0x03;
constexpr uint8_t kDtrAndRts = 0x03;
constexpr uint8_t kDataReady = 0x01;
constexpr uint8_t kTransmitterEmpty = 0x20;
constexpr unsigned kFifoDepth = 16;
// A port that never gets ready does not stop the guest.
constexpr unsigned kMaxPolls = 10000;

// Bytes that the transmitter takes before it has to be asked again. Ring 0 only.
unsigned fifo_room = 0;

void WriteByte(uint8_t byte) {
  if (fifo_room == 0) {
    for (unsigned i = 0; i < kMaxPolls && (In8(kLineStatus) & kTransmitterEmpty) == 0; ++i) {
      Pause();
    }
    fifo_room = kFifoDepth;
  }
  Out8(kData, byte);
  --fifo_room;
}

uint8_t ReadByte() {
  while ((In8(kLineStatus) & kDataReady) == 0) {
    Pause();
  }
  return In8(kData);
}

}  // namespace

void SetUpConsole() {
  InRing0([] {
    Out8(kInterruptEnable, 0);
    Out8(kLineControl, kDivisorLatch);
    Out8(kData, 1);  // 115200 baud
    Out8(kInterruptEnable, 0);
    Out8(kLineControl, kEightBits);
    Out8(kFifoControl, kFifoEnableAndClear);
    Out8(kModemControl, kDtrAndRts);
    fifo_room = 0;
  });
}

void WriteConsole(std::string_view text) {
  InRing0([text] {
    for (char c : text) {
      if (c == '\n') {
        WriteByte('\r');
      }
      WriteByte(static_cast<uint8_t>(c));
    }
  });
}

std::string_view ReadLine(std::span<char> storage) {
  size_t size = 0;
  InRing0([&] {
    for (uint8_t c = ReadByte(); c != '\n' && c != '\r'; c = ReadByte()) {
      if (size < storage.size()) {
        storage[size++] = static_cast<char>(c);
      }
    }
  });
  return {storage.data(), size};
}

}  // namespace sealvm::diag
