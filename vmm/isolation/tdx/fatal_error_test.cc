// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/fatal_error.h"

#include <gtest/gtest.h>
#include <string.h>

#include <array>
#include <string_view>

namespace sealvm::tdx {
namespace {

using Registers = std::array<uint64_t, 16>;

// Puts `text` where the interface has it: R14, R15, RBX, RDI, RSI, R8, R9, RDX.
Registers WithText(std::string_view text) {
  Registers registers = {};
  const size_t order[] = {14, 15, 3, 7, 6, 8, 9, 2};
  for (size_t i = 0; i < text.size(); ++i) {
    registers[order[i / 8]] |= uint64_t{static_cast<uint8_t>(text[i])} << (8 * (i % 8));
  }
  return registers;
}

TEST(FatalErrorTest, TextOfTheRegistersInOrder) {
  const FatalError error =
      ParseFatalError(WithText("TD misconfiguration: SEPT #VE has to be disabled"));
  EXPECT_EQ(error.text, "TD misconfiguration: SEPT #VE has to be disabled");
  EXPECT_EQ(DescribeFatalError(error),
            "the guest gave up: TD misconfiguration: SEPT #VE has to be disabled (code 0)");
}

TEST(FatalErrorTest, SixtyFourCharactersWithoutEnd) {
  EXPECT_EQ(ParseFatalError(WithText(std::string(64, 'x'))).text, std::string(64, 'x'));
}

TEST(FatalErrorTest, HostileCharactersAreReplaced) {
  EXPECT_EQ(ParseFatalError(WithText("a\n\x1b[2J\x80")).text, "a??[2J?");
}

TEST(FatalErrorTest, CodesAndPage) {
  Registers registers = {};
  registers[12] = 1ull << 63 | 3ull << 32 | 7;
  registers[13] = 0x1000;
  EXPECT_EQ(DescribeFatalError(ParseFatalError(registers)),
            "the guest gave up: no reason given (code 7, extended code 3, more at guest address "
            "0x1000)");
}

TEST(FatalErrorTest, MissingRegistersAreZero) {
  EXPECT_EQ(DescribeFatalError(ParseFatalError({})), "the guest gave up: no reason given (code 0)");
}

}  // namespace
}  // namespace sealvm::tdx
