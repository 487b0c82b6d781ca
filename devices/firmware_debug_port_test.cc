// SPDX-License-Identifier: Apache-2.0
#include "devices/firmware_debug_port.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "devices/testing.h"

namespace sealvm {
namespace {

class FirmwareDebugPortTest : public testing::Test {
 protected:
  void Print(std::string_view text) {
    for (const char c : text) WriteByte(port_, 0, static_cast<uint8_t>(c));
  }

  std::vector<std::string> lines_;
  FirmwareDebugPort port_{[this](std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(FirmwareDebugPortTest, SaysThatSomebodyListens) { EXPECT_EQ(ReadByte(port_, 0), 0xe9); }

TEST_F(FirmwareDebugPortTest, HandsOnWholeLines) {
  Print("one\ntw");
  EXPECT_EQ(lines_, std::vector<std::string>{"one\n"});
  Print("o\n");
  EXPECT_EQ(lines_, (std::vector<std::string>{"one\n", "two\n"}));
}

TEST_F(FirmwareDebugPortTest, HandsOnTheRestWhenFlushed) {
  Print("rest");
  port_.Flush();
  port_.Flush();
  EXPECT_EQ(lines_, std::vector<std::string>{"rest"});
}

TEST_F(FirmwareDebugPortTest, KeepsNoMoreThanALine) {
  Print(std::string(3 * FirmwareDebugPort::kMaxLine + 1, 'x'));
  EXPECT_EQ(lines_, std::vector<std::string>(3, std::string(FirmwareDebugPort::kMaxLine, 'x')));
}

}  // namespace
}  // namespace sealvm
