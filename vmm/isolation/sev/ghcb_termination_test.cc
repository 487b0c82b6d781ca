// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/ghcb_termination.h"

#include <gtest/gtest.h>

namespace sealvm::sev {
namespace {

// As Linux' GHCB_SEV_TERM_REASON makes it.
uint64_t Request(uint64_t set, uint64_t reason) { return 0x100 | set << 12 | reason << 16; }

TEST(GhcbTerminationTest, ReasonsOfTheStandard) {
  EXPECT_EQ(DescribeGhcbTermination(Request(0, 0)), "the guest gave up: no reason given (code 0)");
  EXPECT_EQ(DescribeGhcbTermination(Request(0, 2)),
            "the guest gave up: the host lacks an SNP feature that it needs (code 2)");
  EXPECT_EQ(DescribeGhcbTermination(Request(0, 3)),
            "the guest gave up: a reason without a name (code 3)");
}

TEST(GhcbTerminationTest, ReasonsOfLinux) {
  EXPECT_EQ(DescribeGhcbTermination(Request(1, 1)),
            "the guest gave up: a page state change failed (Linux, code 1)");
  EXPECT_EQ(DescribeGhcbTermination(Request(1, 9)),
            "the guest gave up: the SVSM's calling area is not page-aligned (Linux, code 9)");
  EXPECT_EQ(DescribeGhcbTermination(Request(1, 12)),
            "the guest gave up: Secure AVIC failed (Linux, code 12)");
  EXPECT_EQ(DescribeGhcbTermination(Request(1, 255)),
            "the guest gave up: a reason without a name (Linux, code 255)");
}

TEST(GhcbTerminationTest, ReasonsOfGuestFw) {
  EXPECT_NE(DescribeGhcbTermination(Request(15, 48)).find("initrd"), std::string::npos);
  EXPECT_NE(DescribeGhcbTermination(Request(15, 48)).find("(guest-fw, code 48)"),
            std::string::npos);
  EXPECT_NE(DescribeGhcbTermination(Request(15, 200)).find("code 200"), std::string::npos);
}

TEST(GhcbTerminationTest, OtherSets) {
  EXPECT_EQ(DescribeGhcbTermination(Request(5, 4)),
            "the guest gave up: code 4 of reason set 5, which has no names");
}

TEST(GhcbTerminationTest, AddressOfAGhcbIsNoReason) {
  EXPECT_FALSE(ParseGhcbTermination(0x7f000).has_value());
  EXPECT_EQ(DescribeGhcbTermination(0x7f000), "the guest ended itself (GHCB MSR 0x7f000)");
}

}  // namespace
}  // namespace sealvm::sev
