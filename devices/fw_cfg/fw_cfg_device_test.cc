// SPDX-License-Identifier: Apache-2.0
#include "devices/fw_cfg/fw_cfg_device.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "devices/virtio/testing/test_driver.h"
#include "memory/base/endian.h"

namespace sealvm {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t kRam = 2 * kMiB;
constexpr uint16_t kKey = 0x30;
constexpr uint16_t kFailingKey = 0x31;
constexpr uint16_t kNoKey = 0x3f;

constexpr uint32_t kError = 1;
constexpr uint32_t kRead = 2;
constexpr uint32_t kSkip = 4;
constexpr uint32_t kSelect = 8;
constexpr uint32_t kWrite = 16;

// A file that shrank.
class FailingSource : public FwCfgSource {
 public:
  uint32_t size() const override { return 100; }
  Result<> Read(uint32_t, std::span<uint8_t>) const override { return HostError("gone"); }
};

FwCfgItems Items(Bytes content) {
  FwCfgItems items;
  items.Add(kKey, std::make_shared<FwCfgBytes>(std::move(content)));
  items.Add(kFailingKey, std::make_shared<FailingSource>());
  return items;
}

class FwCfgDeviceTest : public testing::Test {
 protected:
  void Write(uint64_t offset, uint64_t value, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    StoreLeAny(bytes, value);
    device_.Write(offset, std::span(bytes).first(width));
  }

  void Select(uint16_t key) { Write(0, key, 2); }

  Bytes ReadData(size_t count) {
    Bytes bytes;
    for (size_t i = 0; i < count; ++i) {
      std::array<uint8_t, 1> byte = {0xaa};
      device_.Read(1, byte);
      bytes.push_back(byte[0]);
    }
    return bytes;
  }

  static Bytes Be(uint64_t value, size_t width) {
    Bytes bytes;
    for (size_t i = width; i-- > 0;) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
    return bytes;
  }

  void Ring(Gpa request) {
    device_.Write(4, Be(request >> 32, 4));
    device_.Write(8, Be(request & 0xffffffff, 4));
  }

  // Returns the control word that the device left.
  uint32_t Dma(uint32_t control, uint32_t length, Gpa address) {
    Bytes request = Be(control, 4);
    for (const uint8_t byte : Be(length, 4)) request.push_back(byte);
    for (const uint8_t byte : Be(address, 8)) request.push_back(byte);
    EXPECT_TRUE(guest_.view()->Write(kRequest, request).has_value());
    Ring(kRequest);
    uint32_t left = 0;
    for (const uint8_t byte : Memory(kRequest, 4)) left = left << 8 | byte;
    return left;
  }

  static uint32_t For(uint16_t key) { return uint32_t{key} << 16 | kSelect; }

  Bytes Memory(Gpa gpa, size_t length) {
    Bytes bytes(length);
    EXPECT_TRUE(guest_.view()->Read(gpa, bytes).has_value());
    return bytes;
  }

  static constexpr Gpa kRequest = 0x1000;
  static constexpr Gpa kTarget = 0x2000;

  TestGuest guest_{kRam};
  FwCfgDevice device_{Items({1, 2, 3, 4, 5}), guest_.view(), {}};
};

TEST_F(FwCfgDeviceTest, BeginsAtTheSignature) {
  EXPECT_EQ(ReadData(4), (Bytes{'Q', 'E', 'M', 'U'}));
}

TEST_F(FwCfgDeviceTest, ReadsAnItemByteByByteAndZeroesPastItsEnd) {
  Select(kKey);
  EXPECT_EQ(ReadData(7), (Bytes{1, 2, 3, 4, 5, 0, 0}));
}

TEST_F(FwCfgDeviceTest, SelectingReadsFromTheStartAgain) {
  Select(kKey);
  ReadData(3);
  Select(kKey);
  EXPECT_EQ(ReadData(2), (Bytes{1, 2}));
}

TEST_F(FwCfgDeviceTest, KeysWithoutAnItemReadAsZeroes) {
  for (const uint16_t key : {kNoKey, uint16_t{0x4000 | kKey}, uint16_t{0x8000 | kKey},
                             std::numeric_limits<uint16_t>::max()}) {
    Select(key);
    EXPECT_EQ(ReadData(2), (Bytes{0, 0})) << key;
  }
}

TEST_F(FwCfgDeviceTest, AFileThatFailsReadsAsZeroes) {
  Select(kFailingKey);
  EXPECT_EQ(ReadData(2), (Bytes{0, 0}));
}

TEST_F(FwCfgDeviceTest, OddAccessesDoNothing) {
  Select(kKey);
  Write(0, kNoKey, 1);
  Write(0, kNoKey, 4);
  Write(1, kNoKey, 1);
  Write(2, kNoKey, 2);
  std::array<uint8_t, 2> wide = {0xaa, 0xaa};
  device_.Read(1, wide);
  EXPECT_EQ(wide, (std::array<uint8_t, 2>{0, 0}));
  EXPECT_EQ(ReadData(1), Bytes{1});
}

TEST_F(FwCfgDeviceTest, TheDmaRegisterSaysWhatItIs) {
  std::array<uint8_t, 4> high = {};
  std::array<uint8_t, 4> low = {};
  device_.Read(4, high);
  device_.Read(8, low);
  EXPECT_EQ(high, (std::array<uint8_t, 4>{'Q', 'E', 'M', 'U'}));
  EXPECT_EQ(low, (std::array<uint8_t, 4>{' ', 'C', 'F', 'G'}));
}

TEST_F(FwCfgDeviceTest, DmaReadsAnItem) {
  EXPECT_EQ(Dma(For(kKey) | kRead, 5, kTarget), 0u);
  EXPECT_EQ(Memory(kTarget, 6), (Bytes{1, 2, 3, 4, 5, 0}));
}

TEST_F(FwCfgDeviceTest, DmaGoesOnWhereReadingWas) {
  Select(kKey);
  ReadData(1);
  EXPECT_EQ(Dma(kRead, 2, kTarget), 0u);
  EXPECT_EQ(Dma(kSkip, 1, 0), 0u);
  EXPECT_EQ(Memory(kTarget, 2), (Bytes{2, 3}));
  EXPECT_EQ(ReadData(2), (Bytes{5, 0}));
}

TEST_F(FwCfgDeviceTest, DmaReadsZeroesPastTheEnd) {
  ASSERT_TRUE(guest_.view()->Write(kTarget, Bytes(8, 0xaa)).has_value());
  EXPECT_EQ(Dma(For(kKey) | kRead, 7, kTarget), 0u);
  EXPECT_EQ(Memory(kTarget, 8), (Bytes{1, 2, 3, 4, 5, 0, 0, 0xaa}));
  EXPECT_EQ(Dma(For(kNoKey) | kRead, 2, kTarget), 0u);
  EXPECT_EQ(Memory(kTarget, 3), (Bytes{0, 0, 3}));
}

TEST_F(FwCfgDeviceTest, DmaSelectsWithoutReading) {
  EXPECT_EQ(Dma(For(kKey), 5, kTarget), 0u);
  EXPECT_EQ(Memory(kTarget, 1), Bytes{0});
  EXPECT_EQ(ReadData(1), Bytes{1});
}

TEST_F(FwCfgDeviceTest, SkipsEndAtTheItemsEnd) {
  EXPECT_EQ(Dma(For(kKey) | kSkip, 0xffffffff, 0), 0u);
  EXPECT_EQ(Dma(kSkip, 0xffffffff, 0), 0u);
  EXPECT_EQ(ReadData(1), Bytes{0});
  EXPECT_EQ(Dma(For(kNoKey) | kSkip, 0xffffffff, 0), 0u);
}

TEST_F(FwCfgDeviceTest, ItemsLongerThanAChunkArriveWhole) {
  Bytes content(200'000);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<uint8_t>(i * 7 >> 3);
  FwCfgDevice device(Items(content), guest_.view(), {});
  Bytes request = Be(For(kKey) | kRead, 4);
  for (const uint8_t byte : Be(content.size(), 4)) request.push_back(byte);
  for (const uint8_t byte : Be(0x10001, 8)) request.push_back(byte);
  ASSERT_TRUE(guest_.view()->Write(kRequest, request).has_value());
  device.Write(8, Be(kRequest, 4));
  EXPECT_EQ(Memory(0x10001, content.size()), content);
}

TEST_F(FwCfgDeviceTest, WritesToItemsAreRefused) {
  EXPECT_EQ(Dma(For(kKey) | kWrite, 2, kTarget), kError);
  Select(kKey);
  EXPECT_EQ(ReadData(2), (Bytes{1, 2}));
}

TEST_F(FwCfgDeviceTest, ReadingWinsOverOtherOperations) {
  EXPECT_EQ(Dma(For(kKey) | kRead | kSkip | kWrite, 2, kTarget), 0u);
  EXPECT_EQ(Memory(kTarget, 2), (Bytes{1, 2}));
}

TEST_F(FwCfgDeviceTest, ReservedControlBitsMeanNothing) {
  EXPECT_EQ(Dma(For(kKey) | kRead | 0xffe0 | kError, 2, kTarget), 0u);
  EXPECT_EQ(Memory(kTarget, 2), (Bytes{1, 2}));
  EXPECT_EQ(Dma(0xffe0, 2, kTarget), 0u);
}

TEST_F(FwCfgDeviceTest, TargetsOutsideRamAreRefusedAsAWhole) {
  const Gpa last = kRam - 4;
  for (const auto& [length, address] : std::initializer_list<std::pair<uint32_t, Gpa>>{
           {5, last},
           {1, kRam},
           {1, 0xfec0'0000},
           {2, std::numeric_limits<Gpa>::max()},
           {0xffffffff, std::numeric_limits<Gpa>::max() - 2},
           {0xffffffff, 0},
           {0xffffffff, kTarget}}) {
    EXPECT_EQ(Dma(For(kKey) | kRead, length, address), kError) << length << " " << address;
  }
  EXPECT_EQ(Memory(last, 4), Bytes(4));
  EXPECT_EQ(Memory(kTarget, 1), Bytes{0});
}

TEST_F(FwCfgDeviceTest, ALengthOfZeroNeedsNoTarget) {
  EXPECT_EQ(Dma(For(kKey) | kRead, 0, std::numeric_limits<Gpa>::max()), 0u);
  EXPECT_EQ(ReadData(1), Bytes{1});
}

TEST_F(FwCfgDeviceTest, ARequestMayBeOverwrittenByItsData) {
  EXPECT_EQ(Dma(For(kKey) | kRead, 5, kRequest), 0u);
  EXPECT_EQ(Memory(kRequest + 4, 1), Bytes{5});
}

TEST_F(FwCfgDeviceTest, RequestsOutsideRamDoNothing) {
  Select(kKey);
  for (const Gpa request : {Gpa{kRam - 15}, Gpa{kRam}, Gpa{0xfee0'0000}, Gpa{1} << 52,
                            std::numeric_limits<Gpa>::max()}) {
    Ring(request);
  }
  EXPECT_EQ(ReadData(1), Bytes{1});
}

TEST_F(FwCfgDeviceTest, AnAddressHalfIsUsedOnce) {
  ASSERT_EQ(Dma(For(kKey) | kRead, 1, kTarget), 0u);
  const Bytes again = Be(kRead, 4);
  ASSERT_TRUE(guest_.view()->Write(kRequest, again).has_value());
  device_.Write(4, Be(1, 4));
  device_.Write(8, Be(kRequest, 4));  // at 4 GiB and more: nothing is there
  EXPECT_EQ(Memory(kTarget, 1), Bytes{1});
  device_.Write(8, Be(kRequest, 4));
  EXPECT_EQ(Memory(kTarget, 1), Bytes{2});
}

TEST_F(FwCfgDeviceTest, AFileThatFailsGivesAnError) {
  EXPECT_EQ(Dma(For(kFailingKey) | kRead, 5, kTarget), kError);
  EXPECT_EQ(Memory(kTarget, 1), Bytes{0});
}

}  // namespace
}  // namespace sealvm
