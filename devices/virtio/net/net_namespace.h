// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_NAMESPACE_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_NAMESPACE_H_

#include <optional>
#include <string>

namespace sealvm {

// Moves the calling thread into a new network namespace with nothing but a loopback that is up, for
// tests. Threads and processes that it starts afterwards are there too. Why it cannot, if so.
std::optional<std::string> EnterNewNetwork();

// Runs a command of iproute2, such as "tuntap add tap0 mode tap"; false when it failed.
bool RunIp(const std::string& arguments);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_NAMESPACE_H_
