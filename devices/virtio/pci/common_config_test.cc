// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/pci/common_config.h"

#include <gtest/gtest.h>

#include "devices/testing.h"
#include "devices/virtio/pci/testing_device.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

// Offsets of Virtual I/O Device 1.3 section 4.1.4.3, with the width of each register.
struct Register {
  uint64_t offset;
  size_t width;
};
constexpr Register kDeviceFeatureSelect{0, 4};
constexpr Register kDeviceFeature{4, 4};
constexpr Register kDriverFeatureSelect{8, 4};
constexpr Register kDriverFeature{12, 4};
constexpr Register kNumQueues{18, 2};
constexpr Register kStatus{20, 1};
constexpr Register kQueueSelect{22, 2};
constexpr Register kQueueSize{24, 2};
constexpr Register kQueueVector{26, 2};
constexpr Register kQueueEnable{28, 2};
constexpr Register kQueueNotifyOffset{30, 2};
constexpr Register kQueueDescriptors{32, 8};
constexpr Register kQueueDriver{40, 8};
constexpr Register kQueueReset{58, 2};

constexpr uint8_t kUpToDriver = kStatusAcknowledge | kStatusDriver;
constexpr uint8_t kUpToFeatures = kUpToDriver | kStatusFeaturesOk;
constexpr uint8_t kUpToDriverOk = kUpToFeatures | kStatusDriverOk;

class CommonConfigTest : public testing::Test {
 protected:
  CommonConfigTest() { Make({}); }

  void Make(const CommonConfig::Options& options) {
    config_.reset();
    config_ = CommonConfig::Create(options, device_, guest_.view(), interrupts_).value();
  }
  uint64_t Read(Register reg) const {
    std::array<uint8_t, 8> bytes = {};
    config_->Read(reg.offset, std::span(bytes).first(reg.width));
    return LoadLeAny(std::span(bytes).first(reg.width));
  }
  void Write(Register reg, uint64_t value) {
    std::array<uint8_t, 8> bytes = {};
    StoreLeAny(bytes, value);
    config_->Write(reg.offset, std::span(bytes).first(reg.width));
  }
  uint64_t OfferedFeatures() {
    uint64_t features = 0;
    for (const uint64_t word : {0, 1}) {
      Write(kDeviceFeatureSelect, word);
      features |= Read(kDeviceFeature) << (32 * word);
    }
    return features;
  }
  // False when the device did not agree.
  bool Negotiate(uint64_t features) {
    Write(kStatus, kUpToDriver);
    for (const uint64_t word : {0, 1}) {
      Write(kDriverFeatureSelect, word);
      Write(kDriverFeature, features >> (32 * word) & 0xffffffff);
    }
    Write(kStatus, kUpToFeatures);
    return (Read(kStatus) & kStatusFeaturesOk) != 0;
  }
  void SetUpQueue(uint16_t index, uint16_t size) {
    Write(kQueueSelect, index);
    Write(kQueueSize, size);
    Write(kQueueDescriptors, 0x123456789000);
    Write(kQueueEnable, 1);
  }

  TestGuest guest_;
  RecordingDevice device_;
  std::vector<std::string> failures_;
  VirtioInterrupts interrupts_{2, nullptr, std::make_unique<RecordingLine>(),
                               [this](const Error& error) { failures_.push_back(error.message); }};
  std::unique_ptr<CommonConfig> config_;
};

TEST_F(CommonConfigTest, OffersTheDevicesAndTheTransportsFeatures) {
  EXPECT_EQ(OfferedFeatures(), RecordingDevice::kFeature | kFeatureIndirect | kFeatureEventIdx |
                                   kFeatureVersion1 | kFeatureAccessPlatform | kFeaturePacked |
                                   kFeatureRingReset);
  Write(kDeviceFeatureSelect, 2);
  EXPECT_EQ(Read(kDeviceFeature), 0u);
}

TEST_F(CommonConfigTest, AgreesToASubsetWithVersion1) {
  EXPECT_TRUE(Negotiate(kFeatureVersion1 | RecordingDevice::kFeature));
}

TEST_F(CommonConfigTest, RefusesWhatItDidNotOfferAndLegacyDrivers) {
  EXPECT_FALSE(Negotiate(kFeatureVersion1 | FeatureBit(7)));
  EXPECT_FALSE(Negotiate(RecordingDevice::kFeature));
  EXPECT_TRUE(Negotiate(kFeatureVersion1));
}

TEST_F(CommonConfigTest, MayInsistOnAccessPlatform) {
  Make({.require_access_platform = true});
  EXPECT_FALSE(Negotiate(kFeatureVersion1));
  EXPECT_TRUE(Negotiate(kFeatureVersion1 | kFeatureAccessPlatform));
}

TEST_F(CommonConfigTest, FeaturesAreFixedOnceAgreed) {
  ASSERT_TRUE(Negotiate(kFeatureVersion1));
  Write(kDriverFeatureSelect, 0);
  Write(kDriverFeature, RecordingDevice::kFeature);
  Write(kStatus, kUpToDriverOk);
  EXPECT_EQ(device_.activation->features, kFeatureVersion1);
}

TEST_F(CommonConfigTest, ActivatesWithTheEnabledQueues) {
  ASSERT_TRUE(Negotiate(kFeatureVersion1));
  SetUpQueue(1, 32);
  Write(kStatus, kUpToDriverOk);
  ASSERT_TRUE(device_.activation.has_value());
  ASSERT_EQ(device_.activation->queues.size(), 1u);
  const EnabledQueue& queue = device_.activation->queues[0];
  EXPECT_EQ(queue.index, 1);
  EXPECT_EQ(queue.layout.size, 32);
  EXPECT_EQ(queue.layout.descriptor_area, 0x123456789000u);
  EXPECT_EQ(queue.kick_fd, config_->kick_fd(1));
}

TEST_F(CommonConfigTest, DriverOkWithoutFeaturesNeedsAReset) {
  Write(kStatus, kUpToDriver | kStatusDriverOk);
  EXPECT_FALSE(device_.activation.has_value());
  EXPECT_NE(Read(kStatus) & kStatusNeedsReset, 0u);
  EXPECT_EQ(failures_.size(), 1u);
}

TEST_F(CommonConfigTest, ADeviceThatCannotBeginNeedsAReset) {
  device_.refuse = true;
  ASSERT_TRUE(Negotiate(kFeatureVersion1));
  Write(kStatus, kUpToDriverOk);
  EXPECT_EQ(failures_, std::vector<std::string>{"refused"});
  Write(kStatus, 0);
  EXPECT_EQ(Read(kStatus), 0u);
}

TEST_F(CommonConfigTest, WritingZeroResets) {
  ASSERT_TRUE(Negotiate(kFeatureVersion1));
  SetUpQueue(0, 16);
  Write(kStatus, kUpToDriverOk);
  Write(kStatus, 0);
  EXPECT_EQ(device_.resets, 1);
  EXPECT_EQ(Read(kStatus), 0u);
  Write(kQueueSelect, 0);
  EXPECT_EQ(Read(kQueueEnable), 0u);
  EXPECT_EQ(Read(kQueueSize), 256u);
  EXPECT_EQ(Read(kQueueDescriptors), 0u);
  Write(kStatus, 0);
  EXPECT_EQ(device_.resets, 1);
}

TEST_F(CommonConfigTest, StatusBitsCannotBeTakenBackOneByOne) {
  Write(kStatus, kUpToDriver);
  Write(kStatus, kStatusAcknowledge);
  EXPECT_EQ(Read(kStatus), kUpToDriver);
}

TEST_F(CommonConfigTest, AnEnabledQueueIsFixed) {
  SetUpQueue(0, 16);
  Write(kQueueSize, 64);
  Write(kQueueDescriptors, 0);
  Write(kQueueEnable, 0);
  EXPECT_EQ(Read(kQueueSize), 16u);
  EXPECT_EQ(Read(kQueueDescriptors), 0x123456789000u);
  EXPECT_EQ(Read(kQueueEnable), 1u);
}

TEST_F(CommonConfigTest, QueuesOfNoOrTooManyEntriesNeedAReset) {
  for (const uint16_t size : {0, 512, 32768, 65535}) {
    failures_.clear();
    Write(kStatus, 0);
    SetUpQueue(0, size);
    EXPECT_EQ(Read(kQueueEnable), 0u) << size;
    EXPECT_EQ(failures_.size(), 1u) << size;
    interrupts_.Reset();
  }
}

TEST_F(CommonConfigTest, AQueueThatIsNotThereReadsAsZero) {
  Write(kQueueSelect, 2);
  EXPECT_EQ(Read(kQueueSize), 0u);
  Write(kQueueSize, 16);
  Write(kQueueEnable, 1);
  Write(kQueueReset, 1);
  Write(kQueueVector, 0);
  EXPECT_EQ(Read(kQueueEnable), 0u);
  EXPECT_EQ(Read(kNumQueues), 2u);
}

TEST_F(CommonConfigTest, AddressesMayBeWrittenByHalves) {
  Write({kQueueDriver.offset, 4}, 0x9abcdef0);
  Write({kQueueDriver.offset + 4, 4}, 0x12345678);
  EXPECT_EQ(Read(kQueueDriver), 0x123456789abcdef0u);
  EXPECT_EQ(Read({kQueueDriver.offset + 4, 4}), 0x12345678u);
}

TEST_F(CommonConfigTest, OtherWidthsDoNothing) {
  Write({kQueueSize.offset, 1}, 1);
  Write({kStatus.offset, 2}, 0xffff);
  Write({kQueueDescriptors.offset + 2, 4}, 0xffffffff);
  EXPECT_EQ(Read(kQueueSize), 256u);
  EXPECT_EQ(Read(kStatus), 0u);
  EXPECT_EQ(Read(kQueueDescriptors), 0u);
  EXPECT_EQ(Read({60, 4}), 0u);
}

TEST_F(CommonConfigTest, EachQueueHasItsDoorbell) {
  Write(kQueueSelect, 1);
  EXPECT_EQ(Read(kQueueNotifyOffset), 1u);
}

TEST_F(CommonConfigTest, AQueueIsResetAndStartedAgain) {
  ASSERT_TRUE(Negotiate(kFeatureVersion1 | kFeatureRingReset));
  SetUpQueue(0, 16);
  Write(kStatus, kUpToDriverOk);
  Write(kQueueReset, 1);
  EXPECT_EQ(Read(kQueueReset), 0u);
  EXPECT_EQ(Read(kQueueEnable), 0u);
  EXPECT_FALSE(device_.running.contains(0));
  SetUpQueue(0, 8);
  ASSERT_EQ(device_.started.size(), 1u);
  EXPECT_EQ(device_.started[0].layout.size, 8);
  EXPECT_TRUE(device_.running.contains(0));
}

TEST_F(CommonConfigTest, QueuesAreResetOnlyByAgreement) {
  ASSERT_TRUE(Negotiate(kFeatureVersion1));
  SetUpQueue(0, 16);
  Write(kStatus, kUpToDriverOk);
  Write(kQueueReset, 1);
  EXPECT_EQ(Read(kQueueEnable), 1u);
  EXPECT_TRUE(device_.running.contains(0));
}

TEST_F(CommonConfigTest, ItsEndResetsTheDevice) {
  ASSERT_TRUE(Negotiate(kFeatureVersion1));
  Write(kStatus, kUpToDriverOk);
  config_.reset();
  EXPECT_EQ(device_.resets, 1);
}

}  // namespace
}  // namespace sealvm
