// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/secrecy/finder.h"

#include <string.h>

namespace sealvm::secrecy {
namespace {

constexpr uint64_t kMask = 0xa5c3'961e'78d2'4bf0;

// Copies stand back to back, so a window may begin in one and end in the next.
uint64_t MaskedWindow(size_t place, size_t start) {
  uint64_t masked = 0;
  for (size_t i = 0; i < sizeof(masked); ++i) {
    const auto mask = static_cast<uint8_t>(kMask >> (8 * i));
    masked |= static_cast<uint64_t>(SecretByte(place, start + i) ^ mask) << (8 * i);
  }
  return masked;
}

}  // namespace

Finder::Finder() {
  size_t count = 0;
  for (size_t place = 0; place < kPlaceCount; ++place) {
    for (size_t start = 0; start < kSecretSize; ++start) {
      const Window window = {MaskedWindow(place, start), place};
      low_bits_.set(window.masked & 0xffff);
      windows_[count++] = window;
    }
  }
}

Findings Finder::Search(std::span<const uint8_t> memory) const {
  Findings findings;
  for (size_t at = 0; at + sizeof(uint64_t) <= memory.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, &memory[at], sizeof(word));
    if (word == 0) continue;
    findings.all_zero = false;
    if (low_bits_[(word ^ kMask) & 0xffff]) Look(word ^ kMask, findings);
  }
  return findings;
}

void Finder::Look(uint64_t masked, Findings& findings) const {
  for (const Window& window : windows_) {
    if (window.masked == masked) ++findings.hits[window.place];
  }
}

}  // namespace sealvm::secrecy
