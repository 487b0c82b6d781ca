// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/virtqueue.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "devices/virtio/packed_ring.h"
#include "devices/virtio/split_ring.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

// What split and packed rings have in common, by both sides of a queue.
class VirtqueueTest : public testing::TestWithParam<DriverQueue::Options> {
 protected:
  void Make(uint16_t size) {
    driver_ = std::make_unique<DriverQueue>(guest_, size, GetParam());
    device_ = *Virtqueue::Create(driver_->features(), driver_->layout(), guest_.view());
  }
  bool Pop(DescriptorChain& chain) { return device_->Pop(chain).value(); }
  void Push(const DescriptorChain& chain, uint32_t written) {
    ASSERT_TRUE(device_->Push(chain, written).has_value());
  }

  TestGuest guest_;
  const GuestBuffer in_ = guest_.Room(10);
  const GuestBuffer more_in_ = guest_.Room(20);
  const GuestBuffer out_ = guest_.Room(30);
  std::unique_ptr<DriverQueue> driver_;
  std::unique_ptr<Virtqueue> device_;
};

TEST_P(VirtqueueTest, AnEmptyRingHasNoRequest) {
  Make(4);
  DescriptorChain chain;
  EXPECT_FALSE(Pop(chain));
}

TEST_P(VirtqueueTest, ARequestArrivesAsTheDriverWroteIt) {
  Make(4);
  driver_->Add({{in_, more_in_}}, {{out_}});
  DescriptorChain chain;
  ASSERT_TRUE(Pop(chain));
  EXPECT_EQ(std::vector(chain.readable().begin(), chain.readable().end()),
            (std::vector{in_, more_in_}));
  EXPECT_EQ(std::vector(chain.writable().begin(), chain.writable().end()), (std::vector{out_}));
  EXPECT_EQ(chain.readable_bytes(), 30u);
  EXPECT_EQ(chain.writable_bytes(), 30u);
  EXPECT_FALSE(Pop(chain));
}

TEST_P(VirtqueueTest, TheDriverGetsBackWhatItGaveInTheDevicesOrder) {
  Make(8);
  const uint16_t first = driver_->Add({{in_, more_in_}}, {{out_}});
  const uint16_t second = driver_->Add({}, {{out_}});
  DescriptorChain a;
  DescriptorChain b;
  ASSERT_TRUE(Pop(a));
  ASSERT_TRUE(Pop(b));
  EXPECT_FALSE(driver_->TakeUsed().has_value());
  Push(b, 7);
  Push(a, 0);
  const auto used_first = driver_->TakeUsed();
  const auto used_second = driver_->TakeUsed();
  ASSERT_TRUE(used_first.has_value() && used_second.has_value());
  EXPECT_EQ(used_first->token, second);
  EXPECT_EQ(used_first->written, 7u);
  EXPECT_EQ(used_second->token, first);
  EXPECT_EQ(used_second->written, 0u);
  EXPECT_EQ(driver_->room(), 8u);
}

TEST_P(VirtqueueTest, ARequestPutBackComesAgain) {
  Make(4);
  driver_->Add({{in_}}, {{out_}});
  const uint16_t second = driver_->Add({{more_in_}}, {});
  DescriptorChain chain;
  ASSERT_TRUE(Pop(chain));
  ASSERT_TRUE(Pop(chain));
  device_->Unpop();
  ASSERT_TRUE(Pop(chain));
  EXPECT_EQ(chain.readable().front(), more_in_);
  Push(chain, 0);
  EXPECT_EQ(driver_->TakeUsed()->token, second);
  EXPECT_FALSE(Pop(chain));
}

TEST_P(VirtqueueTest, OnlyTheRequestTakenLastIsPutBack) {
  Make(4);
  driver_->Add({{in_}}, {});
  driver_->Add({{more_in_}}, {});
  DescriptorChain chain;
  ASSERT_TRUE(Pop(chain));
  ASSERT_TRUE(Pop(chain));
  device_->Unpop();
  device_->Unpop();
  ASSERT_TRUE(Pop(chain));
  EXPECT_EQ(chain.readable().front(), more_in_);
}

// The indices are 16 bits wide; the packed ring's turns are many.
TEST_P(VirtqueueTest, MoreRequestsThanIndicesGoThroughInAnyOrder) {
  Make(16);
  // Tables do not change how indices run over.
  const uint32_t count = GetParam().indirect ? 5'000 : 70'000;
  std::mt19937 random(1);
  std::map<uint16_t, uint32_t> expected;  // written, by token
  std::vector<DescriptorChain> held;
  uint32_t returned = 0;
  while (returned < count) {
    const uint16_t token = driver_->Add({{in_, more_in_}}, {{out_}});
    ASSERT_TRUE(expected.emplace(token, 0).second);
    DescriptorChain chain;
    ASSERT_TRUE(Pop(chain));
    if (random() % 4 == 0) {
      device_->Unpop();
      ASSERT_TRUE(Pop(chain));
    }
    ASSERT_EQ(chain.readable_bytes() + chain.writable_bytes(), 60u);
    held.push_back(chain);
    while (driver_->room() < 3 || random() % 2 == 0) {
      if (held.empty()) break;
      std::swap(held[random() % held.size()], held.back());
      // Ids of the ring are the driver's tokens.
      expected.at(held.back().id) = returned;
      Push(held.back(), returned);
      held.pop_back();
      const auto used = driver_->TakeUsed();
      ASSERT_TRUE(used.has_value());
      ASSERT_EQ(used->written, expected.at(used->token));
      ASSERT_EQ(used->written, returned);
      expected.erase(used->token);
      ++returned;
    }
  }
}

TEST_P(VirtqueueTest, AFullRingIsTakenWhole) {
  Make(8);
  for (int i = 0; i < 8; ++i) driver_->Add({{in_}}, {});
  EXPECT_EQ(driver_->room(), 0u);
  DescriptorChain chain;
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(Pop(chain)) << i;
  EXPECT_FALSE(Pop(chain));
}

TEST_P(VirtqueueTest, TheDriverIsInterruptedOnceForABatchThatItWaitsFor) {
  Make(8);
  driver_->WantInterrupts(true);
  EXPECT_FALSE(device_->TakeInterruptWanted().value()) << "nothing was given back";
  DescriptorChain chain;
  for (int i = 0; i < 3; ++i) {
    driver_->Add({{in_}}, {});
    ASSERT_TRUE(Pop(chain));
    Push(chain, 0);
  }
  EXPECT_TRUE(device_->TakeInterruptWanted().value());
  EXPECT_FALSE(device_->TakeInterruptWanted().value());
}

TEST_P(VirtqueueTest, TheDriverThatWantsNoInterruptGetsNone) {
  Make(8);
  driver_->WantInterrupts(false);
  driver_->Add({{in_}}, {});
  DescriptorChain chain;
  ASSERT_TRUE(Pop(chain));
  Push(chain, 0);
  EXPECT_FALSE(device_->TakeInterruptWanted().value());
}

TEST_P(VirtqueueTest, InterruptsComeBackWithTheWish) {
  Make(8);
  driver_->WantInterrupts(false);
  DescriptorChain chain;
  for (int i = 0; i < 20; ++i) {
    driver_->Add({{in_}}, {});
    ASSERT_TRUE(Pop(chain));
    Push(chain, 0);
    ASSERT_FALSE(device_->TakeInterruptWanted().value());
    ASSERT_TRUE(driver_->TakeUsed().has_value());
  }
  driver_->WantInterrupts(true);
  driver_->Add({{in_}}, {});
  ASSERT_TRUE(Pop(chain));
  Push(chain, 0);
  EXPECT_TRUE(device_->TakeInterruptWanted().value());
}

TEST_P(VirtqueueTest, AFreshRingIsKicked) {
  Make(8);
  driver_->Add({{in_}}, {});
  EXPECT_TRUE(driver_->TakeKickWanted());
  EXPECT_FALSE(driver_->TakeKickWanted()) << "nothing is new";
}

TEST_P(VirtqueueTest, ADeviceThatIsBusyIsNotKicked) {
  Make(8);
  DescriptorChain chain;
  driver_->Add({{in_}}, {});
  EXPECT_TRUE(driver_->TakeKickWanted());
  EXPECT_FALSE(device_->WantKicks(false).value());
  ASSERT_TRUE(Pop(chain));
  driver_->Add({{in_}}, {});
  EXPECT_FALSE(driver_->TakeKickWanted());
}

TEST_P(VirtqueueTest, ADeviceThatAsksForKicksHearsOfWhatItMissed) {
  Make(8);
  DescriptorChain chain;
  ASSERT_FALSE(device_->WantKicks(false).value());
  driver_->Add({{in_}}, {});
  EXPECT_TRUE(device_->WantKicks(true).value());
  ASSERT_TRUE(Pop(chain));
  EXPECT_FALSE(device_->WantKicks(true).value());
  driver_->Add({{in_}}, {});
  EXPECT_TRUE(driver_->TakeKickWanted());
}

TEST_P(VirtqueueTest, ADeviceThatNeverSparesKicksGetsOneWheneverItsRingWasEmpty) {
  Make(8);
  DescriptorChain chain;
  for (int i = 0; i < 30; ++i) {
    driver_->Add({{in_}}, {{out_}});
    ASSERT_TRUE(driver_->TakeKickWanted()) << i;
    ASSERT_TRUE(Pop(chain));
    ASSERT_FALSE(Pop(chain));
    Push(chain, 0);
    ASSERT_TRUE(driver_->TakeUsed().has_value());
  }
}

TEST_P(VirtqueueTest, RingsOutsideOfRamAreErrorsWhenTouched) {
  Make(4);
  QueueLayout layout = driver_->layout();
  layout.driver_area = layout.descriptor_area = uint64_t{1} << 40;
  const auto device = *Virtqueue::Create(driver_->features(), layout, guest_.view());
  DescriptorChain chain;
  EXPECT_FALSE(device->Pop(chain).has_value());
  EXPECT_FALSE(device->WantKicks(true).has_value());
}

// Every look of the device at the ring may be the last at which it looks like that.
TEST_P(VirtqueueTest, ADriverThatScribblesWhileTheDeviceReadsGainsNothing) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the race is the test's purpose";
#endif
#endif
  Make(8);
  driver_->Add({{in_, more_in_}}, {{out_}});
  const QueueLayout& layout = driver_->layout();
  std::jthread scribbler([&](const std::stop_token& stop) {
    std::mt19937 random(1);
    while (!stop.stop_requested()) {
      const Gpa area = random() % 2 == 0 ? layout.descriptor_area : layout.driver_area;
      const Gpa gpa = area + random() % 64 * 2;
      // Small indices and lengths, or the packed ring's flags.
      const auto value = random() % 2 == 0 ? random() % 8 : random() & 0x8087;
      EXPECT_TRUE(guest_.view()->Store<uint16_t>(gpa, static_cast<uint16_t>(value)).has_value());
    }
  });
  for (int i = 0; i < 4'000; ++i) {
    const auto fresh = *Virtqueue::Create(driver_->features(), layout, guest_.view());
    DescriptorChain chain;
    if (!fresh->Pop(chain).value_or(false)) continue;
    uint64_t bytes = 0;
    for (const GuestBuffer& buffer : chain.readable()) bytes += buffer.length;
    for (const GuestBuffer& buffer : chain.writable()) bytes += buffer.length;
    ASSERT_EQ(bytes, chain.readable_bytes() + chain.writable_bytes());
    ASSERT_LE(chain.ring_entries, 8u);
    ASSERT_TRUE(GetParam().packed || chain.id < 8u);
  }
}

std::string NameOf(const testing::TestParamInfo<DriverQueue::Options>& info) {
  return std::string(info.param.packed ? "Packed" : "Split") +
         (info.param.indirect ? "Indirect" : "Direct") +
         (info.param.event_idx ? "EventIdx" : "Flags");
}

std::vector<DriverQueue::Options> AllOptions() {
  std::vector<DriverQueue::Options> all;
  for (const bool packed : {false, true}) {
    for (const bool indirect : {false, true}) {
      for (const bool event_idx : {false, true}) {
        all.push_back({.packed = packed, .indirect = indirect, .event_idx = event_idx});
      }
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Rings, VirtqueueTest, testing::ValuesIn(AllOptions()), NameOf);

class VirtqueueCreateTest : public testing::TestWithParam<uint64_t> {
 protected:
  bool Create(const QueueLayout& layout) {
    const auto queue = Virtqueue::Create(GetParam(), layout, guest_.view());
    EXPECT_TRUE(queue || queue.error().kind == ErrorKind::kInvalidInput);
    return queue.has_value();
  }

  TestGuest guest_;
  const QueueLayout good_ = {8, 0x1000, 0x2000, 0x3000};
};

TEST_P(VirtqueueCreateTest, SizesThatNoRingMayHave) {
  QueueLayout layout = good_;
  EXPECT_TRUE(Create(layout));
  for (const uint16_t size : {uint16_t{0}, uint16_t{32769}, uint16_t{65535}}) {
    layout.size = size;
    EXPECT_FALSE(Create(layout)) << size;
  }
  layout.size = kMaxQueueSize;
  EXPECT_TRUE(Create(layout));
  layout.size = 7;
  EXPECT_EQ(Create(layout), GetParam() == kFeaturePacked);
}

TEST_P(VirtqueueCreateTest, AreasThatAreNotAligned) {
  for (const auto area :
       {&QueueLayout::descriptor_area, &QueueLayout::driver_area, &QueueLayout::device_area}) {
    QueueLayout layout = good_;
    layout.*area += 1;
    EXPECT_FALSE(Create(layout));
  }
  QueueLayout layout = good_;
  layout.descriptor_area += 8;
  EXPECT_FALSE(Create(layout));
  layout = good_;
  layout.device_area += 2;
  EXPECT_FALSE(Create(layout));
}

TEST_P(VirtqueueCreateTest, AreasThatWrap) {
  for (const auto area :
       {&QueueLayout::descriptor_area, &QueueLayout::driver_area, &QueueLayout::device_area}) {
    QueueLayout layout = good_;
    layout.*area = ~uint64_t{15};
    layout.size = area == &QueueLayout::descriptor_area ? 2 : kMaxQueueSize;
    // The packed ring's event areas are four bytes.
    const bool fits = GetParam() == kFeaturePacked && area != &QueueLayout::descriptor_area;
    EXPECT_EQ(Create(layout), fits);
  }
}

INSTANTIATE_TEST_SUITE_P(Rings, VirtqueueCreateTest, testing::Values(0, kFeaturePacked));

TEST(VirtqueueKindTest, TheNegotiatedFeaturesPickTheRing) {
  TestGuest guest;
  const QueueLayout layout = {8, 0x1000, 0x2000, 0x3000};
  const auto split = *Virtqueue::Create(kFeatureVersion1, layout, guest.view());
  const auto packed = *Virtqueue::Create(kFeatureVersion1 | kFeaturePacked, layout, guest.view());
  EXPECT_NE(dynamic_cast<SplitRing*>(split.get()), nullptr);
  EXPECT_NE(dynamic_cast<PackedRing*>(packed.get()), nullptr);
}

TEST(DescriptorChainTest, ReadableBuffersComeFirst) {
  DescriptorChain chain;
  ASSERT_TRUE(chain.Append({0x1000, 1}, false).has_value());
  ASSERT_TRUE(chain.Append({0x2000, 2}, true).has_value());
  EXPECT_FALSE(chain.Append({0x3000, 3}, false).has_value());
  EXPECT_EQ(chain.readable().size(), 1u);
  EXPECT_EQ(chain.writable().size(), 1u);
}

TEST(DescriptorChainTest, BuffersThatAreEmptyOrWrap) {
  DescriptorChain chain;
  EXPECT_FALSE(chain.Append({0x1000, 0}, false).has_value());
  EXPECT_FALSE(chain.Append({~uint64_t{0}, 1}, false).has_value());
  EXPECT_FALSE(chain.Append({~uint64_t{0} - 2, 10}, true).has_value());
  EXPECT_TRUE(chain.readable().empty() && chain.writable().empty());
}

TEST(DescriptorChainTest, AChainHasAtMostFourGiB) {
  DescriptorChain chain;
  ASSERT_TRUE(chain.Append({0, UINT32_MAX}, false).has_value());
  EXPECT_FALSE(chain.Append({0, 2}, true).has_value());
  EXPECT_TRUE(chain.Append({0, 1}, true).has_value());
}

TEST(DescriptorChainTest, ClearForgetsAll) {
  DescriptorChain chain;
  chain.id = 3;
  ASSERT_TRUE(chain.Append({0, 5}, true).has_value());
  chain.Clear();
  EXPECT_EQ(chain.id, 0u);
  EXPECT_TRUE(chain.writable().empty());
  EXPECT_EQ(chain.writable_bytes(), 0u);
}

}  // namespace
}  // namespace sealvm
