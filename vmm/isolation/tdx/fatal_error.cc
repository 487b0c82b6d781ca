// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/fatal_error.h"

#include <fmt/format.h>

namespace sealvm::tdx {
namespace {

constexpr unsigned kR12 = 12;
constexpr unsigned kR13 = 13;
// R14, R15, RBX, RDI, RSI, R8, R9, RDX: eight characters each.
constexpr unsigned kTextRegisters[] = {14, 15, 3, 7, 6, 8, 9, 2};

}  // namespace

FatalError ParseFatalError(std::span<const uint64_t> registers) {
  const auto value = [registers](unsigned number) {
    return number < registers.size() ? registers[number] : 0;
  };
  FatalError error = {.code = static_cast<uint32_t>(value(kR12)),
                      .extended_code = static_cast<uint32_t>(value(kR12) >> 32 & 0x7fffffff),
                      .has_page = value(kR12) >> 63 != 0,
                      .page = value(kR13),
                      .text = {}};
  for (const unsigned number : kTextRegisters) {
    for (unsigned i = 0; i < sizeof(uint64_t); ++i) {
      const auto c = static_cast<char>(value(number) >> (8 * i));
      if (c == 0) return error;
      error.text.push_back(c >= 0x20 && c < 0x7f ? c : '?');
    }
  }
  return error;
}

std::string DescribeFatalError(const FatalError& error) {
  std::string text = fmt::format("the guest gave up: {} (code {}",
                                 error.text.empty() ? "no reason given" : error.text, error.code);
  if (error.extended_code != 0) text += fmt::format(", extended code {}", error.extended_code);
  if (error.has_page) text += fmt::format(", more at guest address {:#x}", error.page);
  return text + ")";
}

}  // namespace sealvm::tdx
