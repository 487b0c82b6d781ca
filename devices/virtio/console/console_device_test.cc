// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/console/console_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

constexpr uint16_t kReceive = 0;
constexpr uint16_t kTransmit = 1;
constexpr uint64_t kEmergencyWrite = 8;

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// What the host saw of a console. Thread-safe.
class Host {
 public:
  ConsoleCallbacks Callbacks() {
    return {.output = [this](std::span<const uint8_t> bytes) { OnOutput(bytes); },
            .on_input_space =
                [this] {
                  MutexLock lock(mutex_);
                  ++spaces_;
                }};
  }
  std::string output() {
    MutexLock lock(mutex_);
    return output_;
  }
  size_t longest_piece() {
    MutexLock lock(mutex_);
    return longest_piece_;
  }
  int spaces() {
    MutexLock lock(mutex_);
    return spaces_;
  }
  // The next call waits until it is released.
  void Hold(bool held) {
    MutexLock lock(mutex_);
    held_ = held;
    released_.NotifyAll();
  }
  bool holds() {
    MutexLock lock(mutex_);
    return waiting_;
  }

 private:
  void OnOutput(std::span<const uint8_t> bytes) {
    MutexLock lock(mutex_);
    waiting_ = held_;
    while (held_) released_.Wait(mutex_);
    waiting_ = false;
    output_.append(bytes.begin(), bytes.end());
    longest_piece_ = std::max(longest_piece_, bytes.size());
  }

  Mutex mutex_;
  CondVar released_;
  bool held_ SEALVM_GUARDED_BY(mutex_) = false;
  bool waiting_ SEALVM_GUARDED_BY(mutex_) = false;
  std::string output_ SEALVM_GUARDED_BY(mutex_);
  size_t longest_piece_ SEALVM_GUARDED_BY(mutex_) = 0;
  int spaces_ SEALVM_GUARDED_BY(mutex_) = 0;
};

class ConsoleDeviceTest : public ::testing::TestWithParam<bool> {
 protected:
  void Start() { ASSERT_TRUE(driver_.Start()); }

  std::optional<uint32_t> Send(const std::string& text) {
    const GuestBuffer buffer = guest_.Place(text);
    return driver_.Transact(kTransmit, {&buffer, 1}, {});
  }
  // What the device puts into a buffer of this size.
  std::string Receive(uint32_t room) {
    const GuestBuffer buffer = guest_.Room(room);
    const std::optional<uint32_t> written = driver_.Transact(kReceive, {}, {&buffer, 1});
    return guest_.ReadText({buffer.gpa, buffer.length}).substr(0, written.value_or(0));
  }
  template <typename T>
  T Config(uint64_t offset) {
    T value = 0xee;
    device_->ReadConfig(offset, {reinterpret_cast<uint8_t*>(&value), sizeof(value)});
    return value;
  }

  Host host_;
  TestGuest guest_;
  std::shared_ptr<ConsoleDevice> device_ =
      *ConsoleDevice::Create({.cols = 100, .rows = 40}, host_.Callbacks());
  TestDriver driver_{guest_, *device_, {.packed = GetParam(), .in_order = true}};
};

INSTANTIATE_TEST_SUITE_P(Rings, ConsoleDeviceTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "packed" : "split"; });

TEST_P(ConsoleDeviceTest, OutputReachesTheHost) {
  Start();

  EXPECT_EQ(Send("hello\n"), 0u);
  EXPECT_EQ(host_.output(), "hello\n");
}

TEST_P(ConsoleDeviceTest, OutputOfManyRequestsKeepsItsOrder) {
  Start();
  std::string all;
  for (int i = 0; i < 300; ++i) {
    const std::string line = std::to_string(i) + "\n";
    ASSERT_TRUE(Send(line));
    all += line;
  }
  EXPECT_EQ(host_.output(), all);
}

TEST_P(ConsoleDeviceTest, LongOutputComesInPieces) {
  Start();
  std::string text(1 << 20, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);

  ASSERT_TRUE(Send(text));

  EXPECT_EQ(host_.output(), text);
  EXPECT_LE(host_.longest_piece(), ConsoleDevice::kOutputChunk);
}

TEST_P(ConsoleDeviceTest, OutputOutsideOfMemoryStopsTheDevice) {
  Start();
  const GuestBuffer nowhere{uint64_t{1} << 50, 64};

  driver_.Submit(kTransmit, {&nowhere, 1}, {});
  EXPECT_TRUE(
      driver_.transport().WaitUntil([&] { return driver_.transport().failure().has_value(); }));
  EXPECT_EQ(host_.output(), "");
  EXPECT_EQ(device_->counters().refused_ranges, 1u);
}

TEST_P(ConsoleDeviceTest, InputReachesTheGuest) {
  Start();

  EXPECT_EQ(device_->EnqueueInput(Bytes("ls\n")), 3u);
  EXPECT_EQ(Receive(16), "ls\n");
}

TEST_P(ConsoleDeviceTest, InputReachesABufferThatWaits) {
  Start();
  const GuestBuffer buffer = guest_.Room(16);
  driver_.Submit(kReceive, {}, {&buffer, 1});

  device_->EnqueueInput(Bytes("pwd\n"));

  const auto used = driver_.Wait(kReceive);
  ASSERT_TRUE(used);
  EXPECT_EQ(used->written, 4u);
  EXPECT_EQ(guest_.ReadText({buffer.gpa, 4}), "pwd\n");
}

TEST_P(ConsoleDeviceTest, InputBeforeTheDriverIsKept) {
  EXPECT_EQ(device_->EnqueueInput(Bytes("early")), 5u);
  Start();

  EXPECT_EQ(Receive(16), "early");
}

TEST_P(ConsoleDeviceTest, InputIsSplitOverBuffers) {
  Start();
  device_->EnqueueInput(Bytes("abcdefgh"));

  EXPECT_EQ(Receive(3), "abc");
  EXPECT_EQ(Receive(3), "def");
  EXPECT_EQ(Receive(3), "gh");
}

TEST_P(ConsoleDeviceTest, InputBeyondTheCapacityIsRefused) {
  const std::string text(ConsoleDevice::kInputCapacity + 10, 'x');

  EXPECT_EQ(device_->EnqueueInput(Bytes(text)), ConsoleDevice::kInputCapacity);
  EXPECT_EQ(device_->EnqueueInput(Bytes("y")), 0u);
}

TEST_P(ConsoleDeviceTest, RefusedInputIsToldOfSpaceOnce) {
  const std::string text(ConsoleDevice::kInputCapacity + 10, 'x');
  device_->EnqueueInput(Bytes(text));
  Start();

  EXPECT_EQ(Receive(ConsoleDevice::kInputCapacity).size(), ConsoleDevice::kInputCapacity);

  EXPECT_TRUE(driver_.transport().WaitUntil([&] { return host_.spaces() == 1; }));
  EXPECT_EQ(device_->EnqueueInput(Bytes("y")), 1u);
  EXPECT_EQ(Receive(1), "y");
  EXPECT_EQ(host_.spaces(), 1);
}

TEST_P(ConsoleDeviceTest, AcceptedInputIsNotToldOfSpace) {
  Start();
  device_->EnqueueInput(Bytes("abc"));
  ASSERT_EQ(Receive(16), "abc");
  device_->EnqueueInput(Bytes("def"));
  ASSERT_EQ(Receive(16), "def");

  EXPECT_EQ(host_.spaces(), 0);
}

TEST_P(ConsoleDeviceTest, BlockedOutputDoesNotBlockTheCallers) {
  Start();
  host_.Hold(true);
  const GuestBuffer text = guest_.Place("slow");
  driver_.Submit(kTransmit, {&text, 1}, {});
  ASSERT_TRUE(driver_.transport().WaitUntil([&] { return host_.holds(); }));

  EXPECT_EQ(device_->EnqueueInput(Bytes("abc")), 3u);
  device_->Resize(1, 2);
  const uint8_t byte = '!';
  device_->WriteConfig(kEmergencyWrite, {&byte, 1});
  EXPECT_EQ(host_.output(), "");

  host_.Hold(false);
  EXPECT_TRUE(driver_.transport().WaitUntil([&] { return host_.output() == "slow!"; }));
}

TEST_P(ConsoleDeviceTest, ConfigTellsTheSize) {
  EXPECT_EQ(Config<uint16_t>(0), 100);
  EXPECT_EQ(Config<uint16_t>(2), 40);
  EXPECT_EQ(Config<uint64_t>(4), 0u);
  EXPECT_EQ(Config<uint32_t>(12), 0u);
  EXPECT_EQ(Config<uint32_t>(~uint64_t{0}), 0u);
}

TEST_P(ConsoleDeviceTest, ResizeInterruptsTheDriver) {
  Start();

  device_->Resize(132, 50);

  EXPECT_TRUE(
      driver_.transport().WaitUntil([&] { return driver_.transport().config_interrupts() == 1; }));
  EXPECT_EQ(Config<uint32_t>(0), 132u | 50u << 16);
}

TEST_P(ConsoleDeviceTest, ResizeToTheSameSizeDoesNotInterrupt) {
  Start();
  device_->Resize(100, 40);
  device_->Resize(101, 40);
  ASSERT_TRUE(
      driver_.transport().WaitUntil([&] { return driver_.transport().config_interrupts() > 0; }));

  EXPECT_EQ(driver_.transport().config_interrupts(), 1u);
}

TEST_P(ConsoleDeviceTest, EmergencyWriteWorksWithoutADriver) {
  const std::array<uint8_t, 4> value = {'!', 0, 0, 0};

  device_->WriteConfig(kEmergencyWrite, value);

  EXPECT_EQ(host_.output(), "!");
}

TEST_P(ConsoleDeviceTest, EmergencyWritesKeepTheirOrderWithADriver) {
  Start();
  for (const uint8_t byte : {'o', 'o', 'p', 's'}) device_->WriteConfig(kEmergencyWrite, {&byte, 1});

  EXPECT_TRUE(driver_.transport().WaitUntil([&] { return host_.output() == "oops"; }));
}

TEST_P(ConsoleDeviceTest, OtherConfigurationIsReadOnly) {
  const std::array<uint8_t, 4> value = {1, 2, 3, 4};
  device_->WriteConfig(0, value);
  device_->WriteConfig(4, value);
  device_->WriteConfig(~uint64_t{0}, value);

  EXPECT_EQ(Config<uint16_t>(0), 100);
  EXPECT_EQ(host_.output(), "");
}

TEST_P(ConsoleDeviceTest, WorksAgainAfterReset) {
  Start();
  ASSERT_TRUE(Send("one"));
  driver_.Reset();
  device_->EnqueueInput(Bytes("between"));
  Start();

  EXPECT_TRUE(Send("two"));
  EXPECT_EQ(host_.output(), "onetwo");
  EXPECT_EQ(Receive(16), "between");
}

TEST_P(ConsoleDeviceTest, ResetEndsALongRequest) {
  Start();
  // 64 descriptors of the same 8 MiB: output that would take very long.
  const std::vector<GuestBuffer> buffers(60, GuestBuffer{4096, 8 << 20});
  driver_.Submit(kTransmit, buffers, {});
  ASSERT_TRUE(driver_.transport().WaitUntil([&] { return !host_.output().empty(); }));

  driver_.Reset();

  EXPECT_LT(host_.output().size(), 60u * (8 << 20));
}

TEST_P(ConsoleDeviceTest, InputAndResizeFromOtherThreadsDuringResets) {
  std::atomic<bool> stop = false;
  std::thread typist([&] {
    for (uint16_t i = 0; !stop; ++i) {
      device_->EnqueueInput(Bytes("x"));
      device_->Resize(i, i);
    }
  });
  for (int i = 0; i < 20; ++i) {
    Start();
    EXPECT_FALSE(Receive(8).empty());
    driver_.Reset();
  }
  stop = true;
  typist.join();
}

TEST(ConsoleOptionsTest, QueueSizeMustBeAPowerOfTwo) {
  const auto device = ConsoleDevice::Create({.receive_queue_size = 100}, {});

  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().kind, ErrorKind::kInvalidInput);
}

TEST(ConsoleOptionsTest, QueuesHaveTheSizesAskedFor) {
  const auto device =
      ConsoleDevice::Create({.receive_queue_size = 16, .transmit_queue_size = 128}, {});

  ASSERT_TRUE(device);
  EXPECT_EQ((*device)->QueueSizes()[0], 16);
  EXPECT_EQ((*device)->QueueSizes()[1], 128);
}

}  // namespace
}  // namespace sealvm
