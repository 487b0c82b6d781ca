// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_PROTOCOL_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_PROTOCOL_H_

#include <stddef.h>
#include <stdint.h>

#include "devices/virtio/virtio_ids.h"

namespace sealvm {

// Numbers and structures of the Virtual I/O Device specification 1.3, section 5.2. All
// little-endian.

// Section 5.2.3.
inline constexpr uint64_t kBlkFeatureSegMax = FeatureBit(2);
inline constexpr uint64_t kBlkFeatureReadOnly = FeatureBit(5);
inline constexpr uint64_t kBlkFeatureBlockSize = FeatureBit(6);
inline constexpr uint64_t kBlkFeatureFlush = FeatureBit(9);
inline constexpr uint64_t kBlkFeatureTopology = FeatureBit(10);
inline constexpr uint64_t kBlkFeatureMultiQueue = FeatureBit(12);
inline constexpr uint64_t kBlkFeatureDiscard = FeatureBit(13);
inline constexpr uint64_t kBlkFeatureWriteZeroes = FeatureBit(14);

// struct virtio_blk_config, section 5.2.4, as far as the features above go.
struct BlkConfig {
  uint64_t capacity;  // in sectors
  uint32_t size_max;
  uint32_t seg_max;
  uint16_t cylinders;
  uint8_t heads;
  uint8_t sectors;
  uint32_t block_size;  // bytes
  uint8_t physical_block_exponent;
  uint8_t alignment_offset;
  uint16_t min_io_size;  // in blocks
  uint32_t opt_io_size;  // in blocks
  uint8_t writeback;
  uint8_t unused0;
  uint16_t queues;
  uint32_t max_discard_sectors;
  uint32_t max_discard_segments;
  uint32_t discard_alignment;  // in sectors
  uint32_t max_write_zeroes_sectors;
  uint32_t max_write_zeroes_segments;
  uint8_t write_zeroes_may_unmap;
  uint8_t unused1[3];
};
static_assert(offsetof(BlkConfig, block_size) == 20);
static_assert(offsetof(BlkConfig, queues) == 34);
static_assert(offsetof(BlkConfig, max_write_zeroes_sectors) == 48);
static_assert(sizeof(BlkConfig) == 64 && offsetof(BlkConfig, unused1) == 57);

// What begins every request, section 5.2.6.
struct BlkHeader {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};
static_assert(sizeof(BlkHeader) == 16);

inline constexpr uint32_t kBlkIn = 0;
inline constexpr uint32_t kBlkOut = 1;
inline constexpr uint32_t kBlkFlush = 4;
inline constexpr uint32_t kBlkGetId = 8;
inline constexpr uint32_t kBlkDiscard = 11;
inline constexpr uint32_t kBlkWriteZeroes = 13;

inline constexpr uint8_t kBlkStatusOk = 0;
inline constexpr uint8_t kBlkStatusIoError = 1;
inline constexpr uint8_t kBlkStatusUnsupported = 2;

// The answer to kBlkGetId, filled up with zeroes.
inline constexpr size_t kBlkIdBytes = 20;

// The data of kBlkDiscard and kBlkWriteZeroes: any number of these.
struct BlkSegment {
  uint64_t sector;
  uint32_t sectors;
  uint32_t flags;
};
static_assert(sizeof(BlkSegment) == 16);

inline constexpr uint32_t kBlkSegmentUnmap = 1;

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_BLOCK_PROTOCOL_H_
