// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_DEVICE_CONFIG_H_
#define SEALVM_VMM_API_DEVICE_CONFIG_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "devices/io/rate_limits.h"
#include "devices/virtio/net/mac_address.h"
#include "devices/virtio/net/port_forward.h"
#include "memory/base/result.h"

namespace sealvm {

// What a machine's virtio devices are made of. Plain data, validated with the machine's
// configuration.

// How PCI devices show their registers: in memory, with MSI-X, or by I/O ports, with INTx, for
// guests whose instructions KVM cannot emulate. kAuto: what the isolation mode needs.
enum class PciBars { kAuto, kMmio, kIo };

// "auto", "mmio", "io". The Parse functions return kInvalidInput for a text that is none.
std::string_view PciBarsName(PciBars bars);
Result<PciBars> ParsePciBars(std::string_view name);

enum class DiskFormat { kRaw };

// "raw".
std::string_view DiskFormatName(DiskFormat format);
Result<DiskFormat> ParseDiskFormat(std::string_view name);

// How a disk's requests reach the host's kernel. kAuto: io_uring where the host has it.
enum class DiskEngine { kAuto, kIoUring, kThreads };

// "auto", "io_uring", "threads".
std::string_view DiskEngineName(DiskEngine engine);
Result<DiskEngine> ParseDiskEngine(std::string_view name);

struct DiskConfig {
  std::string path{};  // a file or a block device
  bool readonly = false;
  DiskFormat format = DiskFormat::kRaw;
  // Names the disk in messages and statistics; "disk0" and so on if empty.
  std::string id{};
  // What the guest sees as serial number, at most 20 bytes; the id if empty.
  std::string serial{};
  // Without the host's page cache (O_DIRECT).
  bool direct = false;
  DiskEngine engine = DiskEngine::kAuto;
  uint16_t queues = 0;        // 0: one a vCPU, at most kMaxDeviceQueues
  uint16_t queue_size = 256;  // entries, a power of two
  RateLimits limits{};

  friend bool operator==(const DiskConfig&, const DiskConfig&) = default;
};

// "52:54:00:12:34:56"; parsing takes digits of either case.
std::string FormatMacAddress(const MacAddress& mac);
Result<MacAddress> ParseMacAddress(std::string_view text);

// "tcp:127.0.0.1:2222-:22": protocol, host address (may be empty), host port, guest port.
std::string FormatPortForward(const PortForward& forward);
Result<PortForward> ParsePortForward(std::string_view text);

enum class NetBackend {
  kUser,   // the user's own sockets, by a passt process
  kTap,    // a tap device by name
  kTapFd,  // a tap device that is open already
};

// "user", "tap", "fd".
std::string_view NetBackendName(NetBackend backend);
Result<NetBackend> ParseNetBackend(std::string_view name);

struct NetConfig {
  NetBackend backend = NetBackend::kUser;
  std::string tap{};                    // kTap
  int fd = -1;                          // kTapFd
  std::vector<PortForward> forwards{};  // kUser
  std::string id{};                     // "net0" and so on if empty
  std::optional<MacAddress> mac{};      // if absent one that is the same at each start
  uint16_t queue_pairs = 1;             // kTap
  uint16_t queue_size = 256;
  RateLimits receive_limits{};   // what the guest receives
  RateLimits transmit_limits{};  // what the guest sends

  friend bool operator==(const NetConfig&, const NetConfig&) = default;
};

struct VsockConfig {
  uint32_t cid = 3;      // the guest's context id, 3 to 2^32 - 2
  std::string socket{};  // path of the Unix socket

  friend bool operator==(const VsockConfig&, const VsockConfig&) = default;
};

// A directory of the host, served by a vhost-user process (virtiofsd) on a Unix socket.
struct FsConfig {
  std::string socket{};
  std::string tag{};  // what the guest mounts, 1 to 36 bytes
  std::string id{};   // "fs0" and so on if empty
  uint16_t queue_size = 256;

  friend bool operator==(const FsConfig&, const FsConfig&) = default;
};

inline constexpr uint16_t kMaxDeviceQueues = 16;
inline constexpr uint16_t kMinDeviceQueueSize = 2;
inline constexpr uint16_t kMaxDeviceQueueSize = 1024;
// What one PCI bus of 32 slots has left beside host bridge and the like.
inline constexpr size_t kMaxDevices = 28;
inline constexpr size_t kMaxDeviceIdBytes = 32;
// Virtual I/O Device 1.3 section 5.2.6: VIRTIO_BLK_T_GET_ID; section 5.11.4: struct
// virtio_fs_config.
inline constexpr size_t kMaxDiskSerialBytes = 20;
inline constexpr size_t kMaxShareTagBytes = 36;
// Virtual I/O Device 1.3 section 5.10.4: 0 to 2 and 2^32 - 1 are reserved.
inline constexpr uint32_t kMinVsockCid = 3;
inline constexpr uint32_t kMaxVsockCid = 0xffff'fffe;

// The ids of the devices of which there is one.
inline constexpr std::string_view kVsockId = "vsock";
inline constexpr std::string_view kRngId = "rng";
inline constexpr std::string_view kConsoleId = "console";

// The devices of a machine's PCI bus besides those that need no configuration.
struct DevicesConfig {
  PciBars pci_bars = PciBars::kAuto;
  std::vector<DiskConfig> disks{};
  std::vector<NetConfig> nets{};
  std::optional<VsockConfig> vsock{};
  std::vector<FsConfig> shares{};
  bool rng = false;
  // The guest's console is also hvc0, where it takes input from; the serial port keeps its output.
  bool virtio_console = false;

  // Whether there is anything that needs a PCI bus.
  bool any() const {
    return !disks.empty() || !nets.empty() || vsock || !shares.empty() || rng || virtio_console;
  }
  friend bool operator==(const DevicesConfig&, const DevicesConfig&) = default;
};

// The same with every empty id filled in.
DevicesConfig WithDefaultIds(DevicesConfig devices);

// Checks what can be checked without touching the host. An error names option, device and key
// ("--disk disk0: queue-size 3: ...").
Result<> ValidateDevices(const DevicesConfig& devices);

}  // namespace sealvm

#endif  // SEALVM_VMM_API_DEVICE_CONFIG_H_
