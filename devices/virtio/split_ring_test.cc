// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/split_ring.h"

#include <gtest/gtest.h>

#include <string>

#include "devices/virtio/ring_checks.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

constexpr uint16_t kSize = 8;
constexpr Gpa kData = 0x10000;
constexpr Gpa kTable = 0x20000;

struct Descriptor {
  uint64_t gpa = kData;
  uint32_t length = 16;
  uint16_t flags = 0;
  uint16_t next = 0;
};

// A ring whose bytes the tests write themselves.
class SplitRingTest : public testing::Test {
 protected:
  static constexpr QueueLayout kLayout = {kSize, 0x1000, 0x2000, 0x3000};
  static constexpr Gpa kUsedEvent = 0x2000 + 4 + 2 * kSize;
  static constexpr Gpa kAvailEvent = 0x3000 + 4 + 8 * kSize;

  // Descriptor 0 is a sound one.
  void Make(uint64_t features) {
    ring_ = *Virtqueue::Create(features, kLayout, guest_.view());
    Describe(0, {});
  }
  void Describe(uint16_t index, const Descriptor& descriptor, Gpa table = kLayout.descriptor_area) {
    ASSERT_TRUE(guest_.memory().WriteObject(table + 16 * index, descriptor).has_value());
  }
  void Store(Gpa gpa, uint16_t value) {
    ASSERT_TRUE(guest_.view()->Store<uint16_t>(gpa, value).has_value());
  }
  uint16_t Load(Gpa gpa) { return *guest_.view()->Load<uint16_t>(gpa); }
  void Offer(uint16_t head) {
    Store(kLayout.driver_area + 4 + 2 * (available_ % kSize), head);
    Store(kLayout.driver_area + 2, ++available_);
  }
  // The message with which the ring refuses the chain at `head`.
  std::string Refusal(uint16_t head) {
    Offer(head);
    DescriptorChain chain;
    const auto popped = ring_->Pop(chain);
    if (popped.has_value()) return "taken";
    EXPECT_EQ(popped.error().kind, ErrorKind::kInvalidInput);
    return popped.error().message;
  }
  // Moves both sides on by `count` requests of one descriptor.
  void Cycle(int count) {
    DescriptorChain chain;
    for (int i = 0; i < count; ++i) {
      Offer(0);
      ASSERT_TRUE(ring_->Pop(chain).value());
      ASSERT_TRUE(ring_->Push(chain, 0).has_value());
    }
  }

  TestGuest guest_;
  std::unique_ptr<Virtqueue> ring_;
  uint16_t available_ = 0;
};

TEST_F(SplitRingTest, AChainFollowsNext) {
  Make(0);
  Describe(5, {0x5000, 1, kDescriptorNext, 2});
  Describe(2, {0x6000, 2, kDescriptorNext | kDescriptorWrite, 7});
  Describe(7, {0x7000, 3, kDescriptorWrite, 0});
  Offer(5);
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.id, 5u);
  ASSERT_EQ(chain.readable().size(), 1u);
  EXPECT_EQ(chain.readable()[0], (GuestBuffer{0x5000, 1}));
  ASSERT_EQ(chain.writable().size(), 2u);
  EXPECT_EQ(chain.writable()[1], (GuestBuffer{0x7000, 3}));
}

TEST_F(SplitRingTest, AUsedElementHoldsHeadAndLength) {
  Make(0);
  Describe(3, {});
  Offer(3);
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  ASSERT_TRUE(ring_->Push(chain, 0x12345).has_value());
  EXPECT_EQ(Load(kLayout.device_area + 2), 1u);
  EXPECT_EQ(*guest_.view()->Load<uint32_t>(kLayout.device_area + 4), 3u);
  EXPECT_EQ(*guest_.view()->Load<uint32_t>(kLayout.device_area + 8), 0x12345u);
}

TEST_F(SplitRingTest, AHeadOutsideOfTheTable) {
  Make(0);
  EXPECT_EQ(Refusal(kSize), "descriptor 8 in a table of 8 entries");
}

TEST_F(SplitRingTest, ANextOutsideOfTheTable) {
  Make(0);
  Describe(0, {.flags = kDescriptorNext, .next = 0xffff});
  EXPECT_EQ(Refusal(0), "descriptor 65535 in a table of 8 entries");
}

TEST_F(SplitRingTest, AChainInACircle) {
  Make(0);
  Describe(0, {.flags = kDescriptorNext, .next = 1});
  Describe(1, {.flags = kDescriptorNext, .next = 0});
  EXPECT_EQ(Refusal(0), "a descriptor chain that runs in a circle");
}

TEST_F(SplitRingTest, AChainOfTheWholeTableIsNoCircle) {
  Make(0);
  for (uint16_t i = 0; i < kSize; ++i) {
    const bool last = i + 1 == kSize;
    Describe(i,
             {.flags = last ? uint16_t{0} : kDescriptorNext, .next = static_cast<uint16_t>(i + 1)});
  }
  EXPECT_EQ(Refusal(0), "taken");
}

TEST_F(SplitRingTest, AnAvailableIndexThatJumps) {
  Make(0);
  Store(kLayout.driver_area + 2, kSize + 1);
  DescriptorChain chain;
  const auto popped = ring_->Pop(chain);
  ASSERT_FALSE(popped.has_value());
  EXPECT_EQ(popped.error().message, "the available index jumps by 9 in a virtqueue of 8 entries");
}

TEST_F(SplitRingTest, AnAvailableIndexThatGoesBack) {
  Make(0);
  Cycle(3);
  Store(kLayout.driver_area + 2, 2);
  DescriptorChain chain;
  EXPECT_FALSE(ring_->Pop(chain).has_value());
  EXPECT_FALSE(ring_->WantKicks(true).has_value());
}

TEST_F(SplitRingTest, MoreRequestsThanEntriesAtATime) {
  Make(0);
  DescriptorChain chain;
  for (int i = 0; i < kSize; ++i) {
    Offer(0);
    ASSERT_TRUE(ring_->Pop(chain).value());
  }
  EXPECT_EQ(Refusal(0), "more requests are available than the virtqueue has entries");
}

TEST_F(SplitRingTest, ABufferWithoutAByte) {
  Make(0);
  Describe(0, {.length = 0});
  EXPECT_EQ(Refusal(0), "a descriptor without a byte");
}

TEST_F(SplitRingTest, ABufferThatWraps) {
  Make(0);
  Describe(0, {.gpa = ~uint64_t{0} - 1, .length = 4});
  EXPECT_EQ(Refusal(0), "a descriptor of 4 bytes at 0xfffffffffffffffe runs past the last address");
}

TEST_F(SplitRingTest, AReadableBufferBehindAWritableOne) {
  Make(0);
  Describe(0, {.flags = kDescriptorNext | kDescriptorWrite, .next = 1});
  Describe(1, {});
  EXPECT_EQ(Refusal(0), "a readable descriptor behind a writable one");
}

TEST_F(SplitRingTest, AnIndirectTableHoldsTheChain) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, 48, kDescriptorIndirect, 0});
  Describe(0, {.length = 1, .flags = kDescriptorNext, .next = 2}, kTable);
  Describe(2, {.length = 2, .flags = kDescriptorNext | kDescriptorWrite, .next = 1}, kTable);
  Describe(1, {.length = 3, .flags = kDescriptorWrite}, kTable);
  Offer(0);
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.readable_bytes(), 1u);
  EXPECT_EQ(chain.writable_bytes(), 5u);
}

// Section 2.7.5.3.2 allows it; and the writable bit of the descriptor that names the table is idle.
TEST_F(SplitRingTest, DirectBuffersMayPrecedeAnIndirectTable) {
  Make(kFeatureIndirect);
  Describe(0, {.length = 5, .flags = kDescriptorNext, .next = 1});
  Describe(1, {kTable, 16, kDescriptorIndirect | kDescriptorWrite, 0});
  Describe(0, {.length = 7}, kTable);
  Offer(0);
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.readable_bytes(), 12u);
  EXPECT_EQ(chain.id, 0u);
}

TEST_F(SplitRingTest, AnIndirectTableThatWasNotNegotiated) {
  Make(0);
  Describe(0, {kTable, 16, kDescriptorIndirect, 0});
  Describe(0, {}, kTable);
  EXPECT_EQ(Refusal(0), "an indirect descriptor, which was not negotiated");
}

TEST_F(SplitRingTest, AnIndirectDescriptorWithANext) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, 16, kDescriptorIndirect | kDescriptorNext, 1});
  Describe(0, {}, kTable);
  EXPECT_EQ(Refusal(0), "an indirect descriptor that continues with another one");
}

TEST_F(SplitRingTest, AnIndirectTableInAnIndirectTable) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, 16, kDescriptorIndirect, 0});
  Describe(0, {kTable, 16, kDescriptorIndirect, 0}, kTable);
  EXPECT_EQ(Refusal(0), "an indirect table inside an indirect table");
}

class SplitRingTableLengthTest : public SplitRingTest,
                                 public testing::WithParamInterface<uint32_t> {};

TEST_P(SplitRingTableLengthTest, IsRefused) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, GetParam(), kDescriptorIndirect, 0});
  Describe(0, {}, kTable);
  EXPECT_EQ(Refusal(0), "an indirect table of " + std::to_string(GetParam()) + " bytes");
}

INSTANTIATE_TEST_SUITE_P(Lengths, SplitRingTableLengthTest,
                         testing::Values(0, 1, 15, 17, 16 * (kMaxIndirectEntries + 1), 0xfffffff0));

TEST_F(SplitRingTest, TheLongestIndirectTableIsTakenWhateverTheQueuesSize) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, 16 * kMaxIndirectEntries, kDescriptorIndirect, 0});
  for (uint16_t i = 0; i < kMaxIndirectEntries; ++i) {
    const bool last = i + 1u == kMaxIndirectEntries;
    Describe(i,
             {.length = 1,
              .flags = last ? uint16_t{0} : kDescriptorNext,
              .next = static_cast<uint16_t>(i + 1)},
             kTable);
  }
  Offer(0);
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.readable().size(), kMaxIndirectEntries);
}

TEST_F(SplitRingTest, AnIndirectTableThatWraps) {
  Make(kFeatureIndirect);
  Describe(0, {~uint64_t{31}, 64, kDescriptorIndirect, 0});
  EXPECT_EQ(Refusal(0), "the indirect table at 0xffffffffffffffe0 runs past the last address");
}

TEST_F(SplitRingTest, ANextOutsideOfTheIndirectTable) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, 32, kDescriptorIndirect, 0});
  Describe(0, {.flags = kDescriptorNext, .next = 2}, kTable);
  Describe(2, {}, kTable);
  EXPECT_EQ(Refusal(0), "descriptor 2 in a table of 2 entries");
}

TEST_F(SplitRingTest, ACircleInAnIndirectTable) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, 32, kDescriptorIndirect, 0});
  Describe(0, {.flags = kDescriptorNext, .next = 0}, kTable);
  EXPECT_EQ(Refusal(0), "a descriptor chain that runs in a circle");
}

TEST_F(SplitRingTest, AnIndirectTableOutsideOfRam) {
  Make(kFeatureIndirect);
  Describe(0, {uint64_t{1} << 40, 32, kDescriptorIndirect, 0});
  EXPECT_NE(Refusal(0), "taken");
}

TEST_F(SplitRingTest, FlagsSayWhetherKicksAndInterruptsAreWanted) {
  Make(0);
  ASSERT_FALSE(ring_->WantKicks(false).value());
  EXPECT_EQ(Load(kLayout.device_area), 1u);
  ASSERT_FALSE(ring_->WantKicks(true).value());
  EXPECT_EQ(Load(kLayout.device_area), 0u);
  Cycle(1);
  EXPECT_TRUE(ring_->TakeInterruptWanted().value());
  Store(kLayout.driver_area, 1);
  Cycle(1);
  EXPECT_FALSE(ring_->TakeInterruptWanted().value());
}

// Section 2.7.7.2: with VIRTIO_F_EVENT_IDX the flags are ignored.
TEST_F(SplitRingTest, WithEventIndicesFlagsSayNothing) {
  Make(kFeatureEventIdx);
  Store(kLayout.driver_area, 1);
  Cycle(1);
  EXPECT_TRUE(ring_->TakeInterruptWanted().value());
  ASSERT_FALSE(ring_->WantKicks(false).value());
  EXPECT_EQ(Load(kLayout.device_area), 0u);
}

struct EventCase {
  int before;      // the used index at the last look
  int count;       // requests since then
  uint16_t event;  // what the driver waits for
  bool wanted;
};

class SplitRingEventTest : public SplitRingTest, public testing::WithParamInterface<EventCase> {};

TEST_P(SplitRingEventTest, AnInterruptIsWantedWhenTheIndexPassesTheEvent) {
  const EventCase& c = GetParam();
  Make(kFeatureEventIdx);
  Cycle(c.before);
  static_cast<void>(ring_->TakeInterruptWanted());
  Store(kUsedEvent, c.event);
  Cycle(c.count);
  EXPECT_EQ(ring_->TakeInterruptWanted().value(), c.wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Events, SplitRingEventTest,
    testing::Values(EventCase{10, 1, 10, true}, EventCase{10, 1, 11, false},
                    EventCase{10, 1, 9, false}, EventCase{10, 5, 14, true},
                    EventCase{10, 5, 15, false}, EventCase{10, 0, 10, false},
                    EventCase{0, 1, 0xffff, false}, EventCase{65535, 1, 65535, true},
                    EventCase{65535, 3, 0, true}, EventCase{65535, 3, 1, true},
                    EventCase{65535, 3, 2, false}, EventCase{65534, 1, 65535, false},
                    EventCase{3, 65536, 1000, true}, EventCase{3, 65535, 2, false}));

TEST_F(SplitRingTest, AskingForKicksNamesTheNextRequest) {
  Make(kFeatureEventIdx);
  Cycle(65537);
  ASSERT_FALSE(ring_->WantKicks(true).value());
  EXPECT_EQ(Load(kAvailEvent), 1u);
}

TEST_F(SplitRingTest, SparedKicksLeaveTheEventInThePast) {
  Make(kFeatureEventIdx);
  ASSERT_FALSE(ring_->WantKicks(false).value());
  Cycle(5);
  DescriptorChain chain;
  ASSERT_FALSE(ring_->Pop(chain).value());
  EXPECT_EQ(Load(kAvailEvent), 0u);
}

TEST_F(SplitRingTest, AnEmptyRingThatWantsKicksRenewsTheEvent) {
  Make(kFeatureEventIdx);
  Cycle(5);
  DescriptorChain chain;
  ASSERT_FALSE(ring_->Pop(chain).value());
  EXPECT_EQ(Load(kAvailEvent), 5u);
}

}  // namespace
}  // namespace sealvm
