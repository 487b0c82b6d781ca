// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/loop_device.h"

#include <gtest/gtest.h>

#include <array>

#include "devices/virtio/chain_io.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

// Gives back every request with one byte written; two queues on two loops.
class EchoDevice : public LoopDevice {
 public:
  ~EchoDevice() override { Reset(); }
  std::string_view Name() const override { return "echo"; }
  VirtioType Type() const override { return VirtioType::kRng; }
  uint64_t Features() const override { return 0; }
  std::span<const uint16_t> QueueSizes() const override { return kSizes; }
  void ReadConfig(uint64_t, std::span<uint8_t>) override {}

  std::atomic<int> starts = 0;
  std::atomic<int> stops = 0;
  std::atomic<int> resets = 0;
  std::atomic<int> turns = 0;
  int requests_per_turn = kRequestsPerTurn;

 protected:
  size_t LoopCount() const override { return 2; }
  size_t LoopOf(uint16_t queue) const override { return queue; }
  Result<> OnQueueStart(RunningQueue& queue) override {
    EXPECT_TRUE(queue.loop().IsThisThread());
    ++starts;
    return {};
  }
  bool OnKick(RunningQueue& queue) override {
    ++turns;
    DescriptorChain chain;
    int done = 0;
    while (done < requests_per_turn && queue.Pop(chain)) {
      ChainCursor cursor(chain.writable());
      if (const auto written = cursor.WriteObject(*queue.memory(), uint8_t{42}); !written) {
        queue.Fail(written.error());
        return false;
      }
      queue.Push(chain, 1);
      ++done;
    }
    queue.Interrupt();
    return done == requests_per_turn;
  }
  void OnQueueStop(RunningQueue&) override { ++stops; }
  void OnReset() override { ++resets; }

 private:
  static constexpr std::array<uint16_t, 2> kSizes = {64, 64};
};

class LoopDeviceTest : public testing::Test {
 protected:
  TestGuest guest_;
  EchoDevice device_;
};

TEST_F(LoopDeviceTest, AnswersOnEachQueue) {
  TestDriver driver(guest_, device_);
  ASSERT_TRUE(driver.Start().has_value());
  for (uint16_t queue : {0, 1}) {
    const GuestBuffer room = guest_.Room(1);
    EXPECT_EQ(driver.Transact(queue, {}, {&room, 1}), 1u);
    EXPECT_EQ(guest_.Read(room)[0], 42);
  }
  EXPECT_EQ(device_.starts, 2);
  EXPECT_GE(device_.counters().kicks, 2u);
  EXPECT_GE(device_.counters().interrupts, 2u);
}

TEST_F(LoopDeviceTest, RequestsFromBeforeTheStartAreAnswered) {
  TestDriver driver(guest_, device_);
  const GuestBuffer room = guest_.Room(1);
  driver.queue(0).Add({}, {&room, 1});
  ASSERT_TRUE(driver.Start().has_value());
  EXPECT_TRUE(driver.Wait(0).has_value());
}

TEST_F(LoopDeviceTest, ATurnThatWantsAnotherGetsIt) {
  device_.requests_per_turn = 1;
  TestDriver driver(guest_, device_);
  for (int i = 0; i < 10; ++i) {
    const GuestBuffer room = guest_.Room(1);
    driver.queue(0).Add({}, {&room, 1});
  }
  ASSERT_TRUE(driver.Start().has_value());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(driver.Wait(0).has_value());
  EXPECT_GE(device_.turns, 10);
}

TEST_F(LoopDeviceTest, ResetStopsEveryQueueAndMayBeRepeated) {
  TestDriver driver(guest_, device_);
  ASSERT_TRUE(driver.Start().has_value());
  driver.Reset();
  EXPECT_EQ(device_.stops, 2);
  EXPECT_EQ(device_.resets, 1);
  device_.Reset();
  EXPECT_EQ(device_.resets, 1);
}

TEST_F(LoopDeviceTest, AQueueThatStoppedTouchesNothing) {
  TestDriver driver(guest_, device_);
  ASSERT_TRUE(driver.Start().has_value());
  device_.StopQueue(1);
  const GuestBuffer room = guest_.Room(1);
  driver.Submit(1, {}, {&room, 1});
  EXPECT_TRUE(driver.Transact(0, {}, {&room, 1}).has_value());
  EXPECT_FALSE(driver.queue(1).TakeUsed().has_value());
}

TEST_F(LoopDeviceTest, ABrokenRequestFailsTheDeviceOnce) {
  TestDriver driver(guest_, device_);
  ASSERT_TRUE(driver.Start().has_value());
  const GuestBuffer nowhere{uint64_t{1} << 40, 16};
  driver.Submit(0, {}, {&nowhere, 1});
  EXPECT_TRUE(
      driver.transport().WaitUntil([&] { return driver.transport().failure().has_value(); }));
  EXPECT_NE(driver.transport().failure()->find("queue 0"), std::string::npos);
  const int turns = device_.turns;
  driver.Kick(0);
  device_.StopQueue(0);
  EXPECT_EQ(device_.turns, turns);
}

TEST_F(LoopDeviceTest, WorksAgainAfterAReset) {
  TestDriver first(guest_, device_);
  ASSERT_TRUE(first.Start().has_value());
  first.Reset();
  TestDriver second(guest_, device_);
  ASSERT_TRUE(second.Start().has_value());
  const GuestBuffer room = guest_.Room(1);
  EXPECT_EQ(second.Transact(0, {}, {&room, 1}), 1u);
}

}  // namespace
}  // namespace sealvm
