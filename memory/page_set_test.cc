// SPDX-License-Identifier: Apache-2.0
#include "memory/page_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "memory/guest_layout.h"

namespace sealvm {
namespace {

using Runs = std::vector<std::pair<uint64_t, uint64_t>>;

BackingRange Pages(uint64_t first, uint64_t count) {
  return {first * kPageSize, count * kPageSize};
}

PageSet Make(uint64_t pages) { return *PageSet::Create(pages * kPageSize); }

Runs RunsOf(const PageSet& set, BackingRange range, bool member) {
  Runs runs;
  EXPECT_TRUE(set.ForEachRun(range, member,
                             [&](BackingRange run) -> Result<> {
                               runs.emplace_back(run.offset / kPageSize, run.length / kPageSize);
                               return {};
                             })
                  .has_value());
  return runs;
}

TEST(PageSetTest, BeginsEmpty) {
  const PageSet set = Make(100);
  EXPECT_EQ(set.bytes(), 0u);
  EXPECT_FALSE(set.ContainsAny(Pages(0, 100)));
  EXPECT_EQ(RunsOf(set, Pages(0, 100), false), (Runs{{0, 100}}));
}

TEST(PageSetTest, SizesThatAreNoPagesAreRefused) {
  EXPECT_FALSE(PageSet::Create(0).has_value());
  EXPECT_FALSE(PageSet::Create(kPageSize + 1).has_value());
}

TEST(PageSetTest, CountsOnlyWhatChanges) {
  PageSet set = Make(200);
  EXPECT_EQ(set.Add(Pages(10, 20)), 20 * kPageSize);
  EXPECT_EQ(set.Add(Pages(20, 20)), 10 * kPageSize);
  EXPECT_EQ(set.bytes(), 30 * kPageSize);
  EXPECT_EQ(set.Remove(Pages(0, 15)), 5 * kPageSize);
  EXPECT_EQ(set.Remove(Pages(0, 15)), 0u);
  EXPECT_EQ(set.bytes(), 25 * kPageSize);
}

TEST(PageSetTest, RunsCrossWordsAndStopAtTheRange) {
  PageSet set = Make(256);
  set.Add(Pages(60, 140));
  set.Remove(Pages(128, 1));
  EXPECT_EQ(RunsOf(set, Pages(0, 256), true), (Runs{{60, 68}, {129, 71}}));
  EXPECT_EQ(RunsOf(set, Pages(0, 256), false), (Runs{{0, 60}, {128, 1}, {200, 56}}));
  EXPECT_EQ(RunsOf(set, Pages(100, 60), true), (Runs{{100, 28}, {129, 31}}));
}

TEST(PageSetTest, AllAndAny) {
  PageSet set = Make(128);
  set.Add(Pages(63, 2));
  EXPECT_TRUE(set.ContainsAll(Pages(63, 2)));
  EXPECT_FALSE(set.ContainsAll(Pages(62, 2)));
  EXPECT_TRUE(set.ContainsAny(Pages(0, 64)));
  EXPECT_FALSE(set.ContainsAny(Pages(0, 63)));
  EXPECT_TRUE(set.ContainsAll(Pages(5, 0)));
}

TEST(PageSetTest, AnErrorEndsTheVisit) {
  PageSet set = Make(10);
  set.Add(Pages(1, 1));
  set.Add(Pages(3, 1));
  int visits = 0;
  const Result<> result = set.ForEachRun(Pages(0, 10), true, [&](BackingRange) -> Result<> {
    ++visits;
    return HostError("no");
  });
  EXPECT_FALSE(result.has_value());
  EXPECT_EQ(visits, 1);
}

TEST(PageSetTest, AgreesWithASetOfNumbers) {
  constexpr uint64_t kPages = 300;
  PageSet set = Make(kPages);
  std::set<uint64_t> model;
  std::minstd_rand random(7);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t first = random() % kPages;
    const uint64_t count = random() % (kPages - first) + 1;
    const bool add = random() % 2 == 0;
    for (uint64_t page = first; page < first + count; ++page) {
      add ? static_cast<void>(model.insert(page)) : static_cast<void>(model.erase(page));
    }
    add ? set.Add(Pages(first, count)) : set.Remove(Pages(first, count));
    ASSERT_EQ(set.bytes(), model.size() * kPageSize);
  }
  uint64_t seen = 0;
  for (const auto& [first, count] : RunsOf(set, Pages(0, kPages), true)) {
    for (uint64_t page = first; page < first + count; ++page) ASSERT_TRUE(model.contains(page));
    seen += count;
  }
  EXPECT_EQ(seen, model.size());
}

}  // namespace
}  // namespace sealvm
