// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/snp/cpuid_page.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/kvm/testing_cpuid.h"

namespace sealvm::snp {
namespace {

kvm_cpuid_entry2 Entry(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx) {
  return kvm::TestingSubleaf(function, index, {.eax = eax, .ebx = ebx});
}

class CpuidPageTest : public testing::Test {
 protected:
  uint32_t U32(size_t offset) { return *LoadLe<uint32_t>(page_, offset); }
  std::array<uint8_t, kPageSize> page_ = {};
};

TEST_F(CpuidPageTest, EntriesHaveTheFormOfTheSpecification) {
  const std::vector<kvm_cpuid_entry2> cpuid = {Entry(1, 0, 0xa00f11, 2), Entry(7, 1, 3, 4)};
  ASSERT_TRUE(BuildCpuidPage(cpuid, page_));
  EXPECT_EQ(U32(0), 2u);
  EXPECT_EQ(U32(16), 1u);
  EXPECT_EQ(U32(16 + 24), 0xa00f11u);
  EXPECT_EQ(U32(16 + 28), 2u);
  EXPECT_EQ(U32(64), 7u);
  EXPECT_EQ(U32(64 + 4), 1u);
}

TEST_F(CpuidPageTest, LeavesOfZeroesAreLeftOut) {
  ASSERT_TRUE(BuildCpuidPage(std::vector{Entry(5, 0, 0, 0), Entry(6, 0, 1, 0)}, page_));
  EXPECT_EQ(U32(0), 1u);
  EXPECT_EQ(U32(16), 6u);
}

TEST_F(CpuidPageTest, AnIndexThatIsNotSignificantIsZero) {
  kvm_cpuid_entry2 entry = Entry(1, 9, 1, 1);
  entry.flags = 0;
  ASSERT_TRUE(BuildCpuidPage(std::vector{entry}, page_));
  EXPECT_EQ(U32(20), 0u);
}

TEST_F(CpuidPageTest, ExtendedStateHasTheSizeOfItsBase) {
  ASSERT_TRUE(
      BuildCpuidPage(std::vector{Entry(0xd, 0, 7, 0x988), Entry(0xd, 2, 0x100, 0x240)}, page_));
  EXPECT_EQ(U32(16 + 8), 1u);  // XCR0
  EXPECT_EQ(U32(16 + 28), 0x240u);
  EXPECT_EQ(U32(64 + 8), 0u);
  EXPECT_EQ(U32(64 + 28), 0x240u);
}

TEST_F(CpuidPageTest, MoreThanThePageHoldsIsAnError) {
  std::vector<kvm_cpuid_entry2> cpuid(kMaxCpuidPageEntries, Entry(0xb, 0, 1, 1));
  EXPECT_TRUE(BuildCpuidPage(cpuid, page_));
  cpuid.push_back(Entry(0xb, 1, 1, 1));
  const Result<> result = BuildCpuidPage(cpuid, page_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kHost);
}

}  // namespace
}  // namespace sealvm::snp
