// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/sealed_loader_image.h"

namespace sealvm {
namespace {

alignas(16) constexpr uint8_t kImage[] = {
#include "guest-fw/sealed_loader_bytes.inc"
};

}  // namespace

std::span<const uint8_t> SealedLoaderImage() { return kImage; }

}  // namespace sealvm
