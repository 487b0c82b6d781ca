// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/packed_ring.h"

#include <gtest/gtest.h>

#include <string>

#include "devices/virtio/ring_checks.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

// No power of two, which packed rings need not be.
constexpr uint16_t kSize = 6;
constexpr uint16_t kAvailable = 1 << 7;
constexpr uint16_t kUsed = 1 << 15;
constexpr uint16_t kEventWrap = 1 << 15;
constexpr Gpa kData = 0x10000;
constexpr Gpa kTable = 0x20000;

struct Descriptor {
  uint64_t gpa = kData;
  uint32_t length = 16;
  uint16_t id = 0;
  uint16_t flags = 0;
};

// A ring whose bytes the tests write themselves.
class PackedRingTest : public testing::Test {
 protected:
  static constexpr QueueLayout kLayout = {kSize, 0x1000, 0x2000, 0x3000};

  void Make(uint64_t features) {
    ring_ = *Virtqueue::Create(features | kFeaturePacked, kLayout, guest_.view());
  }
  void Describe(uint16_t index, const Descriptor& descriptor, Gpa table = kLayout.descriptor_area) {
    ASSERT_TRUE(guest_.memory().WriteObject(table + 16 * index, descriptor).has_value());
  }
  Descriptor At(uint16_t index) {
    return *guest_.memory().ReadObject<Descriptor>(kLayout.descriptor_area + 16 * index);
  }
  // Writes the next entry of the ring, available in the driver's turn.
  void Offer(Descriptor descriptor) {
    descriptor.flags |= wrap_ ? kAvailable : kUsed;
    Describe(next_, descriptor);
    next_ = static_cast<uint16_t>((next_ + 1) % kSize);
    wrap_ ^= next_ == 0;
  }
  std::string Refusal() {
    DescriptorChain chain;
    const auto popped = ring_->Pop(chain);
    if (popped.has_value()) return *popped ? "taken" : "none";
    EXPECT_EQ(popped.error().kind, ErrorKind::kInvalidInput);
    return popped.error().message;
  }
  void Cycle(int count) {
    DescriptorChain chain;
    for (int i = 0; i < count; ++i) {
      Offer({});
      ASSERT_TRUE(ring_->Pop(chain).value());
      ASSERT_TRUE(ring_->Push(chain, 0).has_value());
    }
  }
  void SetDriverEvent(uint16_t offset_and_wrap, uint16_t flags) {
    ASSERT_TRUE(guest_.view()->Store<uint16_t>(kLayout.driver_area, offset_and_wrap).has_value());
    ASSERT_TRUE(guest_.view()->Store<uint16_t>(kLayout.driver_area + 2, flags).has_value());
  }
  uint16_t DeviceEvent() { return *guest_.view()->Load<uint16_t>(kLayout.device_area); }
  uint16_t DeviceEventFlags() { return *guest_.view()->Load<uint16_t>(kLayout.device_area + 2); }

  TestGuest guest_;
  std::unique_ptr<Virtqueue> ring_;
  uint16_t next_ = 0;
  bool wrap_ = true;
};

TEST_F(PackedRingTest, AChainIsAsManyEntriesAsItSaysAndHasTheLastOnesId) {
  Make(0);
  Offer({0x5000, 1, 70, kDescriptorNext});
  Offer({0x6000, 2, 71, kDescriptorNext | kDescriptorWrite});
  Offer({0x7000, 3, 72, kDescriptorWrite});
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.id, 72u);
  EXPECT_EQ(chain.ring_entries, 3u);
  ASSERT_EQ(chain.readable().size(), 1u);
  EXPECT_EQ(chain.readable()[0], (GuestBuffer{0x5000, 1}));
  ASSERT_EQ(chain.writable().size(), 2u);
  EXPECT_EQ(chain.writable()[1], (GuestBuffer{0x7000, 3}));
}

TEST_F(PackedRingTest, AChainGoesOnAtTheRingsStart) {
  Make(0);
  Cycle(kSize - 1);
  Offer({.id = 1, .flags = kDescriptorNext});
  Offer({.id = 2});
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.id, 2u);
  EXPECT_EQ(chain.readable().size(), 2u);
  EXPECT_FALSE(ring_->Pop(chain).value());
}

TEST_F(PackedRingTest, AChainPutBackAcrossTheRingsEndComesAgain) {
  Make(0);
  Cycle(kSize - 1);
  Offer({.id = 1, .flags = kDescriptorNext});
  Offer({.id = 2});
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  ring_->Unpop();
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.id, 2u);
  EXPECT_FALSE(ring_->Pop(chain).value());
}

TEST_F(PackedRingTest, AUsedDescriptorLiesWhereTheChainBegan) {
  Make(0);
  Offer({.id = 9, .flags = kDescriptorNext});
  Offer({.id = 9, .flags = kDescriptorWrite});
  Offer({.id = 4});
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  ASSERT_TRUE(ring_->Push(chain, 11).has_value());
  EXPECT_EQ(At(0).id, 9u);
  EXPECT_EQ(At(0).length, 11u);
  EXPECT_EQ(At(0).flags, kAvailable | kUsed | kDescriptorWrite);
  ASSERT_TRUE(ring_->Pop(chain).value());
  ASSERT_TRUE(ring_->Push(chain, 0).has_value());
  EXPECT_EQ(At(2).id, 4u);
  EXPECT_EQ(At(2).flags, kAvailable | kUsed) << "nothing was written";
}

TEST_F(PackedRingTest, InTheSecondTurnUsedIsZero) {
  Make(0);
  Cycle(kSize + 1);
  EXPECT_EQ(At(0).flags, 0u);
  EXPECT_EQ(At(1).flags, kAvailable | kUsed);
}

TEST_F(PackedRingTest, AnOldTurnsFlagsAreNoRequest) {
  Make(0);
  Describe(0, {.flags = kUsed});
  EXPECT_EQ(Refusal(), "none");
  Describe(0, {.flags = kAvailable | kUsed});
  EXPECT_EQ(Refusal(), "none");
}

TEST_F(PackedRingTest, AChainThatRunsIntoWhatIsNotAvailable) {
  Make(0);
  Offer({.flags = kDescriptorNext});
  EXPECT_EQ(Refusal(), "a descriptor chain that runs into what is not available");
}

TEST_F(PackedRingTest, AChainThatRunsAcrossTheEndIntoItsOwnTurn) {
  Make(0);
  Cycle(kSize - 1);
  Offer({.flags = kDescriptorNext});
  Describe(0, {.flags = kAvailable});
  EXPECT_EQ(Refusal(), "a descriptor chain that runs into what is not available");
}

TEST_F(PackedRingTest, AChainWithoutAnEnd) {
  Make(0);
  for (int i = 0; i < kSize; ++i) Offer({.flags = kDescriptorNext});
  EXPECT_EQ(Refusal(), "a descriptor chain longer than the virtqueue");
}

TEST_F(PackedRingTest, AChainOfTheWholeRing) {
  Make(0);
  for (int i = 1; i < kSize; ++i) Offer({.flags = kDescriptorNext});
  Offer({.id = 3});
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.ring_entries, kSize);
  ASSERT_TRUE(ring_->Push(chain, 0).has_value());
  Offer({});
  EXPECT_EQ(Refusal(), "taken") << "both sides are in the second turn";
}

TEST_F(PackedRingTest, MoreEntriesThanTheRingHasAtATime) {
  Make(0);
  for (int i = 0; i < kSize; ++i) {
    Offer({});
    ASSERT_EQ(Refusal(), "taken");
  }
  Offer({});
  EXPECT_EQ(Refusal(), "more descriptors are available than the virtqueue has entries");
}

TEST_F(PackedRingTest, ABufferWithoutAByte) {
  Make(0);
  Offer({.length = 0});
  EXPECT_EQ(Refusal(), "a descriptor without a byte");
}

TEST_F(PackedRingTest, ABufferThatWraps) {
  Make(0);
  Offer({.gpa = ~uint64_t{0} - 1, .length = 4});
  EXPECT_EQ(Refusal(), "a descriptor of 4 bytes at 0xfffffffffffffffe runs past the last address");
}

TEST_F(PackedRingTest, AReadableBufferBehindAWritableOne) {
  Make(0);
  Offer({.flags = kDescriptorNext | kDescriptorWrite});
  Offer({});
  EXPECT_EQ(Refusal(), "a readable descriptor behind a writable one");
}

// Section 2.8.7: ids and flags other than WRITE are ignored in tables.
TEST_F(PackedRingTest, AnIndirectTableCountsEntryByEntry) {
  Make(kFeatureIndirect);
  Describe(0, {.length = 1, .id = 50, .flags = kDescriptorNext}, kTable);
  Describe(1, {.length = 2, .id = 51, .flags = kDescriptorWrite}, kTable);
  Describe(2, {.length = 3, .id = 52, .flags = kDescriptorWrite | kAvailable}, kTable);
  Offer({kTable, 48, 5, kDescriptorIndirect | kDescriptorWrite});
  DescriptorChain chain;
  ASSERT_TRUE(ring_->Pop(chain).value());
  EXPECT_EQ(chain.id, 5u);
  EXPECT_EQ(chain.ring_entries, 1u);
  EXPECT_EQ(chain.readable_bytes(), 1u);
  EXPECT_EQ(chain.writable_bytes(), 5u);
}

TEST_F(PackedRingTest, AnIndirectTableThatWasNotNegotiated) {
  Make(0);
  Describe(0, {}, kTable);
  Offer({kTable, 16, 0, kDescriptorIndirect});
  EXPECT_EQ(Refusal(), "an indirect descriptor, which was not negotiated");
}

TEST_F(PackedRingTest, AnIndirectDescriptorWithANext) {
  Make(kFeatureIndirect);
  Describe(0, {}, kTable);
  Offer({kTable, 16, 0, kDescriptorIndirect | kDescriptorNext});
  Offer({});
  EXPECT_EQ(Refusal(), "an indirect descriptor that continues with another one");
}

TEST_F(PackedRingTest, AnIndirectDescriptorBehindADirectOne) {
  Make(kFeatureIndirect);
  Describe(0, {}, kTable);
  Offer({.flags = kDescriptorNext});
  Offer({kTable, 16, 0, kDescriptorIndirect});
  EXPECT_EQ(Refusal(), "an indirect descriptor inside a chain");
}

TEST_F(PackedRingTest, AnIndirectTableInAnIndirectTable) {
  Make(kFeatureIndirect);
  Describe(0, {kTable, 16, 0, kDescriptorIndirect}, kTable);
  Offer({kTable, 16, 0, kDescriptorIndirect});
  EXPECT_EQ(Refusal(), "an indirect table inside an indirect table");
}

class PackedRingTableLengthTest : public PackedRingTest,
                                  public testing::WithParamInterface<uint32_t> {};

TEST_P(PackedRingTableLengthTest, IsRefused) {
  Make(kFeatureIndirect);
  Describe(0, {}, kTable);
  Offer({kTable, GetParam(), 0, kDescriptorIndirect});
  EXPECT_EQ(Refusal(), "an indirect table of " + std::to_string(GetParam()) + " bytes");
}

INSTANTIATE_TEST_SUITE_P(Lengths, PackedRingTableLengthTest,
                         testing::Values(0, 1, 15, 17, 16 * (kMaxIndirectEntries + 1), 0xfffffff0));

TEST_F(PackedRingTest, AnIndirectTableThatWraps) {
  Make(kFeatureIndirect);
  Offer({~uint64_t{31}, 64, 0, kDescriptorIndirect});
  EXPECT_EQ(Refusal(), "the indirect table at 0xffffffffffffffe0 runs past the last address");
}

TEST_F(PackedRingTest, AnIndirectTableOutsideOfRam) {
  Make(kFeatureIndirect);
  Offer({uint64_t{1} << 40, 32, 0, kDescriptorIndirect});
  EXPECT_NE(Refusal(), "taken");
}

TEST_F(PackedRingTest, EventFlagsSayWhetherKicksAreWanted) {
  Make(0);
  ASSERT_FALSE(ring_->WantKicks(false).value());
  EXPECT_EQ(DeviceEventFlags(), 1u);
  ASSERT_FALSE(ring_->WantKicks(true).value());
  EXPECT_EQ(DeviceEventFlags(), 0u);
}

TEST_F(PackedRingTest, EventFlagsSayWhetherInterruptsAreWanted) {
  Make(0);
  Cycle(1);
  EXPECT_TRUE(ring_->TakeInterruptWanted().value());
  SetDriverEvent(0, 1);
  Cycle(1);
  EXPECT_FALSE(ring_->TakeInterruptWanted().value());
  // An event at a descriptor was not negotiated.
  SetDriverEvent(0, 2);
  Cycle(1);
  EXPECT_TRUE(ring_->TakeInterruptWanted().value());
}

TEST_F(PackedRingTest, AskingForKicksNamesTheNextPositionAndItsTurn) {
  Make(kFeatureEventIdx);
  Cycle(2);
  ASSERT_FALSE(ring_->WantKicks(true).value());
  EXPECT_EQ(DeviceEventFlags(), 2u);
  EXPECT_EQ(DeviceEvent(), 2 | kEventWrap);
  Cycle(kSize);
  ASSERT_FALSE(ring_->WantKicks(true).value());
  EXPECT_EQ(DeviceEvent(), 2);
}

TEST_F(PackedRingTest, AnEmptyRingThatWantsKicksRenewsTheEvent) {
  Make(kFeatureEventIdx);
  Cycle(5);
  EXPECT_EQ(Refusal(), "none");
  EXPECT_EQ(DeviceEvent(), 5 | kEventWrap);
}

struct EventCase {
  int before;      // entries used at the last look
  int count;       // entries since then
  uint16_t event;  // offset and wrap counter that the driver waits for
  bool wanted;
};

class PackedRingEventTest : public PackedRingTest, public testing::WithParamInterface<EventCase> {};

TEST_P(PackedRingEventTest, AnInterruptIsWantedWhenTheEventsEntryIsUsed) {
  const EventCase& c = GetParam();
  Make(kFeatureEventIdx);
  Cycle(c.before);
  static_cast<void>(ring_->TakeInterruptWanted());
  SetDriverEvent(c.event, 2);
  Cycle(c.count);
  EXPECT_EQ(ring_->TakeInterruptWanted().value(), c.wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Events, PackedRingEventTest,
    testing::Values(EventCase{2, 1, 2 | kEventWrap, true}, EventCase{2, 1, 3 | kEventWrap, false},
                    EventCase{2, 1, 1 | kEventWrap, false}, EventCase{2, 0, 2 | kEventWrap, false},
                    // Across the end of the ring, the turn's bit decides.
                    EventCase{4, 4, 5 | kEventWrap, true}, EventCase{4, 4, 5, false},
                    EventCase{4, 4, 1, true}, EventCase{4, 4, 1 | kEventWrap, false},
                    EventCase{4, 4, 2, false}, EventCase{4, 2, 0, false},
                    EventCase{5, 1, 5 | kEventWrap, true},
                    // In the second turn the bit is zero.
                    EventCase{8, 1, 2, true}, EventCase{8, 1, 2 | kEventWrap, false},
                    // No position of this ring.
                    EventCase{2, 3, 0x7fff, false}));

}  // namespace
}  // namespace sealvm
