// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VHOST_USER_PROTOCOL_H_
#define SEALVM_DEVICES_VHOST_USER_PROTOCOL_H_

#include <stddef.h>
#include <stdint.h>

#include <type_traits>

#include "devices/virtio/virtio_ids.h"

// Numbers and layouts of the vhost-user protocol (QEMU documentation, "Vhost-user Protocol",
// docs/interop/vhost-user.rst). In the host's byte order.

namespace sealvm::vhost_user {

// Section "Front-end message types".
enum class Request : uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kSetMemTable = 5,
  kSetVringNum = 8,
  kSetVringAddr = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kSetVringErr = 14,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kGetQueueNum = 17,
  kSetVringEnable = 18,
  kResetDevice = 34,
};

// Section "Header".
struct Header {
  uint32_t request = 0;
  uint32_t flags = 0;
  uint32_t size = 0;  // bytes of the payload
};
inline constexpr uint32_t kVersion = 1;
inline constexpr uint32_t kVersionMask = 3;
inline constexpr uint32_t kFlagReply = 1 << 2;
inline constexpr uint32_t kFlagNeedReply = 1 << 3;

// The device feature that says that there are protocol features (section "Communication").
inline constexpr uint64_t kFeatureProtocolFeatures = FeatureBit(30);
// Section "Protocol features".
inline constexpr uint64_t kProtocolMq = FeatureBit(0);
inline constexpr uint64_t kProtocolReplyAck = FeatureBit(3);
inline constexpr uint64_t kProtocolResetDevice = FeatureBit(13);

// Section "Payload".
struct VringState {
  uint32_t index = 0;
  uint32_t number = 0;
};
struct VringAddresses {
  uint32_t index = 0;
  uint32_t flags = 0;
  // User addresses as of the memory table.
  uint64_t descriptor_area = 0;
  uint64_t device_area = 0;
  uint64_t driver_area = 0;
  uint64_t log = 0;
};
struct MemoryRegion {
  uint64_t guest_address = 0;
  uint64_t size = 0;
  uint64_t user_address = 0;
  uint64_t mmap_offset = 0;
};
inline constexpr size_t kMaxRegions = 8;

// The part of SET_VRING_KICK's payload that is the queue's index.
inline constexpr uint16_t kMaxVringIndex = 0xff;

static_assert(sizeof(Header) == 12);
static_assert(sizeof(VringState) == 8);
static_assert(sizeof(VringAddresses) == 40);
static_assert(sizeof(MemoryRegion) == 32);

}  // namespace sealvm::vhost_user

#endif  // SEALVM_DEVICES_VHOST_USER_PROTOCOL_H_
