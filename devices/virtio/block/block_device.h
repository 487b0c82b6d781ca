// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_DEVICE_H_

#include <stdint.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "devices/io/rate_gate.h"
#include "devices/io/rate_limits.h"
#include "devices/virtio/block/block_engine.h"
#include "devices/virtio/block/block_queue.h"
#include "devices/virtio/block/block_request.h"
#include "devices/virtio/block/disk_image.h"
#include "devices/virtio/loop_device.h"
#include "memory/base/result.h"

namespace sealvm {

struct BlockOptions {
  // How requests reach the host's kernel. kAuto: io_uring where the host has it.
  enum class Engine { kAuto, kUring, kThreads };

  std::string path = {};  // a raw image: a file or a block device
  bool readonly = false;
  bool direct = false;      // without the host's page cache
  std::string serial = {};  // at most kBlkIdBytes bytes
  Engine engine = Engine::kAuto;
  uint16_t queues = 1;  // each with a thread of its own
  uint16_t queue_size = 256;
  RateLimits limits{};    // of all queues together
  std::string name = {};  // begins the messages of Create: option or device
};

// A disk: Virtual I/O Device 1.3 section 5.2. Its content is an image of the host's, which it has
// locked while it lives. Errors of the host's I/O end the request, not the device.
class BlockDevice final : public LoopDevice {
 public:
  // Opens the image. Errors as DiskImage::Open's, and kInvalidInput for what the options must not
  // be. Which engine there is shows when a queue starts.
  static Result<std::shared_ptr<BlockDevice>> Create(const BlockOptions& options);
  // With an engine of the caller's; `options.engine` does not count.
  static Result<std::shared_ptr<BlockDevice>> Create(const BlockOptions& options,
                                                     BlockEngineFactory make_engine);
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;
  ~BlockDevice() override;

  std::string_view Name() const override { return "block"; }
  VirtioType Type() const override { return VirtioType::kBlock; }
  uint64_t Features() const override;
  std::span<const uint16_t> QueueSizes() const override { return queue_sizes_; }
  void ReadConfig(uint64_t offset, std::span<uint8_t> out) override;

 protected:
  size_t LoopCount() const override { return queue_sizes_.size(); }
  size_t LoopOf(uint16_t queue) const override { return queue; }
  Result<> OnActivate() override;
  Result<> OnQueueStart(RunningQueue& queue) override;
  bool OnKick(RunningQueue& queue) override;
  void OnQueueStop(RunningQueue& queue) override;

 private:
  BlockDevice(const BlockOptions& options, DiskImage image, BlockEngineFactory make_engine);

  const DiskImage image_;
  BlockTarget target_;
  SharedRate rate_;
  const std::vector<uint16_t> queue_sizes_;
  const BlockEngineFactory make_engine_;
  // Each touched by its queue's thread alone.
  std::vector<std::unique_ptr<BlockQueue>> queues_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_DEVICE_H_
