// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_MAC_ADDRESS_H_
#define SEALVM_DEVICES_VIRTIO_NET_MAC_ADDRESS_H_

#include <stdint.h>

#include <array>

namespace sealvm {

// In the order of the wire.
using MacAddress = std::array<uint8_t, 6>;

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_MAC_ADDRESS_H_
