// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_PACKET_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_PACKET_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <span>

namespace sealvm {

// Packets of the socket device, Virtual I/O Device 1.3 section 5.10.6.

inline constexpr size_t kVsockHeaderBytes = 44;

// VMADDR_CID_HOST, vsock(7): the host as its guests address it.
inline constexpr uint64_t kVsockHostCid = 2;

// VIRTIO_VSOCK_TYPE_STREAM.
inline constexpr uint16_t kVsockStream = 1;

// VIRTIO_VSOCK_OP_*.
enum class VsockOp : uint16_t {
  kInvalid = 0,
  kRequest = 1,
  kResponse = 2,
  kReset = 3,
  kShutdown = 4,
  kData = 5,
  kCreditUpdate = 6,
  kCreditRequest = 7,
};

// VIRTIO_VSOCK_SHUTDOWN_*: what the sender of a kShutdown does no more.
inline constexpr uint32_t kVsockNoReceive = 1;
inline constexpr uint32_t kVsockNoSend = 2;

struct VsockHeader {
  uint64_t src_cid = 0;
  uint64_t dst_cid = 0;
  uint32_t src_port = 0;
  uint32_t dst_port = 0;
  uint32_t len = 0;  // bytes of payload behind the header
  uint16_t type = kVsockStream;
  VsockOp op = VsockOp::kInvalid;  // any number, when a guest said it
  uint32_t flags = 0;
  uint32_t buf_alloc = 0;
  uint32_t fwd_cnt = 0;

  friend bool operator==(const VsockHeader&, const VsockHeader&) = default;
};

using VsockHeaderBytes = std::array<uint8_t, kVsockHeaderBytes>;

VsockHeaderBytes EncodeVsockHeader(const VsockHeader& header);
VsockHeader DecodeVsockHeader(const VsockHeaderBytes& bytes);

// The kReset that refuses a packet.
VsockHeader VsockResetFor(const VsockHeader& packet);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_PACKET_H_
