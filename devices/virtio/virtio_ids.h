// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VIRTIO_IDS_H_
#define SEALVM_DEVICES_VIRTIO_VIRTIO_IDS_H_

#include <stdint.h>

namespace sealvm {

// Numbers of the Virtual I/O Device specification 1.3.

// Device types, section 5.
enum class VirtioType : uint16_t {
  kNet = 1,
  kBlock = 2,
  kConsole = 3,
  kRng = 4,
  kVsock = 19,
  kFs = 26,
};

constexpr uint64_t FeatureBit(unsigned bit) { return uint64_t{1} << bit; }

// Features that belong to no device type, section 6.
inline constexpr uint64_t kFeatureIndirect = FeatureBit(28);
inline constexpr uint64_t kFeatureEventIdx = FeatureBit(29);
inline constexpr uint64_t kFeatureVersion1 = FeatureBit(32);
inline constexpr uint64_t kFeatureAccessPlatform = FeatureBit(33);
inline constexpr uint64_t kFeaturePacked = FeatureBit(34);
inline constexpr uint64_t kFeatureInOrder = FeatureBit(35);
inline constexpr uint64_t kFeatureRingReset = FeatureBit(40);

// Device status, section 2.1.
inline constexpr uint8_t kStatusAcknowledge = 1;
inline constexpr uint8_t kStatusDriver = 2;
inline constexpr uint8_t kStatusDriverOk = 4;
inline constexpr uint8_t kStatusFeaturesOk = 8;
inline constexpr uint8_t kStatusNeedsReset = 64;
inline constexpr uint8_t kStatusFailed = 128;

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VIRTIO_IDS_H_
