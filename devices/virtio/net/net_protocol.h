// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_PROTOCOL_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_PROTOCOL_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>

#include "devices/virtio/virtio_ids.h"

namespace sealvm {

// Numbers and layouts of Virtual I/O Device 1.3 section 5.1, "Network Device".

// Features, section 5.1.3.
inline constexpr uint64_t kNetCsum = FeatureBit(0);
inline constexpr uint64_t kNetGuestCsum = FeatureBit(1);
inline constexpr uint64_t kNetMac = FeatureBit(5);
inline constexpr uint64_t kNetGuestTso4 = FeatureBit(7);
inline constexpr uint64_t kNetGuestTso6 = FeatureBit(8);
inline constexpr uint64_t kNetGuestEcn = FeatureBit(9);
inline constexpr uint64_t kNetHostTso4 = FeatureBit(11);
inline constexpr uint64_t kNetHostTso6 = FeatureBit(12);
inline constexpr uint64_t kNetHostEcn = FeatureBit(13);
inline constexpr uint64_t kNetMergeableBuffers = FeatureBit(15);
inline constexpr uint64_t kNetStatus = FeatureBit(16);
inline constexpr uint64_t kNetControlQueue = FeatureBit(17);
inline constexpr uint64_t kNetMultiQueue = FeatureBit(22);

// Configuration, section 5.1.4.
inline constexpr size_t kNetConfigMac = 0;
inline constexpr size_t kNetConfigStatus = 6;
inline constexpr size_t kNetConfigQueuePairs = 8;
inline constexpr size_t kNetConfigSize = 10;
inline constexpr uint16_t kNetStatusLinkUp = 1;

// What precedes each frame, section 5.1.6. Little-endian, as this host is.
struct NetHeader {
  uint8_t flags = 0;
  uint8_t gso_type = 0;
  uint16_t hdr_len = 0;
  uint16_t gso_size = 0;
  uint16_t csum_start = 0;
  uint16_t csum_offset = 0;
  uint16_t num_buffers = 0;

  friend bool operator==(const NetHeader&, const NetHeader&) = default;
};
static_assert(sizeof(NetHeader) == 12);

inline constexpr uint8_t kNetHeaderNeedsCsum = 1;
inline constexpr uint8_t kNetGsoNone = 0;
inline constexpr uint8_t kNetGsoTcp4 = 1;
inline constexpr uint8_t kNetGsoTcp6 = 4;
inline constexpr uint8_t kNetGsoEcn = 0x80;

// An Ethernet header (IEEE 802.3), and with it the longest IP packet (RFC 791: 16 bits of length).
inline constexpr size_t kMinFrameBytes = 14;
inline constexpr size_t kMaxFrameBytes = 14 + 65535;

// The control queue, section 5.1.6.5: commands of a class, answered by one byte.
inline constexpr uint8_t kNetControlMq = 4;
inline constexpr uint8_t kNetControlMqPairsSet = 0;
inline constexpr uint8_t kNetControlOk = 0;
inline constexpr uint8_t kNetControlError = 1;

// The header that the host's kernel may see for a frame of `frame_bytes` that the guest sends with
// `header`: what was not negotiated is no part of it. Nothing for a header that breaks the rules of
// section 5.1.6.2 or points outside the frame.
std::optional<NetHeader> CheckedTransmitHeader(const NetHeader& header, size_t frame_bytes,
                                               uint64_t features);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_PROTOCOL_H_
