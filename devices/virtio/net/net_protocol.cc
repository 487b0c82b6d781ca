// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_protocol.h"

namespace sealvm {
namespace {

bool GsoTypeNegotiated(uint8_t type, uint64_t features) {
  if ((type & kNetGsoEcn) != 0 && (features & kNetHostEcn) == 0) return false;
  switch (type & ~kNetGsoEcn) {
    case kNetGsoTcp4:
      return (features & kNetHostTso4) != 0;
    case kNetGsoTcp6:
      return (features & kNetHostTso6) != 0;
    default:
      return false;
  }
}

}  // namespace

std::optional<NetHeader> CheckedTransmitHeader(const NetHeader& header, size_t frame_bytes,
                                               uint64_t features) {
  if (frame_bytes < kMinFrameBytes || frame_bytes > kMaxFrameBytes) return std::nullopt;
  NetHeader checked;
  if ((header.flags & kNetHeaderNeedsCsum) != 0) {
    const size_t end = size_t{header.csum_start} + header.csum_offset + sizeof(uint16_t);
    if ((features & kNetCsum) == 0 || end > frame_bytes) return std::nullopt;
    checked.flags = kNetHeaderNeedsCsum;
    checked.csum_start = header.csum_start;
    checked.csum_offset = header.csum_offset;
  }
  if (header.gso_type == kNetGsoNone) return checked;
  if (!GsoTypeNegotiated(header.gso_type, features) || checked.flags == 0 || header.gso_size == 0 ||
      header.hdr_len > frame_bytes) {
    return std::nullopt;
  }
  checked.gso_type = header.gso_type;
  checked.gso_size = header.gso_size;
  checked.hdr_len = header.hdr_len;
  return checked;
}

}  // namespace sealvm
