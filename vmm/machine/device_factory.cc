// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/device_factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "devices/virtio/block/block_device.h"
#include "devices/virtio/rng/rng_device.h"

namespace sealvm {
namespace {

std::string IdOf(const std::string& given, std::string_view prefix, size_t index) {
  return given.empty() ? fmt::format("{}{}", prefix, index) : given;
}

BlockOptions::Engine ToEngine(DiskEngine engine) {
  switch (engine) {
    case DiskEngine::kIoUring:
      return BlockOptions::Engine::kUring;
    case DiskEngine::kThreads:
      return BlockOptions::Engine::kThreads;
    case DiskEngine::kAuto:
      break;
  }
  return BlockOptions::Engine::kAuto;
}

Result<NamedDevice> MakeDisk(const DiskConfig& config, size_t index, uint32_t cpus) {
  const std::string id = IdOf(config.id, "disk", index);
  const auto queues = static_cast<uint16_t>(std::min<uint32_t>(cpus, kMaxDeviceQueues));
  BlockOptions options;
  options.path = config.path;
  options.readonly = config.readonly;
  options.direct = config.direct;
  options.serial = config.serial.empty() ? id.substr(0, kBlkIdBytes) : config.serial;
  options.engine = ToEngine(config.engine);
  options.queues = config.queues == 0 ? queues : config.queues;
  options.queue_size = config.queue_size;
  options.limits = config.limits;
  options.name = "--disk";
  return NamedDevice{id, SEALVM_TRY(BlockDevice::Create(options))};
}

}  // namespace

Result<MachineDevices> MakeMachineDevices(const MachineConfig& config, ConsoleCallbacks console,
                                          const Logger& logger) {
  const DevicesConfig& wanted = config.devices;
  MachineDevices made;
  (void)logger;
  for (size_t i = 0; i < wanted.disks.size(); ++i) {
    made.all.push_back(SEALVM_TRY(MakeDisk(wanted.disks[i], i, config.cpus)));
  }
  if (wanted.virtio_console) {
    made.console = SEALVM_TRY(ConsoleDevice::Create({}, std::move(console)));
    made.all.push_back({"console", made.console});
  }
  if (wanted.rng) made.all.push_back({"rng", SEALVM_TRY(RngDevice::Create())});
  return made;
}

}  // namespace sealvm
