// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/panic_watch.h"

#include <gtest/gtest.h>

#include <string_view>

namespace sealvm {
namespace {

void Say(PanicWatch& watch, std::string_view text) {
  watch.Observe({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

TEST(PanicWatchTest, BelievesTheKernelsMessage) {
  PanicWatch watch;
  Say(watch, "[    1.5] Kernel panic - not syncing: Attempted to kill init!\r\n");
  EXPECT_TRUE(watch.panicked());
}

TEST(PanicWatchTest, MessageMayComeInPieces) {
  PanicWatch watch;
  Say(watch, "Kernel panic - no");
  EXPECT_FALSE(watch.panicked());
  Say(watch, "t syncing\n");
  EXPECT_TRUE(watch.panicked());
}

TEST(PanicWatchTest, OrdinaryOutputIsNoPanic) {
  PanicWatch watch;
  Say(watch, "[    0.0] Linux version 6.12\nkernel panic\nnot syncing\n");
  EXPECT_FALSE(watch.panicked());
}

TEST(PanicWatchTest, SurvivesTheTraceThatFollows) {
  PanicWatch watch;
  Say(watch, "Kernel panic - not syncing: x\n");
  for (int i = 0; i < 100; ++i) Say(watch, " ? some_function+0x10/0x20\n");
  EXPECT_TRUE(watch.panicked());
}

TEST(PanicWatchTest, ForgetsAnOldMessage) {
  PanicWatch watch;
  Say(watch, "Kernel panic - not syncing: in a log of last week\n");
  for (uint64_t i = 0; i < PanicWatch::kMemoryLines; ++i) Say(watch, "line\n");
  EXPECT_FALSE(watch.panicked());
}

TEST(PanicWatchTest, EndlessLineDoesNotGrowMemory) {
  PanicWatch watch;
  for (int i = 0; i < 100000; ++i) Say(watch, "xxxxxxxxxx");
  Say(watch, "Kernel panic - not syncing\n");  // far beyond the part of a line that counts
  EXPECT_FALSE(watch.panicked());
  Say(watch, "Kernel panic - not syncing\n");
  EXPECT_TRUE(watch.panicked());
}

}  // namespace
}  // namespace sealvm
