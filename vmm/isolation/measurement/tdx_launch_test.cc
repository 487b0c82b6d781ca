// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/tdx_launch.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/launch_test_support.h"

namespace sealvm {
namespace {

// What the TDX module hashes, written down.
class Record {
 public:
  Record& Add(Gpa gpa) {
    bytes_.Add("MEM.PAGE.ADD").Zeros(4).Number(gpa, 8).Zeros(104);
    return *this;
  }
  Record& Extend(Gpa gpa, std::span<const uint8_t> page) {
    for (size_t chunk = 0; chunk < kPageSize; chunk += 256) {
      bytes_.Add("MR.EXTEND").Zeros(7).Number(gpa + chunk, 8).Zeros(104);
      bytes_.Add(page.subspan(chunk, 256));
    }
    return *this;
  }
  Sha384Digest Digest() const { return Sha384Of(bytes_.get()); }

 private:
  ByteString bytes_;
};

std::span<const uint8_t> FilePage(const FirmwareImage& image, size_t page) {
  return image.bytes().subspan(page * kPageSize, kPageSize);
}

// The builder's sections behind its code volume: CFV, TempMem, TD_HOB.
void AddOthers(Record& record) {
  record.Add(0xffffc000).Add(0x810000).Add(0x811000).Add(0x809000).Add(0x80a000);
}

Sha384Digest MrtdOf(const TestFirmware& firmware, MrtdOrder order = MrtdOrder::kOnePass) {
  const auto plan = PlanTdxLaunch(firmware.image, firmware.tdx);
  if (!plan) {
    ADD_FAILURE() << plan.error().ToString();
    return {};
  }
  ExpectWellFormed(*plan);
  return Mrtd(*plan, order);
}

TEST(TdxLaunch, OnePassExtendsEachPageAfterItWasAdded) {
  const TestFirmware firmware;
  Record record;
  for (size_t page = 0; page < 3; ++page) {
    const Gpa gpa = 0xffffd000 + page * kPageSize;
    record.Add(gpa).Extend(gpa, FilePage(firmware.image, page + 1));
  }
  AddOthers(record);

  EXPECT_EQ(MrtdOf(firmware), record.Digest());
}

TEST(TdxLaunch, TwoPassAddsASectionFirst) {
  const TestFirmware firmware;
  Record record;
  for (size_t page = 0; page < 3; ++page) record.Add(0xffffd000 + page * kPageSize);
  for (size_t page = 0; page < 3; ++page) {
    record.Extend(0xffffd000 + page * kPageSize, FilePage(firmware.image, page + 1));
  }
  AddOthers(record);

  EXPECT_EQ(MrtdOf(firmware, MrtdOrder::kTwoPass), record.Digest());
}

TEST(TdxLaunch, PagesGivenOnDemandAndEmptySectionsAreNotMeasured) {
  FirmwareBuilder builder;
  const Sha384Digest without = MrtdOf(TestFirmware(builder));
  builder.tdx_sections.push_back({.gpa = 0x100000000,
                                  .memory_size = 0x100000000,
                                  .type = TdxSectionType::kPermMem,
                                  .attributes = TdxSection::kPageAug});
  builder.tdx_sections.push_back({.type = TdxSectionType::kTempMem});
  // Another image, which has these sections in its table, gives another digest; so its own bytes.
  const TestFirmware firmware(builder);
  const auto plan = PlanTdxLaunch(firmware.image, firmware.tdx);

  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->steps().size(), 4u);
  EXPECT_NE(Mrtd(*plan), without);
}

// A payload may be shorter than its memory, and lie anywhere in the file.
TEST(TdxLaunch, WhatTheFileLacksIsZero) {
  FirmwareBuilder builder;
  builder.tdx_sections = {builder.tdx_sections[0],
                          {.file_offset = 0x123,
                           .file_size = 0x1001,
                           .gpa = 0x100000,
                           .memory_size = 0x2000,
                           .type = TdxSectionType::kPayload,
                           .attributes = TdxSection::kExtendMr},
                          {.gpa = 0x200000,
                           .memory_size = 0x1000,
                           .type = TdxSectionType::kTempMem,
                           .attributes = TdxSection::kExtendMr}};
  const TestFirmware firmware(builder);
  const auto payload = ByteString().Add(firmware.image.bytes().subspan(0x123, 0x1001)).Zeros(0xfff);
  const std::vector<uint8_t> zeros(kPageSize);
  Record record;
  for (size_t page = 0; page < 3; ++page) {
    const Gpa gpa = 0xffffd000 + page * kPageSize;
    record.Add(gpa).Extend(gpa, FilePage(firmware.image, page + 1));
  }
  record.Add(0x100000).Extend(0x100000, std::span(payload.get()).first(kPageSize));
  record.Add(0x101000).Extend(0x101000, std::span(payload.get()).subspan(kPageSize));
  record.Add(0x200000).Extend(0x200000, zeros);

  EXPECT_EQ(MrtdOf(firmware), record.Digest());
}

TEST(TdxLaunch, KernelHashesBecomePartOfTheImage) {
  KernelHashTable hashes;
  hashes.fill(0x5a);
  // The image's third page.
  const TestFirmware firmware(
      {.more_entries = {{kTdxHashPageGuid, {0, 0x20, 0, 0, 0, 0x10, 0, 0}}}});
  const auto plan = PlanTdxLaunch(firmware.image, firmware.tdx, {}, hashes);
  ASSERT_TRUE(plan.has_value()) << plan.error().ToString();
  ExpectWellFormed(*plan);
  const auto page = ByteString().Add(hashes).Zeros(kPageSize - hashes.size());
  Record record;
  record.Add(0xffffd000).Extend(0xffffd000, FilePage(firmware.image, 1));
  record.Add(0xffffe000).Extend(0xffffe000, page.get());
  record.Add(0xfffff000).Extend(0xfffff000, FilePage(firmware.image, 3));
  AddOthers(record);

  EXPECT_EQ(Mrtd(*plan), record.Digest());
  EXPECT_NE(Mrtd(*plan), MrtdOf(firmware));
}

TEST(TdxLaunch, RefusesKernelHashesForAFirmwareWithoutAPlace) {
  const TestFirmware firmware;
  ExpectInvalidInput(PlanTdxLaunch(firmware.image, firmware.tdx, {}, KernelHashTable()),
                     "no page for a TD's kernel hash table");
}

TEST(TdxLaunch, TheTdHobIsThereAndNotMeasured) {
  const TestFirmware firmware;
  const std::vector<uint8_t> hob(100, 0x77);
  const auto plan = PlanTdxLaunch(firmware.image, firmware.tdx, hob);

  ASSERT_TRUE(plan.has_value());
  ExpectWellFormed(*plan);
  const LaunchStep& step = plan->steps().back();
  EXPECT_EQ(step.kind, LaunchStepKind::kTdxAdd);
  EXPECT_EQ(step.gpa, 0x809000u);
  ASSERT_EQ(step.content.size(), 0x2000u);
  EXPECT_EQ(step.content[99], 0x77);
  EXPECT_EQ(step.content[100], 0);
  EXPECT_EQ(Mrtd(*plan), MrtdOf(firmware));
}

TEST(TdxLaunch, RefusesATdHobThatDoesNotFit) {
  const TestFirmware firmware;
  const std::vector<uint8_t> hob(0x2001);
  ExpectInvalidInput(PlanTdxLaunch(firmware.image, firmware.tdx, hob), "do not fit");
}

TEST(TdxLaunch, RefusesAFirmwareWithoutCode) {
  FirmwareBuilder builder;
  builder.tdx_sections.erase(builder.tdx_sections.begin());
  const TestFirmware firmware(builder);
  ExpectInvalidInput(PlanTdxLaunch(firmware.image, firmware.tdx), "no boot firmware volume");
}

TEST(TdxLaunch, ObserversSeeEveryPage) {
  const TestFirmware firmware;
  const auto plan = PlanTdxLaunch(firmware.image, firmware.tdx);
  ASSERT_TRUE(plan.has_value());
  size_t added = 0, extended = 0;
  std::string last;
  const Sha384Digest digest = Mrtd(*plan, MrtdOrder::kTwoPass, [&](const MeasuredStep& step) {
    (step.operation == "MR.EXTEND" ? extended : added) += 1;
    EXPECT_EQ(step.content_digest.empty(), step.operation != "MR.EXTEND");
    last = HexText(step.digest);
  });
  EXPECT_EQ(added, 8u);
  EXPECT_EQ(extended, 3u);
  EXPECT_EQ(last, HexText(digest));
}

TEST(TdxLaunch, OrdersHaveNames) {
  for (const char* name : {"one-pass", "two-pass"}) {
    const auto order = ParseMrtdOrder(name);
    ASSERT_TRUE(order.has_value());
    EXPECT_EQ(MrtdOrderName(*order), name);
  }
  ExpectInvalidInput(ParseMrtdOrder("three-pass"), "no order of MRTD");
}

}  // namespace
}  // namespace sealvm
