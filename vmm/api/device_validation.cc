// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/un.h>

#include <algorithm>
#include <bit>
#include <set>

#include "vmm/api/device_config.h"

namespace sealvm {
namespace {

// A terminating zero is part of sun_path.
constexpr size_t kMaxSocketPathBytes = sizeof(sockaddr_un::sun_path) - 1;
// Of vsock, which appends "_" and a port of up to ten digits.
constexpr size_t kMaxVsockPathBytes = kMaxSocketPathBytes - 11;
constexpr size_t kMaxTapNameBytes = IFNAMSIZ - 1;

bool IsIdChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

Result<> CheckId(const std::string& id) {
  if (!id.empty() && id.size() <= kMaxDeviceIdBytes && std::ranges::all_of(id, IsIdChar)) return {};
  return InvalidInput("'" + id + "' is no usable id",
                      "give at most " + std::to_string(kMaxDeviceIdBytes) +
                          " letters, digits, dots, dashes and underscores");
}

Result<> CheckPath(std::string_view key, const std::string& path) {
  if (path.empty()) return InvalidInput(std::string(key) + " is missing");
  if (path.find('\0') == path.npos) return {};
  return InvalidInput(std::string(key) + ": the path contains a zero byte");
}

Result<> CheckSocket(const std::string& path, size_t most) {
  SEALVM_TRY(CheckPath("socket", path));
  if (path.size() <= most) return {};
  return InvalidInput(
      "socket: the path has " + std::to_string(path.size()) + " bytes",
      "here it has at most " + std::to_string(most) + "; use a relative or a shorter one");
}

Result<> CheckQueueSize(uint16_t size) {
  if (std::has_single_bit(size) && size >= kMinDeviceQueueSize && size <= kMaxDeviceQueueSize) {
    return {};
  }
  return InvalidInput("queue-size " + std::to_string(size) + ": not a usable size",
                      "give a power of two from " + std::to_string(kMinDeviceQueueSize) + " to " +
                          std::to_string(kMaxDeviceQueueSize));
}

Result<> CheckQueues(uint16_t queues, uint16_t least) {
  if (queues >= least && queues <= kMaxDeviceQueues) return {};
  return InvalidInput("queues " + std::to_string(queues) + ": not a usable number",
                      "give 1 to " + std::to_string(kMaxDeviceQueues));
}

// `prefix`: of the keys' names, "rx-".
Result<> CheckLimits(std::string_view prefix, const RateLimits& limits) {
  std::string_view kind;
  if (limits.bytes_burst != 0 && limits.bytes_per_second == 0) kind = "bytes";
  if (limits.ops_burst != 0 && limits.ops_per_second == 0) kind = "ops";
  if (kind.empty()) return {};
  const std::string key = std::string(prefix) + std::string(kind);
  return InvalidInput(key + "-burst needs " + key + "-per-second");
}

Result<> CheckDisk(const DiskConfig& disk) {
  SEALVM_TRY(CheckPath("path", disk.path));
  if (disk.serial.size() > kMaxDiskSerialBytes || !std::ranges::all_of(disk.serial, IsPrintable)) {
    return InvalidInput(
        "serial: not a usable serial number",
        "give at most " + std::to_string(kMaxDiskSerialBytes) + " printable ASCII characters");
  }
  SEALVM_TRY(CheckQueues(disk.queues, 0));
  SEALVM_TRY(CheckQueueSize(disk.queue_size));
  return CheckLimits("", disk.limits);
}

Result<> CheckTapName(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= kMaxTapNameBytes &&
      std::ranges::all_of(name, [](char c) { return c != '/' && c > ' ' && c != '\x7f'; });
  if (good) return {};
  return InvalidInput("tap: '" + name + "' is no name of a network interface",
                      "such a name has 1 to " + std::to_string(kMaxTapNameBytes) +
                          " characters without blanks and '/'");
}

Result<> CheckBackend(const NetConfig& net) {
  if (net.backend == NetBackend::kTap) SEALVM_TRY(CheckTapName(net.tap));
  if (net.backend != NetBackend::kTap && !net.tap.empty()) {
    return InvalidInput("tap: the backend is " + std::string(NetBackendName(net.backend)));
  }
  if ((net.backend == NetBackend::kTapFd) != (net.fd >= 0)) {
    return InvalidInput("fd: a descriptor belongs to the backend fd, and to no other");
  }
  if (net.backend != NetBackend::kUser && !net.forwards.empty()) {
    return InvalidInput("hostfwd needs the backend user");
  }
  if (net.backend != NetBackend::kTap && net.queue_pairs != 1) {
    return InvalidInput("queues needs the backend tap");
  }
  return {};
}

Result<> CheckMac(const MacAddress& mac) {
  const std::string text = "mac " + FormatMacAddress(mac) + ": ";
  // IEEE 802: the lowest bit of the first byte marks a group.
  if ((mac[0] & 1) != 0) return InvalidInput(text + "a group's address, not a card's");
  if (mac == MacAddress{}) return InvalidInput(text + "the zero address is no card's");
  return {};
}

Result<> CheckForward(const PortForward& forward) {
  const std::string text = "hostfwd " + FormatPortForward(forward) + ": ";
  if (forward.host_port == 0 || forward.guest_port == 0) {
    return InvalidInput(text + "port 0 cannot be forwarded");
  }
  const std::string& host = forward.host_address;
  in_addr address;
  if (host.empty() ||
      (host.find('\0') == host.npos && inet_pton(AF_INET, host.c_str(), &address) == 1)) {
    return {};
  }
  return InvalidInput(text + "the host's address is not IPv4");
}

bool IsAnyAddress(const std::string& address) { return address.empty() || address == "0.0.0.0"; }

// Whether the host cannot listen for both.
bool Collide(const PortForward& a, const PortForward& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port &&
         (a.host_address == b.host_address || IsAnyAddress(a.host_address) ||
          IsAnyAddress(b.host_address));
}

Result<> CheckNet(const NetConfig& net) {
  SEALVM_TRY(CheckBackend(net));
  if (net.mac) SEALVM_TRY(CheckMac(*net.mac));
  SEALVM_TRY(CheckQueues(net.queue_pairs, 1));
  SEALVM_TRY(CheckQueueSize(net.queue_size));
  SEALVM_TRY(CheckLimits("rx-", net.receive_limits));
  SEALVM_TRY(CheckLimits("tx-", net.transmit_limits));
  for (const PortForward& forward : net.forwards) SEALVM_TRY(CheckForward(forward));
  return {};
}

// Over all networks: they listen on one host.
Result<> CheckForwardsDiffer(const std::vector<NetConfig>& nets) {
  std::vector<PortForward> seen;
  for (const NetConfig& net : nets) {
    for (const PortForward& forward : net.forwards) {
      if (std::ranges::any_of(seen, [&](const PortForward& s) { return Collide(s, forward); })) {
        return InvalidInput("--net " + net.id + ": hostfwd " + FormatPortForward(forward) +
                            ": the host's port is forwarded already");
      }
      seen.push_back(forward);
    }
  }
  return {};
}

Result<> CheckVsock(const VsockConfig& vsock) {
  if (vsock.cid < kMinVsockCid || vsock.cid > kMaxVsockCid) {
    return InvalidInput("cid " + std::to_string(vsock.cid) + ": reserved",
                        "give a number from " + std::to_string(kMinVsockCid) + " to " +
                            std::to_string(kMaxVsockCid));
  }
  return CheckSocket(vsock.socket, kMaxVsockPathBytes);
}

Result<> CheckShare(const FsConfig& share) {
  SEALVM_TRY(CheckSocket(share.socket, kMaxSocketPathBytes));
  if (share.tag.empty() || share.tag.size() > kMaxShareTagBytes ||
      share.tag.find('\0') != std::string::npos) {
    return InvalidInput("tag: not a usable tag",
                        "give 1 to " + std::to_string(kMaxShareTagBytes) + " bytes");
  }
  return CheckQueueSize(share.queue_size);
}

template <typename Device>
Result<> CheckEach(std::string_view option, const std::vector<Device>& devices,
                   Result<> (*check)(const Device&), std::set<std::string>& ids) {
  for (const Device& device : devices) {
    Result<> checked = CheckId(device.id);
    if (!checked) return WithContext(std::move(checked).error(), std::string(option) + " id");
    checked = check(device);
    if (!checked) {
      return WithContext(std::move(checked).error(), std::string(option) + " " + device.id);
    }
    if (!ids.insert(device.id).second) {
      return InvalidInput(std::string(option) + " id: '" + device.id +
                          "' is another device's already");
    }
  }
  return {};
}

}  // namespace

Result<> ValidateDevices(const DevicesConfig& devices) {
  const DevicesConfig all = WithDefaultIds(devices);
  std::set<std::string> ids;
  if (all.vsock) {
    ids.emplace(kVsockId);
    Result<> checked = CheckVsock(*all.vsock);
    if (!checked) return WithContext(std::move(checked).error(), "--vsock");
  }
  if (all.rng) ids.emplace(kRngId);
  if (all.virtio_console) ids.emplace(kConsoleId);
  SEALVM_TRY(CheckEach("--disk", all.disks, CheckDisk, ids));
  SEALVM_TRY(CheckEach("--net", all.nets, CheckNet, ids));
  SEALVM_TRY(CheckEach("--fs", all.shares, CheckShare, ids));
  SEALVM_TRY(CheckForwardsDiffer(all.nets));
  if (ids.size() <= kMaxDevices) return {};
  return InvalidInput(std::to_string(ids.size()) + " devices are too many",
                      "a machine has at most " + std::to_string(kMaxDevices) +
                          " of --disk, --net, --fs, --vsock, --rng and --console-device virtio");
}

}  // namespace sealvm
