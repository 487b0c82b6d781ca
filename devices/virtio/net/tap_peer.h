// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_TAP_PEER_H_
#define SEALVM_DEVICES_VIRTIO_NET_TAP_PEER_H_

#include <memory>
#include <string>
#include <vector>

#include "devices/virtio/net/net_peer.h"
#include "memory/base/fd.h"

namespace sealvm {

// One queue of a tap device (Linux Documentation/networking/tuntap.rst, linux/if_tun.h), or of a
// macvtap.
class TapPeer : public NetPeer {
 public:
  // `queues` queues of the tap device `name`, which must exist. Errors of kind kInvalidInput for
  // what the user can mend. Only the first is attached.
  static Result<std::vector<std::unique_ptr<NetPeer>>> Open(const std::string& name,
                                                            uint16_t queues);
  // The queue behind `fd`, which is lent; it becomes non-blocking. It needs IFF_TAP, IFF_NO_PI and
  // IFF_VNET_HDR.
  static Result<std::unique_ptr<NetPeer>> FromFd(int fd);

  int fd() const override { return fd_.get(); }
  bool offloads() const override { return true; }
  bool receives_directly() const override { return true; }
  Received Receive(std::span<const iovec> buffers) override;
  Outcome Send(const NetHeader& header, std::span<const iovec> frame) override;
  Result<> SetGuestFeatures(uint64_t features) override;
  Result<> SetAttached(bool attached) override;
  std::string gone_reason() override;

  // The interface's name at the time of opening.
  const std::string& interface_name() const { return interface_; }

 private:
  TapPeer(Fd fd, std::string interface)
      : fd_(std::move(fd)), interface_(std::move(interface)), rest_(kRestBytes) {}
  static Result<std::unique_ptr<TapPeer>> OpenQueue(const std::string& name, bool multi_queue);
  static Result<std::unique_ptr<TapPeer>> Adopt(Fd fd, std::string interface);

  // A whole frame with its header, and VLAN tags.
  static constexpr size_t kRestBytes = sizeof(NetHeader) + kMaxFrameBytes + 64;

  const Fd fd_;
  const std::string interface_;
  std::vector<uint8_t> rest_;
  std::vector<iovec> vectors_;
  int gone_error_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_TAP_PEER_H_
