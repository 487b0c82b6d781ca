// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/pci/common_config.h"

#include <errno.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Offsets of struct virtio_pci_common_cfg, section 4.1.4.3.
enum Register : uint64_t {
  kDeviceFeatureSelect = 0,
  kDeviceFeature = 4,
  kDriverFeatureSelect = 8,
  kDriverFeature = 12,
  kConfigVector = 16,
  kNumQueues = 18,
  kDeviceStatus = 20,
  kConfigGeneration = 21,
  kQueueSelect = 22,
  kQueueSize = 24,
  kQueueVector = 26,
  kQueueEnable = 28,
  kQueueNotifyOffset = 30,
  kQueueDescriptors = 32,
  kQueueDriver = 40,
  kQueueDevice = 48,
  kQueueNotifyData = 56,
  kQueueReset = 58,
};

struct Width {
  uint64_t offset;
  size_t bytes;
};

constexpr std::array kWidths = {
    Width{kDeviceFeatureSelect, 4}, Width{kDeviceFeature, 4},    Width{kDriverFeatureSelect, 4},
    Width{kDriverFeature, 4},       Width{kConfigVector, 2},     Width{kNumQueues, 2},
    Width{kDeviceStatus, 1},        Width{kConfigGeneration, 1}, Width{kQueueSelect, 2},
    Width{kQueueSize, 2},           Width{kQueueVector, 2},      Width{kQueueEnable, 2},
    Width{kQueueNotifyOffset, 2},   Width{kQueueDescriptors, 8}, Width{kQueueDriver, 8},
    Width{kQueueDevice, 8},         Width{kQueueNotifyData, 2},  Width{kQueueReset, 2},
};

bool IsWholeRegister(uint64_t offset, size_t bytes) {
  return std::ranges::any_of(
      kWidths, [&](const Width& width) { return width.offset == offset && width.bytes == bytes; });
}

bool IsHalfRegister(uint64_t offset, size_t bytes) {
  return bytes == 4 && offset % 4 == 0 && offset >= kQueueDescriptors && offset < kQueueNotifyData;
}

constexpr uint64_t kTransportFeatures = kFeatureVersion1 | kFeatureAccessPlatform;
constexpr uint64_t kRingFeatures =
    kFeatureIndirect | kFeatureEventIdx | kFeaturePacked | kFeatureRingReset;

uint32_t Word(uint64_t features, uint32_t select) {
  if (select > 1) return 0;
  return static_cast<uint32_t>(features >> (32 * select));
}

}  // namespace

Result<std::unique_ptr<CommonConfig>> CommonConfig::Create(const Options& options,
                                                           VirtioDevice& device,
                                                           std::shared_ptr<SharedView> memory,
                                                           VirtioInterrupts& interrupts) {
  std::unique_ptr<CommonConfig> config(
      new CommonConfig(options, device, std::move(memory), interrupts));
  for (Queue& queue : config->queues_) {
    queue.kick.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!queue.kick.valid()) return SystemError("eventfd", "a virtqueue's doorbell", errno);
  }
  return config;
}

CommonConfig::CommonConfig(const Options& options, VirtioDevice& device,
                           std::shared_ptr<SharedView> memory, VirtioInterrupts& interrupts)
    : options_(options),
      device_(device),
      memory_(std::move(memory)),
      interrupts_(interrupts),
      offered_(device.Features() | kTransportFeatures |
               (kRingFeatures & ~device.UnsupportedRingFeatures())),
      queues_(device.QueueSizes().size()) {
  for (size_t i = 0; i < queues_.size(); ++i) queues_[i].layout = FreshLayout(i);
}

CommonConfig::~CommonConfig() { Reset(); }

const CommonConfig::Queue* CommonConfig::selected() const {
  return queue_select_ < queues_.size() ? &queues_[queue_select_] : nullptr;
}

CommonConfig::Queue* CommonConfig::selected() {
  return queue_select_ < queues_.size() ? &queues_[queue_select_] : nullptr;
}

uint8_t CommonConfig::status() const {
  return interrupts_.needs_reset() ? status_ | kStatusNeedsReset : status_;
}

void CommonConfig::Read(uint64_t offset, std::span<uint8_t> out) const {
  uint64_t value = 0;
  if (IsWholeRegister(offset, out.size())) {
    value = Get(offset);
  } else if (IsHalfRegister(offset, out.size())) {
    value = Get(offset / 8 * 8) >> (offset % 8 * 8);
  }
  StoreLeAny(out, value);
}

uint64_t CommonConfig::Get(uint64_t offset) const {
  switch (offset) {
    case kDeviceFeatureSelect:
      return device_feature_select_;
    case kDeviceFeature:
      return Word(offered_, device_feature_select_);
    case kDriverFeatureSelect:
      return driver_feature_select_;
    case kDriverFeature:
      return Word(driver_features_, driver_feature_select_);
    case kConfigVector:
      return interrupts_.config_vector();
    case kNumQueues:
      return queues_.size();
    case kDeviceStatus:
      return status();
    case kConfigGeneration:
      return interrupts_.config_generation();
    case kQueueSelect:
      return queue_select_;
    default:
      break;
  }
  const Queue* queue = selected();
  if (queue == nullptr) return 0;
  switch (offset) {
    case kQueueSize:
      return queue->layout.size;
    case kQueueVector:
      return interrupts_.queue_vector(queue_select_);
    case kQueueEnable:
      return queue->enabled ? 1 : 0;
    case kQueueNotifyOffset:
    case kQueueNotifyData:
      return queue_select_;
    case kQueueDescriptors:
      return queue->layout.descriptor_area;
    case kQueueDriver:
      return queue->layout.driver_area;
    case kQueueDevice:
      return queue->layout.device_area;
    default:
      return 0;
  }
}

void CommonConfig::Write(uint64_t offset, std::span<const uint8_t> bytes) {
  const uint64_t value = LoadLeAny(bytes);
  if (IsWholeRegister(offset, bytes.size())) {
    Set(offset, value);
  } else if (IsHalfRegister(offset, bytes.size())) {
    WriteHalf(offset, static_cast<uint32_t>(value));
  }
}

void CommonConfig::Set(uint64_t offset, uint64_t value) {
  switch (offset) {
    case kDeviceFeatureSelect:
      device_feature_select_ = static_cast<uint32_t>(value);
      return;
    case kDriverFeatureSelect:
      driver_feature_select_ = static_cast<uint32_t>(value);
      return;
    case kDriverFeature: {
      // Agreed upon is agreed upon (section 2.2.1).
      if ((status_ & kStatusFeaturesOk) != 0 || driver_feature_select_ > 1) return;
      const unsigned shift = 32 * driver_feature_select_;
      driver_features_ = (driver_features_ & ~(uint64_t{0xffffffff} << shift)) | value << shift;
      return;
    }
    case kConfigVector:
      return interrupts_.SetConfigVector(static_cast<uint16_t>(value));
    case kDeviceStatus:
      return SetStatus(static_cast<uint8_t>(value));
    case kQueueSelect:
      queue_select_ = static_cast<uint16_t>(value);
      return;
    default:
      return SetQueueRegister(offset, value);
  }
}

void CommonConfig::SetQueueRegister(uint64_t offset, uint64_t value) {
  Queue* queue = selected();
  if (queue == nullptr) return;
  if (offset == kQueueVector) {
    return interrupts_.SetQueueVector(queue_select_, static_cast<uint16_t>(value));
  }
  if (offset == kQueueReset && value == 1) return ResetQueue();
  if (queue->enabled) return;  // section 4.1.4.3.2: its place and size are fixed then
  constexpr uint64_t kAllBits = ~uint64_t{0};
  switch (offset) {
    case kQueueSize:
      queue->layout.size = static_cast<uint16_t>(value);
      return;
    case kQueueEnable:
      if (value == 1) EnableQueue();
      return;
    case kQueueDescriptors:
      return SetAddress(&QueueLayout::descriptor_area, value, kAllBits);
    case kQueueDriver:
      return SetAddress(&QueueLayout::driver_area, value, kAllBits);
    case kQueueDevice:
      return SetAddress(&QueueLayout::device_area, value, kAllBits);
    default:
      return;
  }
}

void CommonConfig::WriteHalf(uint64_t offset, uint32_t value) {
  const Queue* queue = selected();
  if (queue == nullptr || queue->enabled) return;
  const unsigned shift = offset % 8 * 8;
  const uint64_t mask = uint64_t{0xffffffff} << shift;
  Gpa QueueLayout::*area = &QueueLayout::device_area;
  if (offset < kQueueDriver) {
    area = &QueueLayout::descriptor_area;
  } else if (offset < kQueueDevice) {
    area = &QueueLayout::driver_area;
  }
  SetAddress(area, uint64_t{value} << shift, mask);
}

void CommonConfig::SetAddress(Gpa QueueLayout::*area, uint64_t value, uint64_t mask) {
  Gpa& address = selected()->layout.*area;
  address = (address & ~mask) | (value & mask);
}

// Bits are set one after the other; only a reset takes them back (section 2.1).
void CommonConfig::SetStatus(uint8_t status) {
  if (status == 0) return Reset();
  const uint8_t added = status & ~status_ & ~kStatusNeedsReset;
  status_ |= added;
  if ((added & kStatusFeaturesOk) != 0) AcceptFeatures();
  if ((added & kStatusDriverOk) != 0) Activate();
}

void CommonConfig::AcceptFeatures() {
  const uint64_t required =
      kFeatureVersion1 | (options_.require_access_platform ? kFeatureAccessPlatform : 0);
  const bool known = (driver_features_ & ~offered_) == 0;
  // Reading the bit back as zero tells the driver (section 3.1.1).
  if (!known || (driver_features_ & required) != required) {
    status_ &= static_cast<uint8_t>(~kStatusFeaturesOk);
  }
}

QueueLayout CommonConfig::FreshLayout(size_t index) const {
  QueueLayout layout;
  layout.size = device_.QueueSizes()[index];
  return layout;
}

EnabledQueue CommonConfig::Enabled(uint16_t index) const {
  const Queue& queue = queues_[index];
  return {.index = index, .layout = queue.layout, .kick_fd = queue.kick.get()};
}

void CommonConfig::Activate() {
  if ((status_ & kStatusFeaturesOk) == 0) {
    return interrupts_.NeedReset(
        {ErrorKind::kInvalidInput, "the driver began without agreed features", "", 0});
  }
  VirtioActivation activation = {
      .features = driver_features_, .memory = memory_, .transport = &interrupts_, .queues = {}};
  for (uint16_t i = 0; i < queues_.size(); ++i) {
    if (queues_[i].enabled) activation.queues.push_back(Enabled(i));
  }
  active_ = true;
  interrupts_.SetDriverReady(true);
  if (const Result<> result = device_.Activate(activation); !result) {
    interrupts_.NeedReset(result.error());
  }
}

void CommonConfig::EnableQueue() {
  Queue& queue = *selected();
  // Zero says that there is no such queue, and a greater one was never offered.
  if (queue.layout.size == 0 || queue.layout.size > device_.QueueSizes()[queue_select_]) {
    return interrupts_.NeedReset({ErrorKind::kInvalidInput,
                                  "queue " + std::to_string(queue_select_) + ": the driver chose " +
                                      std::to_string(queue.layout.size) + " entries",
                                  "", 0});
  }
  queue.enabled = true;
  if (!active_ || (driver_features_ & kFeatureRingReset) == 0) return;
  if (const Result<> result = device_.StartQueue(Enabled(queue_select_)); !result) {
    interrupts_.NeedReset(result.error());
  }
}

// Done when it returns, so that the register reads as zero at once (section 4.1.4.3.2).
void CommonConfig::ResetQueue() {
  Queue& queue = *selected();
  if (!active_ || (driver_features_ & kFeatureRingReset) == 0) return;
  device_.StopQueue(queue_select_);
  queue.enabled = false;
  queue.layout = FreshLayout(queue_select_);
  interrupts_.SetQueueVector(queue_select_, VirtioInterrupts::kNoVector);
}

void CommonConfig::Reset() {
  if (std::exchange(active_, false)) device_.Reset();
  for (size_t i = 0; i < queues_.size(); ++i) {
    queues_[i].layout = FreshLayout(i);
    queues_[i].enabled = false;
  }
  interrupts_.Reset();
  driver_features_ = 0;
  device_feature_select_ = 0;
  driver_feature_select_ = 0;
  queue_select_ = 0;
  status_ = 0;
}

}  // namespace sealvm
