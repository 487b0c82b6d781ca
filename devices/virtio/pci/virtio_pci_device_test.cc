// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/pci/virtio_pci_device.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "devices/pci/testing_vectors.h"
#include "devices/testing.h"
#include "devices/virtio/pci/testing_device.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

struct Capability {
  uint8_t offset = 0;
  uint8_t type = 0;
  uint32_t bar_offset = 0;
  uint32_t length = 0;
};

class VirtioPciDeviceTest : public testing::TestWithParam<PciSpace> {
 protected:
  VirtioPciDeviceTest() {
    VirtioPciDevice::Options options;
    options.bars = GetParam();
    options.bar_base = base_;
    options.interrupt_line = 11;
    options.on_need_reset = [](const Error&) {};
    function_ = VirtioPciDevice::Create(std::move(options), device_, guest_.view(), vectors_,
                                        std::make_unique<RecordingLine>(), doorbells_)
                    .value();
  }

  uint64_t ReadConfig(uint32_t offset, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    function_->ReadConfig(offset, std::span(bytes).first(width));
    return LoadLeAny(std::span(bytes).first(width));
  }
  void WriteConfig(uint32_t offset, uint64_t value, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    StoreLeAny(bytes, value);
    function_->WriteConfig(offset, std::span(bytes).first(width));
  }
  uint64_t ReadBar(uint64_t offset, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    function_->ReadBar(0, offset, std::span(bytes).first(width));
    return LoadLeAny(std::span(bytes).first(width));
  }
  void WriteBar(uint64_t offset, uint64_t value, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    StoreLeAny(bytes, value);
    function_->WriteBar(0, offset, std::span(bytes).first(width));
  }
  // As a driver finds them.
  std::optional<Capability> Find(uint8_t id, uint8_t type) {
    for (auto at = static_cast<uint8_t>(ReadConfig(kPciCapabilities, 1)); at != 0;
         at = static_cast<uint8_t>(ReadConfig(at + 1u, 1))) {
      if (ReadConfig(at, 1) != id || (type != 0 && ReadConfig(at + 3u, 1) != type)) continue;
      return Capability{at, type, static_cast<uint32_t>(ReadConfig(at + 8u, 4)),
                        static_cast<uint32_t>(ReadConfig(at + 12u, 4))};
    }
    return std::nullopt;
  }
  PciBarWindow Window(uint32_t base) const {
    return {GetParam(), base, VirtioPciLayoutFor(GetParam()).bar_size};
  }
  static uint64_t TakeKicks(int fd) {
    uint64_t count = 0;
    return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
  }

  const uint32_t base_ = GetParam() == PciSpace::kIo ? 0x1000 : 0xc0000000;
  TestGuest guest_;
  std::shared_ptr<RecordingDevice> device_ = std::make_shared<RecordingDevice>();
  RecordingVectors vectors_;
  RecordingDoorbells doorbells_;
  std::shared_ptr<VirtioPciDevice> function_;
};

TEST_P(VirtioPciDeviceTest, IsAModernVirtioDevice) {
  EXPECT_EQ(ReadConfig(kPciVendorId, 4), 0x10421af4u);
  EXPECT_GE(ReadConfig(kPciRevision, 1), 1u);
  EXPECT_EQ(ReadConfig(kPciInterruptPin, 1), 1u);
  EXPECT_EQ(ReadConfig(kPciInterruptLine, 1), 11u);
}

TEST_P(VirtioPciDeviceTest, EveryStructureLiesInsideItsBarAndApart) {
  const uint32_t size = VirtioPciLayoutFor(GetParam()).bar_size;
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
  for (const uint8_t type : {1, 2, 3, 4}) {
    const auto capability = Find(kPciCapabilityVendor, type);
    ASSERT_TRUE(capability.has_value()) << int{type};
    EXPECT_EQ(ReadConfig(capability->offset + 4u, 1), 0u);
    EXPECT_LE(capability->bar_offset + capability->length, size);
    ranges.emplace_back(capability->bar_offset, capability->bar_offset + capability->length);
  }
  std::ranges::sort(ranges);
  for (size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].second, ranges[i].first);
}

TEST_P(VirtioPciDeviceTest, MemoryBarsHaveAVectorAQueueAndOne) {
  const auto msix = Find(kPciCapabilityMsix, 0);
  ASSERT_EQ(msix.has_value(), GetParam() == PciSpace::kMemory);
  EXPECT_EQ(vectors_.records.size(), msix ? 3u : 0u);
  if (!msix) return;
  EXPECT_EQ(ReadConfig(msix->offset + 2u, 2), 2u);
}

TEST_P(VirtioPciDeviceTest, RegistersAndConfigurationAreBehindTheBar) {
  const Capability common = *Find(kPciCapabilityVendor, 1);
  EXPECT_EQ(ReadBar(common.bar_offset + 18, 2), 2u);
  const Capability device = *Find(kPciCapabilityVendor, 4);
  EXPECT_EQ(ReadBar(device.bar_offset + 2, 2), 0x0403u);
  WriteBar(device.bar_offset + 1, 0xaa, 1);
  EXPECT_EQ(device_->config[1], 0xaa);
  EXPECT_EQ(ReadBar(device.bar_offset + 8, 4), 0u);
}

TEST_P(VirtioPciDeviceTest, DoorbellsFollowTheBar) {
  function_->OnBarForwarded(0, Window(base_));
  ASSERT_EQ(doorbells_.bound.size(), 2u);
  const Capability notify = *Find(kPciCapabilityVendor, 2);
  const uint64_t multiplier = ReadConfig(notify.offset + 16u, 4);
  EXPECT_EQ(doorbells_.bound[1].first.address, base_ + notify.bar_offset + multiplier);
  EXPECT_EQ(doorbells_.bound[1].first.value.has_value(), GetParam() == PciSpace::kIo);
  function_->OnBarForwarded(0, Window(base_ + 0x10000));
  ASSERT_EQ(doorbells_.bound.size(), 2u);
  EXPECT_EQ(doorbells_.bound[0].first.address, base_ + 0x10000 + notify.bar_offset);
  function_->OnBarForwarded(0, std::nullopt);
  EXPECT_TRUE(doorbells_.bound.empty());
}

TEST_P(VirtioPciDeviceTest, ItsEndTakesItsDoorbellsAlong) {
  function_->OnBarForwarded(0, Window(base_));
  function_.reset();
  EXPECT_TRUE(doorbells_.bound.empty());
}

TEST_P(VirtioPciDeviceTest, KicksArriveWithoutADoorbellToo) {
  doorbells_.refuse = true;
  function_->OnBarForwarded(0, Window(base_));
  const Capability notify = *Find(kPciCapabilityVendor, 2);
  const uint64_t multiplier = ReadConfig(notify.offset + 16u, 4);
  const Capability common = *Find(kPciCapabilityVendor, 1);
  WriteBar(common.bar_offset + 12, 0, 4);  // VERSION_1 is in the second word
  WriteBar(common.bar_offset + 8, 1, 4);
  WriteBar(common.bar_offset + 12, kFeatureVersion1 >> 32, 4);
  WriteBar(common.bar_offset + 20, 11, 1);
  WriteBar(common.bar_offset + 22, 1, 2);
  WriteBar(common.bar_offset + 28, 1, 2);
  WriteBar(common.bar_offset + 20, 15, 1);
  ASSERT_TRUE(device_->activation.has_value());
  const int kick = device_->activation->queues[0].kick_fd;
  WriteBar(notify.bar_offset + multiplier, 1, 2);
  EXPECT_EQ(TakeKicks(kick), 1u);
  WriteBar(notify.bar_offset + (multiplier == 0 ? 0 : 1000), 1000, 2);
  EXPECT_EQ(TakeKicks(kick), 0u);
}

// Section 4.1.4.9: the same registers without a BAR.
TEST_P(VirtioPciDeviceTest, TheWindowInConfigurationSpaceReachesTheBar) {
  const Capability window = *Find(kPciCapabilityVendor, 5);
  const Capability device = *Find(kPciCapabilityVendor, 4);
  WriteConfig(window.offset + 4u, 0, 1);
  WriteConfig(window.offset + 8u, device.bar_offset + 4, 4);
  WriteConfig(window.offset + 12u, 2, 4);
  EXPECT_EQ(ReadConfig(window.offset + 16u, 2), 0x0605u);
  WriteConfig(window.offset + 16u, 0xbbaa, 2);
  EXPECT_EQ(device_->config[4], 0xaa);
  EXPECT_EQ(ReadConfig(window.offset + 16u, 4), 0u);
  WriteConfig(window.offset + 8u, 0xffffffff, 4);
  EXPECT_EQ(ReadConfig(window.offset + 16u, 2), 0u);
  WriteConfig(window.offset + 4u, 1, 1);
  WriteConfig(window.offset + 8u, device.bar_offset, 4);
  EXPECT_EQ(ReadConfig(window.offset + 16u, 2), 0u);
}

TEST_P(VirtioPciDeviceTest, TheStatusRegisterShowsTheLine) {
  const Capability common = *Find(kPciCapabilityVendor, 1);
  EXPECT_EQ(ReadConfig(kPciStatus, 2) & kPciStatusInterrupt, 0u);
  WriteBar(common.bar_offset + 8, 1, 4);
  WriteBar(common.bar_offset + 12, kFeatureVersion1 >> 32, 4);
  WriteBar(common.bar_offset + 20, 11, 1);
  WriteBar(common.bar_offset + 20, 15, 1);
  device_->activation->transport->InterruptQueue(0);
  EXPECT_NE(ReadConfig(kPciStatus, 2) & kPciStatusInterrupt, 0u);
  const Capability isr = *Find(kPciCapabilityVendor, 3);
  EXPECT_EQ(ReadBar(isr.bar_offset, 1), 1u);
  EXPECT_EQ(ReadConfig(kPciStatus, 2) & kPciStatusInterrupt, 0u);
}

INSTANTIATE_TEST_SUITE_P(Layouts, VirtioPciDeviceTest,
                         testing::Values(PciSpace::kMemory, PciSpace::kIo), [](const auto& info) {
                           return info.param == PciSpace::kIo ? "Io" : "Memory";
                         });

}  // namespace
}  // namespace sealvm
