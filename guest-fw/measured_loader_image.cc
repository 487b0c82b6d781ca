// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured_loader_image.h"

namespace sealvm {
namespace {

alignas(4096) constexpr uint8_t kImage[] = {
#include "guest-fw/measured_loader_bytes.inc"
};

}  // namespace

std::span<const uint8_t> MeasuredLoaderImage() { return kImage; }

}  // namespace sealvm
