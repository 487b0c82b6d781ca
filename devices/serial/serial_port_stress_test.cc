// SPDX-License-Identifier: Apache-2.0
// Many threads at one port; built with the thread sanitizer these show races, in any build
// lost, doubled and reordered bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "devices/serial/serial_port.h"
#include "devices/testing.h"

namespace sealvm {
namespace {

using namespace internal;  // NOLINT(google-build-using-namespace): the register names

constexpr int kLines = 400;

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void SendLetters(SerialPort& port, char letter) {
  for (int line = 0; line < kLines; ++line) {
    for (int column = 0; column < line % 40; ++column) {
      WriteByte(port, kUartData, static_cast<uint8_t>(letter));
    }
    WriteByte(port, kUartData, '\n');
  }
}

size_t Count(std::string_view text, char letter) {
  return static_cast<size_t>(std::ranges::count(text, letter));
}

TEST(SerialPortStressTest, OutputOfSeveralCpusIsCompleteAndNeverConcurrent) {
  RecordingLine line;
  std::string console;
  std::atomic<int> inside{0};
  bool overlapped = false;
  SerialPort port(line, {.output = [&](std::span<const uint8_t> bytes) {
                    if (inside.fetch_add(1) != 0) overlapped = true;
                    console.append(bytes.begin(), bytes.end());
                    inside.fetch_sub(1);
                  }});
  std::atomic<bool> done{false};
  std::jthread ticker([&] {
    while (!done) port.FlushPartialLine();
  });
  {
    std::jthread a([&] { SendLetters(port, 'a'); });
    std::jthread b([&] { SendLetters(port, 'b'); });
    std::jthread c([&] { SendLetters(port, 'c'); });
  }
  done = true;
  ticker.join();
  port.Flush();

  EXPECT_FALSE(overlapped);
  EXPECT_EQ(Count(console, '\n'), 3u * kLines);
  size_t letters = 0;
  for (int i = 0; i < kLines; ++i) letters += static_cast<size_t>(i % 40);
  for (const char letter : {'a', 'b', 'c'}) EXPECT_EQ(Count(console, letter), letters) << letter;
}

TEST(SerialPortStressTest, OutputOfOneCpuKeepsItsOrderWhileOthersFlush) {
  RecordingLine line;
  std::string console;
  SerialPort port(line, {.output = [&](std::span<const uint8_t> bytes) {
                    console.append(bytes.begin(), bytes.end());
                  }});
  std::string sent;
  for (int i = 0; i < 20000; ++i) sent += static_cast<char>('!' + i % 90);
  std::atomic<bool> done{false};
  {
    std::jthread flusher([&] {
      while (!done) port.Flush();
    });
    std::jthread ticker([&] {
      while (!done) port.FlushPartialLine();
    });
    for (const char c : sent) WriteByte(port, kUartData, static_cast<uint8_t>(c));
    done = true;
  }
  port.Flush();

  EXPECT_EQ(console, sent);
}

// An interrupt-driven guest as Linux's 8250 driver is: it sleeps until an edge and then serves
// causes until IIR says none. A lost edge hangs it; the deadline turns that into a failure.
class EdgeDrivenReader : public InterruptLine {
 public:
  void SetLevel(bool asserted) override {
    const std::lock_guard lock(mutex_);
    if (asserted && !level_) {
      ++edges_;
      edge_.notify_one();
    }
    level_ = asserted;
  }

  std::string ReadUntil(SerialPort& port, size_t wanted) {
    std::string text;
    int served = 0;
    while (text.size() < wanted) {
      std::unique_lock lock(mutex_);
      if (!edge_.wait_for(lock, std::chrono::seconds(20), [&] { return edges_ != served; })) break;
      served = edges_;
      lock.unlock();
      ServeCauses(port, text);
    }
    return text;
  }

 private:
  static void ServeCauses(SerialPort& port, std::string& text) {
    while ((ReadByte(port, kUartIirFcr) & kIirNone) == 0) {
      while ((ReadByte(port, kUartLsr) & kLsrDataReady) != 0) {
        text += static_cast<char>(ReadByte(port, kUartData));
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable edge_;
  bool level_ = false;
  int edges_ = 0;
};

TEST(SerialPortStressTest, EdgeDrivenGuestGetsAllInputWhileAnotherCpuPrints) {
  EdgeDrivenReader guest;
  std::mutex mutex;
  std::condition_variable space;
  bool has_space = false;
  SerialPort port(guest, {.on_input_space = [&] {
                    const std::lock_guard lock(mutex);
                    has_space = true;
                    space.notify_one();
                  }});
  WriteByte(port, kUartIirFcr, kFcrEnable | 2 << kFcrTriggerShift);
  WriteByte(port, kUartIer, kIerReceivedData | kIerLineStatus);
  std::string typed;
  for (int i = 0; i < 20000; ++i) typed += static_cast<char>('a' + i % 26);
  std::jthread keyboard([&] {
    std::string_view rest = typed;
    while (!rest.empty()) {
      {
        const std::lock_guard lock(mutex);
        has_space = false;
      }
      const size_t taken = port.EnqueueInput(Bytes(rest.substr(0, 100)));
      rest.remove_prefix(taken);
      if (taken > 0) continue;
      std::unique_lock lock(mutex);
      if (!space.wait_for(lock, std::chrono::seconds(20), [&] { return has_space; })) break;
    }
  });
  std::jthread printer([&] { SendLetters(port, 'p'); });

  EXPECT_EQ(guest.ReadUntil(port, typed.size()), typed);
}

TEST(SerialPortStressTest, BlockedConsoleStopsNeitherInputNorTicks) {
  RecordingLine line;
  std::mutex mutex;
  std::condition_variable changed;
  bool blocked = false;
  bool release = false;
  SerialPort port(line, {.output = [&](std::span<const uint8_t>) {
                    std::unique_lock lock(mutex);
                    blocked = true;
                    changed.notify_all();
                    changed.wait(lock, [&] { return release; });
                  }});
  std::jthread writer([&] { WriteByte(port, kUartData, '\n'); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return blocked; });
  }

  WriteByte(port, kUartData, 'x');
  EXPECT_EQ(port.EnqueueInput(Bytes("y")), 1u);
  EXPECT_EQ(ReadByte(port, kUartData), 'y');
  EXPECT_TRUE(port.FlushPartialLine());

  {
    const std::lock_guard lock(mutex);
    release = true;
  }
  changed.notify_all();
}

}  // namespace
}  // namespace sealvm
