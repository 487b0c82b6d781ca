// SPDX-License-Identifier: Apache-2.0
#include "memory/falloc_notifier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "memory/guest_layout.h"

namespace sealvm {
namespace {

using Sharing = FallocNotifier::Sharing;
using Invalidation = FallocNotifier::Invalidation;
using Registration = FallocNotifier::Registration;

constexpr BackingRange kRange = {4 * kPageSize, 2 * kPageSize};

class Recorder : public FallocConsumer {
 public:
  std::string_view Name() const override { return "recorder"; }
  void OnAllocate(BackingRange range) override { Note('a', range); }
  void OnInvalidateStart(BackingRange range) override { Note('s', range); }
  void OnInvalidateEnd(BackingRange range) override { Note('e', range); }
  const std::string& heard() const { return heard_; }

 private:
  void Note(char what, BackingRange range) {
    heard_ += what + std::to_string(range.offset / kPageSize) + "+" +
              std::to_string(range.length / kPageSize) + " ";
  }
  std::string heard_;
};

TEST(FallocNotifierTest, EveryConsumerHearsAllEvents) {
  FallocNotifier notifier(Sharing::kOneVm);
  const auto first = std::make_shared<Recorder>();
  const auto second = std::make_shared<Recorder>();
  const Registration one = *notifier.Register(first, 0);
  const Registration two = *notifier.Register(second, 0);
  notifier.NotifyAllocated(kRange);
  { const Invalidation invalidation(notifier, kRange); }
  EXPECT_EQ(first->heard(), "a4+2 s4+2 e4+2 ");
  EXPECT_EQ(second->heard(), first->heard());
}

TEST(FallocNotifierTest, EndComesAfterTheReleaseAndStartBefore) {
  FallocNotifier notifier(Sharing::kOneVm);
  const auto consumer = std::make_shared<Recorder>();
  const Registration registration = *notifier.Register(consumer, 0);
  {
    const Invalidation invalidation(notifier, kRange);
    EXPECT_EQ(consumer->heard(), "s4+2 ");
  }
  EXPECT_EQ(consumer->heard(), "s4+2 e4+2 ");
}

TEST(FallocNotifierTest, ConsumerThatComesDuringAnInvalidationHearsNoLoneEnd) {
  FallocNotifier notifier(Sharing::kOneVm);
  const auto late = std::make_shared<Recorder>();
  Registration registration;
  {
    const Invalidation invalidation(notifier, kRange);
    registration = *notifier.Register(late, 0);
  }
  EXPECT_EQ(late->heard(), "");
}

TEST(FallocNotifierTest, EndOfTheRegistrationEndsTheCalls) {
  FallocNotifier notifier(Sharing::kOneVm);
  const auto consumer = std::make_shared<Recorder>();
  Registration registration = *notifier.Register(consumer, 0);
  EXPECT_EQ(notifier.consumers(), 1u);
  registration.Reset();
  notifier.NotifyAllocated(kRange);
  EXPECT_EQ(consumer->heard(), "");
  EXPECT_EQ(notifier.consumers(), 0u);
}

TEST(FallocNotifierTest, RegistrationMayOutliveTheNotifier) {
  Registration registration;
  {
    FallocNotifier notifier(Sharing::kOneVm);
    registration = *notifier.Register(std::make_shared<Recorder>(), 0);
  }
  registration.Reset();
}

TEST(FallocNotifierTest, ChainKeepsTheConsumerAlive) {
  FallocNotifier notifier(Sharing::kOneVm);
  auto consumer = std::make_shared<Recorder>();
  const std::weak_ptr<Recorder> watch = consumer;
  Registration registration = *notifier.Register(std::move(consumer), 0);
  EXPECT_FALSE(watch.expired());
  notifier.NotifyAllocated(kRange);
  registration.Reset();
  EXPECT_TRUE(watch.expired());
}

TEST(FallocNotifierTest, SecondVmIsRefusedEvenAfterTheFirstIsGone) {
  FallocNotifier notifier(Sharing::kOneVm);
  const VmIdentity first = NewVmIdentity();
  const VmIdentity second = NewVmIdentity();
  ASSERT_NE(first, second);
  Registration registration = *notifier.Register(std::make_shared<Recorder>(), first);
  EXPECT_TRUE(notifier.Register(std::make_shared<Recorder>(), first).has_value());
  EXPECT_EQ(notifier.Register(std::make_shared<Recorder>(), second).error().kind,
            ErrorKind::kRefused);
  registration.Reset();
  EXPECT_FALSE(notifier.Register(std::make_shared<Recorder>(), second).has_value());
  EXPECT_TRUE(notifier.Register(std::make_shared<Recorder>(), 0).has_value());
}

TEST(FallocNotifierTest, SharedMemoryMayHaveManyVms) {
  FallocNotifier notifier(Sharing::kManyVms);
  const Registration first = *notifier.Register(std::make_shared<Recorder>(), NewVmIdentity());
  EXPECT_TRUE(notifier.Register(std::make_shared<Recorder>(), NewVmIdentity()).has_value());
}

// Checks the promises under concurrency: pairs, no call after the end of a registration.
class StrictConsumer : public FallocConsumer {
 public:
  std::string_view Name() const override { return "strict"; }
  void OnAllocate(BackingRange) override { Touch(); }
  void OnInvalidateStart(BackingRange) override {
    Touch();
    ++open_;
  }
  void OnInvalidateEnd(BackingRange) override {
    Touch();
    if (--open_ < 0) broken_ = true;
  }
  void Close() { closed_ = true; }
  bool broken() const { return broken_ || open_ != 0; }

 private:
  void Touch() {
    if (closed_) broken_ = true;
  }
  std::atomic<int> open_ = 0;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> broken_ = false;
};

TEST(FallocNotifierTest, RegistersAndUnregistersSafelyAgainstEvents) {
  FallocNotifier notifier(Sharing::kOneVm);
  std::atomic<bool> stop = false;
  std::atomic<int> broken = 0;
  const auto emit = [&] {
    while (!stop) {
      notifier.NotifyAllocated(kRange);
      const Invalidation invalidation(notifier, kRange);
    }
  };
  const auto come_and_go = [&] {
    for (int i = 0; i < 500; ++i) {
      const auto consumer = std::make_shared<StrictConsumer>();
      std::optional<Registration> registration = *notifier.Register(consumer, 0);
      std::this_thread::yield();
      registration.reset();
      consumer->Close();
      broken += consumer->broken() ? 1 : 0;
    }
  };
  std::jthread first_emitter(emit);
  std::jthread second_emitter(emit);
  {
    const std::jthread first(come_and_go);
    const std::jthread second(come_and_go);
  }
  stop = true;
  EXPECT_EQ(broken, 0);
}

}  // namespace
}  // namespace sealvm
