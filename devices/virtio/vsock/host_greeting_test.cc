// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/host_greeting.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

using State = HostGreeting::State;

size_t Take(HostGreeting& greeting, std::string_view text) {
  return greeting.Take({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

State StateAfter(std::string_view text) {
  HostGreeting greeting;
  Take(greeting, text);
  return greeting.state();
}

TEST(HostGreetingTest, NamesThePort) {
  HostGreeting greeting;
  Take(greeting, "CONNECT 4294967295\n");

  EXPECT_EQ(greeting.state(), State::kDone);
  EXPECT_EQ(greeting.port(), 4294967295u);
}

TEST(HostGreetingTest, ComesInPieces) {
  HostGreeting greeting;
  Take(greeting, "CONN");
  Take(greeting, "ECT 1");
  EXPECT_EQ(greeting.state(), State::kUnfinished);
  Take(greeting, "2\n");

  EXPECT_EQ(greeting.port(), 12u);
}

TEST(HostGreetingTest, LeavesWhatFollows) {
  HostGreeting greeting;

  EXPECT_EQ(Take(greeting, "CONNECT 1\nhello\n"), 10u);
}

TEST(HostGreetingTest, CaseAndCarriageReturnDoNotMatter) {
  EXPECT_EQ(StateAfter("connect 1\r\n"), State::kDone);
}

TEST(HostGreetingTest, OtherLinesAreBad) {
  for (const char* line : {"\n", "CONNECT\n", "CONNECT \n", "CONNECT 1x\n", "CONNECT -1\n",
                           "CONNECT  1\n", "CONNECT 4294967296\n", "GET / HTTP/1.1\n"}) {
    EXPECT_EQ(StateAfter(line), State::kBad) << line;
  }
}

TEST(HostGreetingTest, LongestLineIsGood) {
  const std::string line = "CONNECT " + std::string(HostGreeting::kMaxBytes - 10, '0') + "7\n";
  ASSERT_EQ(line.size(), HostGreeting::kMaxBytes);

  EXPECT_EQ(StateAfter(line), State::kDone);
}

TEST(HostGreetingTest, LongerLineIsBadBeforeItsEnd) {
  EXPECT_EQ(StateAfter("CONNECT " + std::string(HostGreeting::kMaxBytes - 8, '0')), State::kBad);
}

}  // namespace
}  // namespace sealvm
