// SPDX-License-Identifier: Apache-2.0
#include "memory/lent_ranges.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace sealvm {
namespace {

TEST(LentRangesTest, KnowsWhatIsLent) {
  const auto lent = std::make_shared<LentRanges>();
  const LentRanges::Ticket ticket = lent->Lend({{0x1000, 0x200}, {0x8000, 1}});
  EXPECT_TRUE(lent->Overlaps({0x1100, 1}));
  EXPECT_TRUE(lent->Overlaps({0, 0x10000}));
  EXPECT_FALSE(lent->Overlaps({0x1200, 0x6e00}));
}

TEST(LentRangesTest, ATicketReturnsItsOwnAlone) {
  const auto lent = std::make_shared<LentRanges>();
  const LentRanges::Ticket first = lent->Lend({{0, 16}});
  LentRanges::Ticket second = lent->Lend({{0, 16}});
  second.Return();
  EXPECT_TRUE(lent->Overlaps({0, 1}));
}

TEST(LentRangesTest, AMovedTicketReturnsOnce) {
  const auto lent = std::make_shared<LentRanges>();
  LentRanges::Ticket first = lent->Lend({{0, 16}});
  LentRanges::Ticket second = lent->Lend({{32, 16}});
  second = std::move(first);
  EXPECT_TRUE(lent->Overlaps({0, 1}));
  EXPECT_FALSE(lent->Overlaps({32, 1}));
}

TEST(LentRangesTest, WaitsForTheRangeAndNoOther) {
  const auto lent = std::make_shared<LentRanges>();
  const LentRanges::Ticket other = lent->Lend({{0x4000, 16}});
  LentRanges::Ticket ticket = lent->Lend({{0, 16}});
  std::atomic<bool> returned = false;
  std::thread waiter([&] {
    lent->WaitUntilReturned({0, 0x1000});
    EXPECT_TRUE(returned);
  });
  returned = true;
  ticket.Return();
  waiter.join();
}

}  // namespace
}  // namespace sealvm
