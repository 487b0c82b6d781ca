// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block_device.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "devices/virtio/block/lone_request_engine.h"
#include "devices/virtio/block/thread_engine.h"
#include "devices/virtio/block/uring_engine.h"

namespace sealvm {

namespace {

constexpr uint64_t kWritableFeatures =
    kBlkFeatureFlush | kBlkFeatureDiscard | kBlkFeatureWriteZeroes;

Result<std::unique_ptr<BlockEngine>> MakeBestEngine(int fd, unsigned depth) {
  Result<std::unique_ptr<BlockEngine>> uring = UringEngine::Create(fd, depth);
  if (uring) return uring;
  return ThreadEngine::Create(fd, depth);
}

BlockEngineFactory EngineItself(BlockOptions::Engine engine) {
  switch (engine) {
    case BlockOptions::Engine::kUring:
      return UringEngine::Create;
    case BlockOptions::Engine::kThreads:
      return ThreadEngine::Create;
    case BlockOptions::Engine::kAuto:
      break;
  }
  return MakeBestEngine;
}

BlockEngineFactory FactoryOf(BlockOptions::Engine engine) {
  return [make = EngineItself(engine)](int fd,
                                       unsigned depth) -> Result<std::unique_ptr<BlockEngine>> {
    return std::make_unique<LoneRequestEngine>(fd, SEALVM_TRY(make(fd, depth)));
  };
}

Result<> CheckOptions(const BlockOptions& options) {
  if (options.serial.size() > kBlkIdBytes) {
    return InvalidInput(
        fmt::format("{}: the serial number is longer than {} bytes", options.name, kBlkIdBytes));
  }
  if (options.queues == 0) return InvalidInput(fmt::format("{}: needs a queue", options.name));
  if (!std::has_single_bit(options.queue_size) || options.queue_size < 2 ||
      options.queue_size > kMaxQueueSize) {
    return InvalidInput(
        fmt::format("{}: a queue of {} entries: must be a power of two from 2 to {}", options.name,
                    options.queue_size, kMaxQueueSize));
  }
  return {};
}

uint32_t InBlocks(const DiskImage::Geometry& geometry) {
  return geometry.physical_block / geometry.logical_block;
}

}  // namespace

Result<std::shared_ptr<BlockDevice>> BlockDevice::Create(const BlockOptions& options) {
  return Create(options, FactoryOf(options.engine));
}

Result<std::shared_ptr<BlockDevice>> BlockDevice::Create(const BlockOptions& options,
                                                         BlockEngineFactory make_engine) {
  SEALVM_TRY(CheckOptions(options));
  DiskImage image = SEALVM_TRY(DiskImage::Open({.path = options.path,
                                                .readonly = options.readonly,
                                                .direct = options.direct,
                                                .name = options.name}));
  return std::shared_ptr<BlockDevice>(
      new BlockDevice(options, std::move(image), std::move(make_engine)));
}

BlockDevice::BlockDevice(const BlockOptions& options, DiskImage image,
                         BlockEngineFactory make_engine)
    : image_(std::move(image)),
      target_{.image = image_, .serial = options.serial},
      rate_(options.limits),
      queue_sizes_(options.queues, options.queue_size),
      make_engine_(std::move(make_engine)),
      queues_(options.queues) {}

BlockDevice::~BlockDevice() { Reset(); }

uint64_t BlockDevice::Features() const {
  uint64_t features = kBlkFeatureSegMax | kBlkFeatureBlockSize | kBlkFeatureTopology;
  features |= image_.readonly() ? kBlkFeatureReadOnly : kWritableFeatures;
  if (queue_sizes_.size() > 1) features |= kBlkFeatureMultiQueue;
  return features;
}

void BlockDevice::ReadConfig(uint64_t offset, std::span<uint8_t> out) {
  const DiskImage::Geometry& geometry = image_.geometry();
  BlkConfig config = {};
  config.capacity = image_.sectors();
  // Header and status take an entry each.
  config.seg_max = std::max<uint32_t>(queue_sizes_[0], 3) - 2;
  config.block_size = geometry.logical_block;
  config.physical_block_exponent = static_cast<uint8_t>(std::countr_zero(InBlocks(geometry)));
  config.min_io_size = static_cast<uint16_t>(std::min<uint32_t>(InBlocks(geometry), UINT16_MAX));
  config.writeback = 1;
  config.queues = static_cast<uint16_t>(queue_sizes_.size());
  config.max_discard_sectors = kMaxDiscardSectors;
  config.max_discard_segments = kMaxBlkSegments;
  config.discard_alignment = geometry.physical_block / kSectorBytes;
  config.max_write_zeroes_sectors = kMaxWriteZeroesSectors;
  config.max_write_zeroes_segments = kMaxBlkSegments;
  config.write_zeroes_may_unmap = 1;
  std::ranges::fill(out, uint8_t{0});
  if (offset >= sizeof(config)) return;
  memcpy(out.data(), reinterpret_cast<const uint8_t*>(&config) + offset,
         std::min<size_t>(out.size(), sizeof(config) - offset));
}

Result<> BlockDevice::OnActivate() {
  target_.features = features();
  return {};
}

Result<> BlockDevice::OnQueueStart(RunningQueue& queue) {
  std::unique_ptr<BlockEngine> engine = SEALVM_TRY(make_engine_(image_.fd(), queue.ring().size()));
  queues_[queue.index()] =
      SEALVM_TRY(BlockQueue::Create({.queue = queue,
                                     .target = target_,
                                     .rate = rate_,
                                     .counters = counters(),
                                     .look_again = [this, &queue] { Kick(queue); }},
                                    std::move(engine)));
  return {};
}

bool BlockDevice::OnKick(RunningQueue& queue) {
  return queues_[queue.index()]->Work(kRequestsPerTurn);
}

void BlockDevice::OnQueueStop(RunningQueue& queue) { queues_[queue.index()].reset(); }

}  // namespace sealvm
