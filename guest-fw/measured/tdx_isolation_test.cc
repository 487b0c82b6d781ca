// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/tdx_isolation.h"

#include <gtest/gtest.h>

#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/testing_host.h"

namespace sealvm::measured {
namespace {

constexpr uint64_t kWindowPages = (SHARED_END - SHARED_BASE) / kSmallPage;
constexpr Range kSomeRam = {.base = kFourGiB, .size = 4 * kOneMiB + 3 * kSmallPage};

class TdxIsolationTest : public testing::Test {
 protected:
  uint64_t EntryOf(uint64_t page) const {
    return memory_.guest().Load<uint64_t>(PAGE_TABLES + LOW_PT + page / kSmallPage * 8);
  }

  TestMemory memory_;
  TestHost host_{TestHost::Kind::kTdx, memory_};
  TdxIsolation isolation_{host_, memory_.guest(), 48};
};

TEST_F(TdxIsolationTest, SharesTheWindowUnderTheHighestAddressBit) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  EXPECT_EQ(host_.shared.size(), kWindowPages);
  EXPECT_EQ(EntryOf(SHARED_BASE), SHARED_BASE | uint64_t{1} << 47 | 0x63);
}

TEST_F(TdxIsolationTest, KnowsTheWiderAddresses) {
  host_.gpaw = 52;
  TdxIsolation isolation(host_, memory_.guest(), 52);
  ASSERT_EQ(isolation.Start(), Failure::kNone);
  EXPECT_EQ(EntryOf(SHARED_BASE), SHARED_BASE | uint64_t{1} << 51 | 0x63);
}

TEST_F(TdxIsolationTest, RefusesAWidthThatTheModuleDoesNotConfirm) {
  host_.gpaw = 52;
  EXPECT_EQ(isolation_.Start(), Failure::kAddressWidth);
}

TEST_F(TdxIsolationTest, RefusesAWidthThatIsNone) {
  host_.gpaw = 40;
  TdxIsolation isolation(host_, memory_.guest(), 40);
  EXPECT_EQ(isolation.Start(), Failure::kAddressWidth);
}

// Memory that is added without being measured is the host's to fill.
TEST_F(TdxIsolationTest, ClearsTheMailboxBeforeOtherProcessorsReadIt) {
  memory_.Write(MAILBOX_PAGE, std::vector<uint8_t>(kSmallPage, 1));
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  EXPECT_EQ(memory_.Bytes(MAILBOX_PAGE, kSmallPage), std::vector<uint8_t>(kSmallPage));
  EXPECT_TRUE(host_.gate_open);
}

TEST_F(TdxIsolationTest, TakesTheWindowBackAndAcceptsIt) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  ASSERT_EQ(isolation_.CloseWindow(), Failure::kNone);
  EXPECT_TRUE(host_.shared.empty());
  EXPECT_EQ(host_.accepted.size(), kWindowPages);
  EXPECT_EQ(EntryOf(SHARED_BASE), SHARED_BASE | uint64_t{0x63});
}

TEST_F(TdxIsolationTest, ReadsAndWritesPorts) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  EXPECT_EQ(isolation_.Out(0x3f8, 1, 'x'), Failure::kNone);
  EXPECT_EQ(host_.console, "x");
  uint32_t value = 0;
  EXPECT_EQ(isolation_.In(0x514, 4, &value), Failure::kNone);
  EXPECT_EQ(value, 0x554d4551u);
}

TEST_F(TdxIsolationTest, RefusesPortIoThatFails) {
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  host_.vmcall_status = 0x8000000000000000;
  EXPECT_EQ(isolation_.Out(0x3f8, 1, 'x'), Failure::kHypervisorAnswer);
}

TEST_F(TdxIsolationTest, GoesOnWhereTheHostStopped) {
  host_.map_gpa_pages = 5;
  ASSERT_EQ(isolation_.Start(), Failure::kNone);
  EXPECT_EQ(host_.shared.size(), kWindowPages);
}

TEST_F(TdxIsolationTest, RefusesToGoOnOutsideOfTheRange) {
  host_.map_gpa_pages = 5;
  for (const uint64_t next : {uint64_t{0}, uint64_t{SHARED_BASE} - kSmallPage, uint64_t{SHARED_END},
                              uint64_t{SHARED_BASE} + 5, ~uint64_t{0}}) {
    host_.false_next = next;
    EXPECT_EQ(isolation_.Start(), Failure::kMapGpa) << next;
  }
}

TEST_F(TdxIsolationTest, RefusesAHostThatNeverGetsOn) {
  host_.map_gpa_pages = 0;
  host_.false_next = SHARED_BASE;
  EXPECT_EQ(isolation_.Start(), Failure::kMapGpa);
}

TEST_F(TdxIsolationTest, RefusesAHostThatDoesNotMap) {
  host_.vmcall_status = 0x8000000000000000;
  EXPECT_EQ(isolation_.Start(), Failure::kMapGpa);
}

TEST_F(TdxIsolationTest, AcceptsByLargePagesWhereItCan) {
  ASSERT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
  EXPECT_EQ(host_.large_pages, 2u);
  EXPECT_EQ(host_.accepted.size(), kSomeRam.size / kSmallPage);
}

TEST_F(TdxIsolationTest, FallsBackToSmallPages) {
  host_.small_backing = {kFourGiB / kLargePage};
  ASSERT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
  EXPECT_EQ(host_.large_pages, 1u);
  EXPECT_EQ(host_.accepted.size(), kSomeRam.size / kSmallPage);
}

TEST_F(TdxIsolationTest, APageThatIsAcceptedTwiceEndsTheGuest) {
  ASSERT_EQ(isolation_.Accept(kSomeRam), Failure::kNone);
  EXPECT_EQ(isolation_.Accept({.base = kSomeRam.base, .size = kSmallPage}),
            Failure::kAlreadyAccepted);
}

TEST_F(TdxIsolationTest, RefusesOtherErrorsOfTheModule) {
  host_.accept_status = 0xc000010000000000;
  EXPECT_EQ(isolation_.Accept(kSomeRam), Failure::kAccept);
}

TEST_F(TdxIsolationTest, TellsTheHostWhyItEnds) {
  isolation_.Terminate(Failure::kKernelMismatch);
  ASSERT_TRUE(host_.fatal.has_value());
  EXPECT_EQ(host_.fatal->r12, uint64_t{47} << 32);
  const uint64_t words[] = {host_.fatal->r14, host_.fatal->r15, host_.fatal->rbx, host_.fatal->rdi,
                            host_.fatal->rsi, host_.fatal->r8,  host_.fatal->r9,  host_.fatal->rdx};
  const std::string text(reinterpret_cast<const char*>(words), sizeof(words));
  EXPECT_TRUE(text.starts_with("the kernel is not the one that was measured")) << text;
  EXPECT_EQ(host_.fatal->rcx & 0x3cc, 0x3ccu);
  EXPECT_TRUE(host_.halted);
}

}  // namespace
}  // namespace sealvm::measured
