// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/guid.h"

namespace sealvm {

std::string Guid::ToString() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < kTextOrder.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    const uint8_t byte = bytes[kTextOrder[i]];
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xf]);
  }
  return text;
}

}  // namespace sealvm
