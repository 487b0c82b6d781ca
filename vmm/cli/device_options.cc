// SPDX-License-Identifier: Apache-2.0
// The options of disks, vsock and shared directories; net_options.cc has those of networks.
#include "vmm/cli/device_keys.h"

namespace sealvm {
namespace {

using namespace device_keys;

constexpr KeySpec<DiskConfig> kDiskKeys[] = {
    TextKey<&DiskConfig::path, DiskConfig>("path", KeyPresence::kMandatory),
    {{"readonly", ValueKind::kSwitch},
     ApplySwitch<&DiskConfig::readonly>,
     RenderSwitch<&DiskConfig::readonly>},
    {{"format", ValueKind::kString},
     ApplyName<&DiskConfig::format, ParseDiskFormat>,
     RenderName<&DiskConfig::format, DiskFormatName>},
    TextKey<&DiskConfig::id, DiskConfig>("id"),
    TextKey<&DiskConfig::serial, DiskConfig>("serial"),
    {{"direct", ValueKind::kSwitch},
     ApplySwitch<&DiskConfig::direct>,
     RenderSwitch<&DiskConfig::direct>},
    {{"engine", ValueKind::kString},
     ApplyName<&DiskConfig::engine, ParseDiskEngine>,
     RenderName<&DiskConfig::engine, DiskEngineName>},
    QueuesKey<&DiskConfig::queues, DiskConfig>(),
    QueueSizeKey<&DiskConfig::queue_size, DiskConfig>(),
    BytesKey<&DiskConfig::limits, &RateLimits::bytes_per_second, DiskConfig>("bytes-per-second"),
    BytesKey<&DiskConfig::limits, &RateLimits::bytes_burst, DiskConfig>("bytes-burst"),
    OpsKey<&DiskConfig::limits, &RateLimits::ops_per_second, DiskConfig>("ops-per-second"),
    OpsKey<&DiskConfig::limits, &RateLimits::ops_burst, DiskConfig>("ops-burst"),
};

constexpr KeySpec<VsockConfig> kVsockKeys[] = {
    {{"cid", ValueKind::kInteger, KeyPresence::kMandatory},
     ApplyNumber<&VsockConfig::cid, kMinVsockCid, kMaxVsockCid>,
     RenderNumber<&VsockConfig::cid>},
    TextKey<&VsockConfig::socket, VsockConfig>("socket", KeyPresence::kMandatory),
};

constexpr KeySpec<FsConfig> kFsKeys[] = {
    TextKey<&FsConfig::tag, FsConfig>("tag", KeyPresence::kMandatory),
    TextKey<&FsConfig::socket, FsConfig>("socket", KeyPresence::kMandatory),
    TextKey<&FsConfig::id, FsConfig>("id"),
    QueueSizeKey<&FsConfig::queue_size, FsConfig>(),
};

template <typename Device>
Result<std::vector<Device>> DevicesFrom(std::span<const KeySpec<Device>> specs,
                                        std::span<const TableValue> values) {
  std::vector<Device> devices;
  for (const TableValue& value : values) {
    Result<Device> device = ObjectFromKeys(specs, value.keys);
    if (!device) return WithContext(std::move(device).error(), value.where);
    devices.push_back(*std::move(device));
  }
  return devices;
}

template <typename Device>
std::vector<KeyValues> KeysOfDevices(std::span<const KeySpec<Device>> specs,
                                     std::span<const Device> devices) {
  std::vector<KeyValues> lists;
  for (const Device& device : devices) lists.push_back(KeysFromObject(specs, device));
  return lists;
}

}  // namespace

const TableOption kDiskOption = {
    true, "", [] { return ShapesOf(std::span<const KeySpec<DiskConfig>>(kDiskKeys)); },
    [](RunOptions& options, std::span<const TableValue> values) -> Result<> {
      options.machine.devices.disks = SEALVM_TRY(DevicesFrom<DiskConfig>(kDiskKeys, values));
      return {};
    },
    [](const RunOptions& options) {
      return KeysOfDevices<DiskConfig>(kDiskKeys, options.machine.devices.disks);
    }};

const TableOption kVsockOption = {
    false, "", [] { return ShapesOf(std::span<const KeySpec<VsockConfig>>(kVsockKeys)); },
    [](RunOptions& options, std::span<const TableValue> values) -> Result<> {
      const auto devices = SEALVM_TRY(DevicesFrom<VsockConfig>(kVsockKeys, values));
      options.machine.devices.vsock = devices.front();
      return {};
    },
    [](const RunOptions& options) {
      std::vector<VsockConfig> devices;
      if (options.machine.devices.vsock) devices.push_back(*options.machine.devices.vsock);
      return KeysOfDevices<VsockConfig>(kVsockKeys, devices);
    }};

const TableOption kFsOption = {
    true, "", [] { return ShapesOf(std::span<const KeySpec<FsConfig>>(kFsKeys)); },
    [](RunOptions& options, std::span<const TableValue> values) -> Result<> {
      options.machine.devices.shares = SEALVM_TRY(DevicesFrom<FsConfig>(kFsKeys, values));
      return {};
    },
    [](const RunOptions& options) {
      return KeysOfDevices<FsConfig>(kFsKeys, options.machine.devices.shares);
    }};

}  // namespace sealvm
