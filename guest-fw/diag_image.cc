// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag_image.h"

namespace sealvm {
namespace {

alignas(16) constexpr uint8_t kImage[] = {
#include "guest-fw/diag_image_bytes.inc"
};

}  // namespace

std::span<const uint8_t> DiagnosticGuestImage() { return kImage; }

}  // namespace sealvm
