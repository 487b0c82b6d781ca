// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_DEVICE_H_

#include <stdint.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "devices/io/rate_limits.h"
#include "devices/virtio/loop_device.h"
#include "devices/virtio/net/mac_address.h"
#include "devices/virtio/net/net_pair.h"
#include "devices/virtio/net/net_peer.h"
#include "devices/virtio/net/passt_process.h"
#include "memory/base/logger.h"

namespace sealvm {

struct NetOptions {
  enum class Backend {
    kUser,   // a passt process
    kTap,    // a tap device by name
    kTapFd,  // a tap device that is open already
  };
  static constexpr uint16_t kMaxQueuePairs = 16;
  static constexpr uint16_t kMaxQueueSize = 1024;

  Backend backend = Backend::kUser;
  std::string tap = {};    // kTap
  int fd = -1;             // kTapFd; lent for Create alone
  PasstOptions user = {};  // kUser
  std::string name = "net0";
  // If absent one made of the name and, for a tap, of the tap's name and the host's machine-id: a
  // user network has no other guest, while guests on a bridge must differ. The same at every start.
  std::optional<MacAddress> mac = {};
  uint16_t queue_pairs = 1;   // more than one: kTap alone
  uint16_t queue_size = 256;  // a power of two
  RateLimits receive = {};    // what the guest receives; operations are frames
  RateLimits transmit = {};
  Logger logger = {};
};

// A network device (Virtual I/O Device 1.3 section 5.1). One loop serves each queue pair, the first
// one also the control queue. When the host's end of the link goes, the link is down for good:
// frames of the guest are dropped.
//
// Counters: requests are frames, errors those that were dropped.
class NetDevice : public LoopDevice {
 public:
  // Errors of kind kInvalidInput name what the user has to mend.
  static Result<std::shared_ptr<NetDevice>> Create(NetOptions options);
  // On peers made elsewhere, one for each queue pair, of which the first is attached.
  static std::shared_ptr<NetDevice> CreateOn(NetOptions options,
                                             std::vector<std::unique_ptr<NetPeer>> peers);
  ~NetDevice() override;

  std::string_view Name() const override { return "net"; }
  VirtioType Type() const override { return VirtioType::kNet; }
  uint64_t Features() const override { return offered_; }
  std::span<const uint16_t> QueueSizes() const override { return queue_sizes_; }
  void ReadConfig(uint64_t offset, std::span<uint8_t> out) override;

  const MacAddress& mac() const { return mac_; }
  bool link_up() const { return link_up_.load(); }

 protected:
  size_t LoopCount() const override { return UsedPairs(); }
  size_t LoopOf(uint16_t queue) const override;
  Result<> OnActivate() override;
  Result<> OnQueueStart(RunningQueue& queue) override;
  bool OnKick(RunningQueue& queue) override;
  void OnQueueStop(RunningQueue& queue) override;
  void OnReset() override;

 private:
  NetDevice(NetOptions options, std::vector<std::unique_ptr<NetPeer>> peers);

  size_t UsedPairs() const { return (features() & kNetMultiQueue) != 0 ? pairs_.size() : 1; }
  bool IsControl(uint16_t queue) const;
  void LinkDown(const std::string& reason);
  bool ServeControl(RunningQueue& queue);
  uint8_t Control(SharedView& memory, const DescriptorChain& chain);
  Result<> UsePairs(size_t count);

  const NetOptions options_;
  const MacAddress mac_;
  uint64_t offered_ = 0;
  std::vector<uint16_t> queue_sizes_;
  std::atomic<bool> link_up_ = true;
  SharedRate receive_rate_;
  SharedRate transmit_rate_;
  std::vector<std::unique_ptr<NetPair>> pairs_;
  DescriptorChain control_chain_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_DEVICE_H_
