// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_RNG_RNG_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_RNG_RNG_DEVICE_H_

#include <stdint.h>

#include <memory>
#include <span>
#include <string_view>

#include "devices/virtio/loop_device.h"

namespace sealvm {

// An entropy device (Virtual I/O Device 1.3 section 5.4): fills what the guest gives it from the
// host kernel's generator, getrandom(2).
class RngDevice : public LoopDevice {
 public:
  // A longer request gets this many bytes, so that none holds the others up for long.
  static constexpr uint32_t kMaxRequestBytes = 64 << 10;

  static Result<std::shared_ptr<RngDevice>> Create();
  ~RngDevice() override;

  std::string_view Name() const override { return "rng"; }
  VirtioType Type() const override { return VirtioType::kRng; }
  uint64_t Features() const override { return kFeatureInOrder; }
  std::span<const uint16_t> QueueSizes() const override;
  // There is no configuration.
  void ReadConfig(uint64_t offset, std::span<uint8_t> out) override;

 protected:
  bool OnKick(RunningQueue& queue) override;

 private:
  RngDevice() = default;
  void Answer(RunningQueue& queue);
  // Writes `length` random bytes into chain_; returns how many the guest got.
  uint32_t Fill(SharedView& memory, uint32_t length);

  DescriptorChain chain_;  // the loop's thread; its storage is used again
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_RNG_RNG_DEVICE_H_
