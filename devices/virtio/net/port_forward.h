// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_PORT_FORWARD_H_
#define SEALVM_DEVICES_VIRTIO_NET_PORT_FORWARD_H_

#include <stdint.h>

#include <string>

namespace sealvm {

// A port of the host that leads into the guest.
struct PortForward {
  enum class Protocol { kTcp, kUdp };
  Protocol protocol = Protocol::kTcp;
  std::string host_address{};  // IPv4; empty: any
  uint16_t host_port = 0;
  uint16_t guest_port = 0;

  friend bool operator==(const PortForward&, const PortForward&) = default;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_PORT_FORWARD_H_
