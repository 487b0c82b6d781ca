// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/console_keys.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sealvm {
namespace {

ConsoleKeys::Typed Type(ConsoleKeys& keys, std::string_view text) {
  return keys.Feed({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::string ForGuest(const ConsoleKeys::Typed& typed) {
  return {typed.for_guest.begin(), typed.for_guest.end()};
}

TEST(ConsoleKeysTest, PlainBytesPass) {
  ConsoleKeys keys;
  const ConsoleKeys::Typed typed = Type(keys, std::string_view("ab\x03\x00\xff", 5));
  EXPECT_EQ(ForGuest(typed), std::string("ab\x03\x00\xff", 5));
  EXPECT_FALSE(typed.request);
  EXPECT_EQ(typed.consumed, 5u);
}

TEST(ConsoleKeysTest, RequestEndsTheReading) {
  ConsoleKeys keys;
  const ConsoleKeys::Typed typed = Type(keys, "ab\x01xcd");
  EXPECT_EQ(ForGuest(typed), "ab");
  EXPECT_EQ(typed.request, ConsoleRequest::kLeave);
  EXPECT_EQ(typed.consumed, 4u);
}

TEST(ConsoleKeysTest, EveryRequestHasItsKey) {
  ConsoleKeys keys;
  EXPECT_EQ(Type(keys, "\x01h").request, ConsoleRequest::kHelp);
  EXPECT_EQ(Type(keys,
                 "\x01"
                 "c")
                .request,
            ConsoleRequest::kOpenMonitor);
}

TEST(ConsoleKeysTest, PairMayBeSplit) {
  ConsoleKeys keys;
  EXPECT_EQ(ForGuest(Type(keys, "a\x01")), "a");
  EXPECT_EQ(Type(keys, "x").request, ConsoleRequest::kLeave);
  EXPECT_EQ(ForGuest(Type(keys, "x")), "x");
}

TEST(ConsoleKeysTest, DoubledEscapeIsOne) {
  ConsoleKeys keys;
  EXPECT_EQ(ForGuest(Type(keys, "\x01\x01x\x01\x01")), "\x01x\x01");
}

TEST(ConsoleKeysTest, UnknownKeyIsSwallowed) {
  ConsoleKeys keys;
  const ConsoleKeys::Typed typed = Type(keys, "\x01zq");
  EXPECT_EQ(ForGuest(typed), "q");
  EXPECT_FALSE(typed.request);
}

}  // namespace
}  // namespace sealvm
