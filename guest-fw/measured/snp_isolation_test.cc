// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/snp_isolation.h"

#include <gtest/gtest.h>

#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/testing_host.h"
#include "guest-fw/measured/testing_machine.h"

namespace sealvm::measured {
namespace {

constexpr Range kSomeRam = {.base = 16 * kOneMiB, .size = 4 * kOneMiB + 3 * kSmallPage};

class SnpIsolationTest : public testing::Test {
 protected:
  SnpIsolationTest() { memory_.Write(CPUID_PAGE, MakeCpuidPage()); }

  // The entry of the small tables for a page of the shared window.
  uint64_t EntryOf(uint64_t page) const {
    return memory_.guest().Load<uint64_t>(PAGE_TABLES + LOW_PT + page / kSmallPage * 8);
  }

  TestMemory memory_;
  TestHost host_{TestHost::Kind::kSnp, memory_};
  SnpIsolation isolation_{host_, memory_.guest()};
};

TEST_F(SnpIsolationTest, SharesTheWindowAndRegistersItsFirstPage) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  EXPECT_EQ(host_.registered, uint64_t{SHARED_BASE});
  EXPECT_EQ(host_.shared.size(), (SHARED_END - SHARED_BASE) / kSmallPage);
  EXPECT_EQ(EntryOf(SHARED_BASE), SHARED_BASE | uint64_t{0x63});
  EXPECT_GT(host_.flushes, 0u);
}

TEST_F(SnpIsolationTest, TakesTheWindowBackAndValidatesIt) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  ASSERT_EQ(isolation_.CloseWindow(), Failure::kNone);
  EXPECT_TRUE(host_.shared.empty());
  for (uint64_t page = SHARED_BASE; page < SHARED_END; page += kSmallPage) {
    EXPECT_TRUE(host_.validated.contains(page / kSmallPage));
    EXPECT_EQ(EntryOf(page), page | uint64_t{1} << 51 | 0x63);
  }
}

TEST_F(SnpIsolationTest, ReadsAndWritesPorts) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  EXPECT_EQ(isolation_.Out(0x3f8, 1, 'x'), Failure::kNone);
  EXPECT_EQ(host_.console, "x");
  uint32_t value = 0;
  EXPECT_EQ(isolation_.In(0x514, 4, &value), Failure::kNone);
  EXPECT_EQ(value, 0x554d4551u);
  EXPECT_EQ(isolation_.In(0x60, 1, &value), Failure::kNone);
  EXPECT_EQ(value, 0xffu);
}

TEST_F(SnpIsolationTest, RefusesAHostOfOtherVersions) {
  host_.sev_info = uint64_t{1} << 48 | uint64_t{1} << 32 | uint64_t{51} << 24 | 1;
  EXPECT_EQ(isolation_.Start(), Failure::kGhcbVersion);
  host_.sev_info = uint64_t{4} << 48 | uint64_t{3} << 32 | uint64_t{51} << 24 | 1;
  EXPECT_EQ(isolation_.Start(), Failure::kGhcbVersion);
}

TEST_F(SnpIsolationTest, RefusesAHostThatNamesAnotherCBit) {
  host_.sev_info = uint64_t{2} << 48 | uint64_t{1} << 32 | uint64_t{47} << 24 | 1;
  EXPECT_EQ(isolation_.Start(), Failure::kCBit);
}

TEST_F(SnpIsolationTest, RefusesAHostWithoutSnp) {
  host_.features = 0x081;
  EXPECT_EQ(isolation_.Start(), Failure::kNoSnpFeature);
}

TEST_F(SnpIsolationTest, RefusesAnswersToOtherQuestions) {
  host_.false_msr_answer = 0x013;
  EXPECT_EQ(isolation_.Start(), Failure::kHypervisorAnswer);
}

TEST_F(SnpIsolationTest, RefusesAnExceptionForPortIo) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.io_error = 1;
  EXPECT_EQ(isolation_.Out(0x3f8, 1, 'x'), Failure::kHypervisorAnswer);
}

TEST_F(SnpIsolationTest, ValidatesByLargePagesWhereItCan) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  ASSERT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
  EXPECT_EQ(host_.large_pages, 2u);
  EXPECT_EQ(host_.validated.size(), kSomeRam.size / kSmallPage);
}

TEST_F(SnpIsolationTest, FallsBackToSmallPages) {
  host_.small_backing = {8, 9};
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  ASSERT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
  EXPECT_EQ(host_.large_pages, 0u);
  EXPECT_EQ(host_.validated.size(), kSomeRam.size / kSmallPage);
}

TEST_F(SnpIsolationTest, ValidatesMemoryAbove4GiBGiBByGiB) {
  constexpr Range kHigh = {.base = kFourGiB + kOneGiB - kLargePage, .size = 2 * kLargePage};
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  ASSERT_EQ(isolation_.Accept(kHigh), Failure::kNone);
  EXPECT_TRUE(host_.validated.contains(kHigh.base / kSmallPage));
  EXPECT_TRUE(host_.validated.contains((kHigh.end() - 1) / kSmallPage));
  EXPECT_EQ(host_.validated.size(), kHigh.size / kSmallPage);
}

TEST_F(SnpIsolationTest, APageThatIsValidatedTwiceIsAnAttack) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  ASSERT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
  EXPECT_EQ(isolation_.Accept({.base = kSomeRam.base, .size = kSmallPage}),
            Failure::kAlreadyValidated);
}

TEST_F(SnpIsolationTest, RefusesAPageThatCannotBeValidated) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.pvalidate_status = 1;
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kValidation);
}

TEST_F(SnpIsolationTest, RefusesASizeMismatchOfSmallPages) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.pvalidate_status = PvalidateResult::kSizeMismatch;
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kValidation);
}

TEST_F(SnpIsolationTest, GoesOnWhereTheHostStopped) {
  host_.psc_step = 1;
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
}

TEST_F(SnpIsolationTest, RefusesAHostThatDoesNotGetOn) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.on_page_state = [&](uint64_t buffer, uint64_t*) {
    memory_.guest().Store<uint16_t>(buffer, 0);
  };
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kPageState);
}

TEST_F(SnpIsolationTest, RefusesAHostThatChangesTheEndOfTheList) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.on_page_state = [&](uint64_t buffer, uint64_t*) {
    memory_.guest().Store<uint16_t>(buffer + 2, 7);
  };
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kPageState);
}

TEST_F(SnpIsolationTest, RefusesAHostThatSkipsBehindTheEnd) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.on_page_state = [&](uint64_t buffer, uint64_t*) {
    memory_.guest().Store<uint16_t>(buffer, 0xffff);
  };
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kPageState);
}

TEST_F(SnpIsolationTest, RefusesAnErrorOfTheHost) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.on_page_state = [](uint64_t, uint64_t* result) { *result = uint64_t{1} << 32; };
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kPageState);
}

// The list in the GHCB is the host's: which pages are validated must not depend on it.
TEST_F(SnpIsolationTest, ValidatesItsOwnListWhateverTheHostWrites) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.on_page_state = [&](uint64_t buffer, uint64_t*) {
    for (uint64_t i = 0; i < 253; ++i) {
      memory_.guest().Store<uint64_t>(buffer + 8 + i * 8, 0x40000000 | uint64_t{1} << 52);
    }
  };
  ASSERT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
  EXPECT_TRUE(host_.validated.contains(kSomeRam.base / kSmallPage));
  EXPECT_FALSE(host_.validated.contains(0x40000000 / kSmallPage));
}

TEST_F(SnpIsolationTest, RefusesACpuidPageThatLies) {
  memory_.Write(CPUID_PAGE, MakeCpuidPage(40));
  EXPECT_EQ(isolation_.Start(), Failure::kCpuidPage);
}

TEST_F(SnpIsolationTest, TellsTheHostWhyItEnds) {
  isolation_.Terminate(Failure::kInitrdMismatch);
  EXPECT_EQ(host_.terminated, 0x100u | 0xfu << 12 | 48u << 16);
  EXPECT_TRUE(host_.halted);
}

}  // namespace
}  // namespace sealvm::measured
