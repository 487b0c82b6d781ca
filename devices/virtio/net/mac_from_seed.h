// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_MAC_FROM_SEED_H_
#define SEALVM_DEVICES_VIRTIO_NET_MAC_FROM_SEED_H_

#include <string_view>

#include "devices/virtio/net/mac_address.h"

namespace sealvm {

// A locally administered unicast address (IEEE 802, section 8: the two low bits of the first octet)
// that is always the same for a seed, and hardly ever the same for two.
MacAddress MacFromSeed(std::string_view seed);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_MAC_FROM_SEED_H_
