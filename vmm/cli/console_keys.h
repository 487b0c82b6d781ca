// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_CONSOLE_KEYS_H_
#define SEALVM_VMM_CLI_CONSOLE_KEYS_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <vector>

namespace sealvm {

// What the user wants from the VMM rather than from the guest.
enum class ConsoleRequest { kLeave, kHelp, kOpenMonitor };

// Finds the keys after Ctrl-A in what is typed on a terminal. All else passes through, a pair of
// Ctrl-A as one; an unknown key after Ctrl-A is swallowed with it.
class ConsoleKeys {
 public:
  static constexpr uint8_t kEscape = 0x01;  // Ctrl-A

  struct Typed {
    std::vector<uint8_t> for_guest;
    std::optional<ConsoleRequest> request;
    // How many bytes of the input were looked at: feeding the rest is up to the caller.
    size_t consumed = 0;
  };

  // Reads `bytes` up to their end or to the first request.
  Typed Feed(std::span<const uint8_t> bytes);

 private:
  bool escaped_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_CONSOLE_KEYS_H_
