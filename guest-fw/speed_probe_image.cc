// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/speed_probe_image.h"

namespace sealvm {
namespace {

alignas(16) constexpr uint8_t kImage[] = {
#include "guest-fw/speed_probe_bytes.inc"
};

}  // namespace

std::span<const uint8_t> SpeedProbeImage() { return kImage; }

}  // namespace sealvm
