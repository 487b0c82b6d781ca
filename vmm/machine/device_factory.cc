// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/device_factory.h"

#include <algorithm>
#include <string>
#include <utility>

#include "devices/vhost_user/fs_device.h"
#include "devices/virtio/block/block_device.h"
#include "devices/virtio/net/net_device.h"
#include "devices/virtio/rng/rng_device.h"
#include "devices/virtio/vsock/vsock_device.h"

namespace sealvm {
namespace {

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

Result<NamedDevice> MakeDisk(const DiskConfig& config, uint32_t cpus) {
  const auto queues = static_cast<uint16_t>(std::min<uint32_t>(cpus, kMaxDeviceQueues));
  BlockOptions options;
  options.path = config.path;
  options.readonly = config.readonly;
  options.direct = config.direct;
  options.serial = config.serial.empty() ? config.id.substr(0, kBlkIdBytes) : config.serial;
  options.engine = ToEngine(config.engine);
  options.queues = config.queues == 0 ? queues : config.queues;
  options.queue_size = config.queue_size;
  options.limits = config.limits;
  options.name = "--disk " + config.id;
  return NamedDevice{config.id, SEALVM_TRY(BlockDevice::Create(options))};
}

NetOptions::Backend ToBackend(NetBackend backend) {
  switch (backend) {
    case NetBackend::kTap:
      return NetOptions::Backend::kTap;
    case NetBackend::kTapFd:
      return NetOptions::Backend::kTapFd;
    case NetBackend::kUser:
      break;
  }
  return NetOptions::Backend::kUser;
}

Result<NamedDevice> MakeNet(const NetConfig& config, const Logger& logger) {
  NetOptions options;
  options.backend = ToBackend(config.backend);
  options.tap = config.tap;
  options.fd = config.fd;
  options.user.forwards = config.forwards;
  options.name = config.id;
  options.mac = config.mac;
  options.queue_pairs = config.queue_pairs;
  options.queue_size = config.queue_size;
  options.receive = config.receive_limits;
  options.transmit = config.transmit_limits;
  options.logger = logger;
  return NamedDevice{config.id, SEALVM_TRY(NetDevice::Create(std::move(options)))};
}

Result<NamedDevice> MakeShare(const FsConfig& config, const Logger& logger) {
  FsOptions options;
  options.socket_path = config.socket;
  options.tag = config.tag;
  options.queue_size = config.queue_size;
  options.name = config.id;
  options.logger = logger;
  return NamedDevice{config.id, SEALVM_TRY(FsDevice::Create(std::move(options)))};
}

Result<NamedDevice> MakeVsock(const VsockConfig& config) {
  VsockOptions options;
  options.guest_cid = config.cid;
  options.socket_path = config.socket;
  return NamedDevice{std::string(kVsockId), SEALVM_TRY(VsockDevice::Create(options))};
}

}  // namespace

Result<MachineDevices> MakeMachineDevices(const MachineConfig& config, ConsoleCallbacks console,
                                          const Logger& logger) {
  const DevicesConfig wanted = WithDefaultIds(config.devices);
  MachineDevices made;
  for (const DiskConfig& disk : wanted.disks) {
    made.all.push_back(SEALVM_TRY(MakeDisk(disk, config.cpus)));
  }
  for (const NetConfig& net : wanted.nets) made.all.push_back(SEALVM_TRY(MakeNet(net, logger)));
  for (const FsConfig& share : wanted.shares) {
    made.all.push_back(SEALVM_TRY(MakeShare(share, logger)));
  }
  if (wanted.vsock) made.all.push_back(SEALVM_TRY(MakeVsock(*wanted.vsock)));
  if (wanted.virtio_console) {
    made.console = SEALVM_TRY(ConsoleDevice::Create({}, std::move(console)));
    made.all.push_back({std::string(kConsoleId), made.console});
  }
  if (wanted.rng) {
    made.all.push_back({std::string(kRngId), SEALVM_TRY(RngDevice::Create())});
  }
  return made;
}

}  // namespace sealvm
