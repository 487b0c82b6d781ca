// SPDX-License-Identifier: Apache-2.0
#include "devices/bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <thread>
#include <vector>

namespace sealvm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Reads give the offset in every byte; writes are kept. Not thread-safe but for its atomics.
class FakeDevice : public BusDevice {
 public:
  explicit FakeDevice(std::string_view name = "fake") : name_(name) {}

  std::string_view Name() const override { return name_; }
  void Read(uint64_t offset, std::span<uint8_t> data) override {
    ++reads;
    std::ranges::fill(data, static_cast<uint8_t>(offset));
  }
  void Write(uint64_t offset, std::span<const uint8_t> data) override {
    last_offset = offset;
    written.assign(data.begin(), data.end());
  }

  std::atomic<int> reads{0};
  uint64_t last_offset = ~uint64_t{0};
  std::vector<uint8_t> written;

 private:
  std::string_view name_;
};

TEST(BusTest, ReadPassesTheOffsetIntoTheWindow) {
  Bus bus("I/O port");
  ASSERT_TRUE(bus.Insert(0x3f8, 8, std::make_shared<FakeDevice>()));
  std::array<uint8_t, 2> data{};

  EXPECT_TRUE(bus.Read(0x3fd, data));

  EXPECT_THAT(data, ElementsAre(5, 5));
}

TEST(BusTest, WritePassesOffsetAndBytes) {
  Bus bus("I/O port");
  auto device = std::make_shared<FakeDevice>();
  ASSERT_TRUE(bus.Insert(0x100, 16, device));
  const std::array<uint8_t, 4> data{1, 2, 3, 4};

  EXPECT_TRUE(bus.Write(0x10c, data));

  EXPECT_EQ(device->last_offset, 12u);
  EXPECT_THAT(device->written, ElementsAre(1, 2, 3, 4));
}

TEST(BusTest, FindsEachOfManyWindowsWhateverTheOrderOfInsertion) {
  Bus bus("MMIO");
  std::vector<std::shared_ptr<FakeDevice>> devices(50);
  for (size_t i = 0; i < devices.size(); ++i) {
    devices[i] = std::make_shared<FakeDevice>();
    const uint64_t slot = (i * 7) % devices.size();
    ASSERT_TRUE(bus.Insert(slot * 0x10, 8, devices[i]));
  }
  uint8_t byte = 0;

  for (size_t i = 0; i < devices.size(); ++i) {
    ASSERT_TRUE(bus.Read(((i * 7) % devices.size()) * 0x10 + 7, {&byte, 1}));
    ASSERT_EQ(devices[i]->reads, 1) << i;
    ASSERT_FALSE(bus.Read(((i * 7) % devices.size()) * 0x10 + 8, {&byte, 1}));
  }
}

TEST(BusTest, UnclaimedReadIsAllOnes) {
  Bus bus("I/O port");
  ASSERT_TRUE(bus.Insert(0x10, 4, std::make_shared<FakeDevice>()));

  for (const uint64_t address :
       {uint64_t{0}, uint64_t{0xf}, uint64_t{0x14}, std::numeric_limits<uint64_t>::max()}) {
    std::array<uint8_t, 4> data{};
    EXPECT_FALSE(bus.Read(address, data)) << address;
    EXPECT_THAT(data, ElementsAre(0xff, 0xff, 0xff, 0xff)) << address;
  }
}

TEST(BusTest, AccessOverTheEndOfAWindowReachesNoDevice) {
  Bus bus("I/O port");
  auto first = std::make_shared<FakeDevice>();
  auto second = std::make_shared<FakeDevice>();
  ASSERT_TRUE(bus.Insert(0x60, 1, first));
  ASSERT_TRUE(bus.Insert(0x61, 4, second));
  std::array<uint8_t, 2> data{};

  EXPECT_FALSE(bus.Read(0x60, data));
  EXPECT_FALSE(bus.Write(0x60, data));

  EXPECT_THAT(data, ElementsAre(0xff, 0xff));
  EXPECT_EQ(first->reads + second->reads, 0);
  EXPECT_TRUE(first->written.empty());
}

TEST(BusTest, OddWidthsReachNoDevice) {
  Bus bus("MMIO");
  auto device = std::make_shared<FakeDevice>();
  ASSERT_TRUE(bus.Insert(0, 4096, device));

  for (const size_t width : {0, 3, 5, 6, 7, 9, 16, 4096}) {
    std::vector<uint8_t> data(width, 0);
    EXPECT_FALSE(bus.Read(0, data)) << width;
    EXPECT_EQ(std::ranges::count(data, 0xff), static_cast<ptrdiff_t>(width));
    EXPECT_FALSE(bus.Write(0, data)) << width;
  }

  EXPECT_EQ(device->reads, 0);
  EXPECT_TRUE(device->written.empty());
}

TEST(BusTest, WindowMayEndAtTheTopOfTheAddressSpace) {
  Bus bus("MMIO");
  ASSERT_TRUE(bus.Insert(~uint64_t{0} - 7, 8, std::make_shared<FakeDevice>()));
  std::array<uint8_t, 8> data{};

  EXPECT_TRUE(bus.Read(~uint64_t{0} - 7, data));
  EXPECT_FALSE(bus.Read(~uint64_t{0} - 6, data));
}

TEST(BusTest, RejectsAnEmptyWindow) {
  Bus bus("I/O port");

  const Result<> result = bus.Insert(0x10, 0, std::make_shared<FakeDevice>("gadget"));

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(result.error().message, AllOf(HasSubstr("gadget"), HasSubstr("empty")));
}

TEST(BusTest, RejectsAWrappingWindow) {
  Bus bus("MMIO");

  const Result<> result = bus.Insert(~uint64_t{0}, 2, std::make_shared<FakeDevice>("gadget"));

  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("wraps"));
}

TEST(BusTest, RejectsNoDevice) {
  Bus bus("MMIO");

  EXPECT_FALSE(bus.Insert(0, 1, nullptr));
}

TEST(BusTest, OverlapNamesBothDevicesAndRanges) {
  Bus bus("I/O port");
  ASSERT_TRUE(bus.Insert(0x70, 2, std::make_shared<FakeDevice>("rtc")));

  const Result<> result = bus.Insert(0x71, 4, std::make_shared<FakeDevice>("gadget"));

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "I/O port window gadget [0x71, 0x74] overlaps rtc [0x70, 0x71]");
}

struct Overlap {
  uint64_t base;
  uint64_t length;
};

class BusOverlapTest : public ::testing::TestWithParam<Overlap> {};

TEST_P(BusOverlapTest, IsRejectedAndLeavesTheBusAsItWas) {
  Bus bus("MMIO");
  auto device = std::make_shared<FakeDevice>("old");
  ASSERT_TRUE(bus.Insert(0x1000, 0x100, device));

  EXPECT_FALSE(bus.Insert(GetParam().base, GetParam().length, std::make_shared<FakeDevice>("new")));

  uint8_t byte = 0;
  EXPECT_TRUE(bus.Read(0x1000, {&byte, 1}));
  EXPECT_EQ(device->reads, 1);
  EXPECT_FALSE(bus.Read(0xfff, {&byte, 1}));
}

INSTANTIATE_TEST_SUITE_P(All, BusOverlapTest,
                         ::testing::Values(Overlap{0x1000, 0x100}, Overlap{0xfff, 2},
                                           Overlap{0x10ff, 1}, Overlap{0x1080, 4},
                                           Overlap{0, 0x10000}, Overlap{0, ~uint64_t{0}}));

TEST(BusTest, AcceptsNeighbours) {
  Bus bus("MMIO");
  ASSERT_TRUE(bus.Insert(0x1000, 0x100, std::make_shared<FakeDevice>()));

  EXPECT_TRUE(bus.Insert(0x1100, 0x100, std::make_shared<FakeDevice>()));
  EXPECT_TRUE(bus.Insert(0xf00, 0x100, std::make_shared<FakeDevice>()));
}

TEST(BusTest, CountsAccessesByNameOverAllWindows) {
  Bus bus("I/O port");
  auto device = std::make_shared<FakeDevice>("i8042");
  ASSERT_TRUE(bus.Insert(0x60, 1, device));
  ASSERT_TRUE(bus.Insert(0x64, 1, device));
  ASSERT_TRUE(bus.Insert(0x80, 1, std::make_shared<FakeDevice>("idle")));
  uint8_t byte = 0;

  bus.Read(0x60, {&byte, 1});
  bus.Write(0x64, {&byte, 1});
  bus.Read(0x61, {&byte, 1});

  EXPECT_THAT(bus.AccessCounts(),
              ElementsAre(std::pair<const std::string, uint64_t>("i8042", 2),
                          std::pair<const std::string, uint64_t>("idle", 0),
                          std::pair<const std::string, uint64_t>("unclaimed", 1)));
}

TEST(BusTest, ThreadsLoseNoCount) {
  constexpr int kThreads = 4;
  constexpr int kAccesses = 5000;
  Bus bus("I/O port");
  ASSERT_TRUE(bus.Insert(0, 8, std::make_shared<FakeDevice>()));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&bus] {
        uint8_t byte = 0;
        for (int n = 0; n < kAccesses; ++n) {
          bus.Read(0, {&byte, 1});
          bus.Read(8, {&byte, 1});
        }
      });
    }
  }

  EXPECT_EQ(bus.AccessCounts()["fake"], uint64_t{kThreads} * kAccesses);
  EXPECT_EQ(bus.AccessCounts()["unclaimed"], uint64_t{kThreads} * kAccesses);
}

}  // namespace
}  // namespace sealvm
