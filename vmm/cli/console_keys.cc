// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/console_keys.h"

namespace sealvm {

ConsoleKeys::Typed ConsoleKeys::Feed(std::span<const uint8_t> bytes) {
  Typed typed;
  for (uint8_t byte : bytes) {
    ++typed.consumed;
    if (!escaped_) {
      escaped_ = byte == kEscape;
      if (!escaped_) typed.for_guest.push_back(byte);
      continue;
    }
    escaped_ = false;
    if (byte == kEscape) typed.for_guest.push_back(byte);
    if (byte == 'x') typed.request = ConsoleRequest::kLeave;
    if (byte == 'h') typed.request = ConsoleRequest::kHelp;
    if (byte == 'c') typed.request = ConsoleRequest::kOpenMonitor;
    if (typed.request) break;
  }
  return typed;
}

}  // namespace sealvm
