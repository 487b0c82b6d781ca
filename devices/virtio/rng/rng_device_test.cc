// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/rng/rng_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

class RngDeviceTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { ASSERT_TRUE(driver_.Start()); }

  std::optional<uint32_t> Ask(std::span<const GuestBuffer> buffers) {
    return driver_.Transact(0, {}, buffers);
  }
  bool IsZero(GuestBuffer buffer) {
    return std::ranges::all_of(guest_.Read(buffer), [](uint8_t byte) { return byte == 0; });
  }

  TestGuest guest_;
  std::shared_ptr<RngDevice> device_ = *RngDevice::Create();
  TestDriver driver_{guest_, *device_, {.packed = GetParam(), .in_order = true}};
};

INSTANTIATE_TEST_SUITE_P(Rings, RngDeviceTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "packed" : "split"; });

TEST_P(RngDeviceTest, FillsTheBufferAndSaysHowMuch) {
  const GuestBuffer buffer = guest_.Room(64);

  EXPECT_EQ(Ask({&buffer, 1}), 64u);
  EXPECT_FALSE(IsZero(buffer));
}

TEST_P(RngDeviceTest, FillsAllBuffersOfARequest) {
  const std::array<GuestBuffer, 3> buffers = {guest_.Room(16), guest_.Room(5000), guest_.Room(32)};

  EXPECT_EQ(Ask(buffers), 5048u);
  EXPECT_FALSE(IsZero(buffers[0]));
  EXPECT_FALSE(IsZero({buffers[1].gpa + 4900, 100}));
  EXPECT_FALSE(IsZero(buffers[2]));
}

TEST_P(RngDeviceTest, RequestsDiffer) {
  const GuestBuffer first = guest_.Room(32);
  const GuestBuffer second = guest_.Room(32);

  ASSERT_EQ(Ask({&first, 1}), 32u);
  ASSERT_EQ(Ask({&second, 1}), 32u);

  EXPECT_NE(guest_.Read(first), guest_.Read(second));
}

TEST_P(RngDeviceTest, LongRequestGetsTheBound) {
  const GuestBuffer buffer = guest_.Room(RngDevice::kMaxRequestBytes + 4096);

  EXPECT_EQ(Ask({&buffer, 1}), RngDevice::kMaxRequestBytes);
  EXPECT_TRUE(IsZero({buffer.gpa + RngDevice::kMaxRequestBytes, 4096}));
}

TEST_P(RngDeviceTest, RequestWithoutRoomGetsNothing) {
  const GuestBuffer readable = guest_.Place("not for the device");

  EXPECT_EQ(driver_.Transact(0, {&readable, 1}, {}), 0u);
  EXPECT_EQ(guest_.ReadText(readable), "not for the device");
}

TEST_P(RngDeviceTest, BufferOutsideOfMemoryStopsTheDevice) {
  const GuestBuffer nowhere{uint64_t{1} << 50, 64};

  driver_.Submit(0, {}, {&nowhere, 1});
  EXPECT_TRUE(
      driver_.transport().WaitUntil([&] { return driver_.transport().failure().has_value(); }));
  EXPECT_EQ(device_->counters().refused_ranges, 1u);
}

TEST_P(RngDeviceTest, ManyRequestsAreAllAnswered) {
  const GuestBuffer buffer = guest_.Room(8);
  for (int i = 0; i < 500; ++i) ASSERT_EQ(Ask({&buffer, 1}), 8u);

  EXPECT_EQ(device_->counters().bytes_read, 500u * 8);
}

TEST_P(RngDeviceTest, WorksAgainAfterReset) {
  driver_.Reset();
  TestDriver again(guest_, *device_, {.packed = GetParam()});
  ASSERT_TRUE(again.Start());
  const GuestBuffer buffer = guest_.Room(64);

  EXPECT_EQ(again.Transact(0, {}, {&buffer, 1}), 64u);
}

TEST(RngDeviceConfigTest, ReadsAsZero) {
  std::array<uint8_t, 8> bytes;
  bytes.fill(0xff);

  (*RngDevice::Create())->ReadConfig(0, bytes);

  EXPECT_EQ(bytes, (std::array<uint8_t, 8>{}));
}

}  // namespace
}  // namespace sealvm
