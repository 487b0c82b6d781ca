// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/td_hob.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/launch_test_support.h"

namespace sealvm {
namespace {

const TdxMetadata kMetadata = {
    {{.gpa = 0x810000, .memory_size = 0x10000, .type = TdxSectionType::kTempMem},
     {.gpa = 0x80b000, .memory_size = 0x2000, .type = TdxSectionType::kTempMem},
     {.gpa = 0x809000, .memory_size = 0x2000, .type = TdxSectionType::kTdHob},
     {.gpa = 0xffc84000, .memory_size = 0x37c000, .type = TdxSectionType::kBfv},
     {.gpa = 0, .memory_size = 0, .type = TdxSectionType::kTempMem}}};

constexpr RamRange kRam[] = {{.base = 0, .size = 0x80000000},
                             {.base = 0x100000000, .size = 0x80000000}};

struct Resource {
  uint32_t type;
  Gpa base;
  uint64_t size;
};

// The list as the specification writes it.
std::vector<uint8_t> Expected(const std::vector<Resource>& resources, Gpa base) {
  ByteString list;
  const uint64_t length = 56 + 48 * resources.size() + 8;
  list.Number(1, 2).Number(56, 2).Zeros(4).Number(9, 4).Zeros(4 + 32).Number(base + length, 8);
  for (const Resource& resource : resources) {
    list.Number(3, 2).Number(48, 2).Zeros(4 + 16).Number(resource.type, 4).Number(7, 4);
    list.Number(resource.base, 8).Number(resource.size, 8);
  }
  return list.Number(0xffff, 2).Number(8, 2).Zeros(4).get();
}

TEST(TdHob, CutsRamWhereSectionsLie) {
  const auto hob = BuildTdHob(kRam, kMetadata);

  ASSERT_TRUE(hob.has_value()) << hob.error().ToString();
  EXPECT_EQ(*hob, Expected({{7, 0, 0x809000},
                            {0, 0x809000, 0x2000},
                            {0, 0x80b000, 0x2000},
                            {7, 0x80d000, 0x3000},
                            {0, 0x810000, 0x10000},
                            {7, 0x820000, 0x80000000 - 0x820000},
                            {7, 0x100000000, 0x80000000}},
                           0x809000));
}

TEST(TdHob, SectionsMayFillARange) {
  constexpr RamRange kTight[] = {{.base = 0x809000, .size = 0x2000},
                                 {.base = 0x80b000, .size = 0x15000}};
  const auto hob = BuildTdHob(kTight, kMetadata);

  ASSERT_TRUE(hob.has_value());
  EXPECT_EQ(*hob, Expected({{0, 0x809000, 0x2000},
                            {0, 0x80b000, 0x2000},
                            {7, 0x80d000, 0x3000},
                            {0, 0x810000, 0x10000}},
                           0x809000));
}

TEST(TdHob, RefusesSectionsOutsideRam) {
  constexpr RamRange kSmall[] = {{.base = 0, .size = 0x811000}};
  ExpectInvalidInput(BuildTdHob(kSmall, kMetadata), "0x10000 bytes at 0x810000");
  constexpr RamRange kHigh[] = {{.base = 0x80a000, .size = 0x80000000}};
  ExpectInvalidInput(BuildTdHob(kHigh, kMetadata), "at 0x809000");
  ExpectInvalidInput(BuildTdHob({}, kMetadata), "at 0x809000");
}

TEST(TdHob, NeedsItsSection) {
  ExpectInvalidInput(BuildTdHob(kRam, {}), "no section for a TD HOB");
}

TEST(TdHob, RefusesAListLargerThanItsSection) {
  TdxMetadata metadata = {{{.gpa = 0x1000, .memory_size = 0x1000, .type = TdxSectionType::kTdHob}}};
  for (Gpa gpa = 0x100000; metadata.sections.size() < 60; gpa += 0x2000) {
    metadata.sections.push_back(
        {.gpa = gpa, .memory_size = 0x1000, .type = TdxSectionType::kTempMem});
  }
  ExpectInvalidInput(BuildTdHob(kRam, metadata), "does not fit");
}

TEST(TdHob, ItsDigestLeavesTheEndOut) {
  const auto hob = BuildTdHob(kRam, kMetadata);
  ASSERT_TRUE(hob.has_value());
  EXPECT_EQ(TdHobDigest(*hob), Sha384Of(std::span(*hob).first(56 + 7 * 48)));
}

}  // namespace
}  // namespace sealvm
