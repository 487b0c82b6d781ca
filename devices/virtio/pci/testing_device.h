// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_PCI_TESTING_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_PCI_TESTING_DEVICE_H_

#include <array>
#include <optional>
#include <set>
#include <vector>

#include "devices/virtio/pci/doorbell.h"
#include "devices/virtio/virtio_device.h"
#include "memory/base/endian.h"

namespace sealvm {

// A device with two queues and eight bytes of configuration that keeps what its transport does. It
// has no thread.
class RecordingDevice : public VirtioDevice {
 public:
  static constexpr uint64_t kFeature = FeatureBit(3);

  std::string_view Name() const override { return "recording"; }
  VirtioType Type() const override { return VirtioType::kBlock; }
  uint64_t Features() const override { return kFeature; }
  std::span<const uint16_t> QueueSizes() const override { return kSizes; }
  void ReadConfig(uint64_t offset, std::span<uint8_t> out) override {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = offset + i < config.size() ? config[offset + i] : 0;
    }
  }
  void WriteConfig(uint64_t offset, std::span<const uint8_t> bytes) override {
    for (size_t i = 0; i < bytes.size() && offset + i < config.size(); ++i) {
      config[offset + i] = bytes[i];
    }
  }
  Result<> Activate(const VirtioActivation& given) override {
    if (refuse) return HostError("refused");
    activation = given;
    for (const EnabledQueue& queue : given.queues) running.insert(queue.index);
    return {};
  }
  Result<> StartQueue(const EnabledQueue& queue) override {
    running.insert(queue.index);
    started.push_back(queue);
    return {};
  }
  void StopQueue(uint16_t index) override { running.erase(index); }
  void Reset() override {
    running.clear();
    activation.reset();
    ++resets;
  }
  DeviceCounters& counters() override { return counters_; }

  bool refuse = false;
  std::array<uint8_t, 8> config = {1, 2, 3, 4, 5, 6, 7, 8};
  std::optional<VirtioActivation> activation;
  std::set<uint16_t> running;
  std::vector<EnabledQueue> started;
  int resets = 0;

 private:
  static constexpr std::array<uint16_t, 2> kSizes = {256, 64};
  DeviceCounters counters_;
};

// Keeps which doorbells are bound.
class RecordingDoorbells : public DoorbellBinder {
 public:
  Result<> Bind(const Doorbell& doorbell, int event_fd) override {
    if (refuse) return HostError("refused");
    bound.emplace_back(doorbell, event_fd);
    return {};
  }
  void Unbind(const Doorbell& doorbell, int event_fd) override {
    std::erase(bound, std::pair(doorbell, event_fd));
  }

  bool refuse = false;
  std::vector<std::pair<Doorbell, int>> bound;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_PCI_TESTING_DEVICE_H_
