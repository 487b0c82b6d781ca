// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_MAC_ADDRESS_H_
#define SEALVM_DEVICES_VIRTIO_NET_MAC_ADDRESS_H_

#include <stdint.h>

#include <array>
#include <string>
#include <string_view>

namespace sealvm {

using MacAddress = std::array<uint8_t, 6>;

// A locally administered unicast address (IEEE 802, section 8: the two low bits of the first octet)
// that is always the same for a seed, and hardly ever the same for two.
MacAddress MacFromSeed(std::string_view seed);

// "52:54:00:12:34:56".
std::string FormatMac(const MacAddress& mac);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_MAC_ADDRESS_H_
