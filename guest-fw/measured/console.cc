// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/console.h"

namespace sealvm::measured {
namespace {

void Print(Isolation& isolation, const char* text) {
  for (; *text != 0; ++text) {
    const auto character = static_cast<uint8_t>(*text);
    if (isolation.Out(kSerialPort, 1, character) != Failure::kNone ||
        isolation.Out(kDebugPort, 1, character) != Failure::kNone) {
      return;
    }
  }
}

}  // namespace

void PrintFailure(Isolation& isolation, Failure failure) {
  Print(isolation, "guest-fw: ");
  Print(isolation, FailureText(failure));
  Print(isolation, "\r\n");
}

}  // namespace sealvm::measured
