// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/micro/private_probe_image.h"

namespace sealvm {
namespace {

alignas(16) constexpr uint8_t kImage[] = {
#include "guest-fw/micro/private_probe_bytes.inc"
};

}  // namespace

std::span<const uint8_t> PrivateProbeImage() { return kImage; }

}  // namespace sealvm
