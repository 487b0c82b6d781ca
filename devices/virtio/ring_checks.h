// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_RING_CHECKS_H_
#define SEALVM_DEVICES_VIRTIO_RING_CHECKS_H_

#include <stdint.h>

#include "devices/virtio/virtqueue.h"

namespace sealvm {

// What split and packed rings have in common: numbers of the Virtual I/O Device specification 1.3
// and checks of what the driver said.

// Bytes of a descriptor in rings and in indirect tables, sections 2.7.5 and 2.8.13.
inline constexpr uint32_t kDescriptorBytes = 16;

// Flags of descriptors, the same sections.
inline constexpr uint16_t kDescriptorNext = 1;
inline constexpr uint16_t kDescriptorWrite = 2;
inline constexpr uint16_t kDescriptorIndirect = 4;

// The most entries of an indirect table that this device side takes. The specification has no bound
// but the queue's size, which Linux does not keep; the host's readv takes 1024 pieces (IOV_MAX),
// and twice that leaves room for headers whatever the request.
inline constexpr uint32_t kMaxIndirectEntries = 2048;

// kInvalidInput unless `gpa` is a multiple of `alignment` and the area does not wrap.
Result<> CheckArea(const char* name, Gpa gpa, uint64_t length, uint64_t alignment);

// How many entries the indirect table has that a descriptor with these flags names. kInvalidInput
// when there may be none, or not one of this length.
Result<uint32_t> CheckIndirect(bool negotiated, uint16_t flags, GuestBuffer table);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_RING_CHECKS_H_
