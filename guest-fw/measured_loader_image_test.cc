// SPDX-License-Identifier: Apache-2.0
// What VMMs and measuring tools rely on in the measured loader, as our own parsers read it.
#include "guest-fw/measured_loader_image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "guest-fw/measured/layout.h"
#include "vmm/boot/firmware/hash_enforcement.h"
#include "vmm/boot/firmware/ovmf_table.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/boot/firmware/tdx_metadata.h"

namespace sealvm {
namespace {

constexpr uint64_t kPage = 4096;

std::vector<uint8_t> ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class MeasuredLoaderImageTest : public testing::Test {
 protected:
  FirmwareImage image_ = *FirmwareImage::FromBytes("guest-fw", MeasuredLoaderImage());
  OvmfTable table_ = *OvmfTable::Parse(image_);
  SevMetadata sev_ = *ParseSevMetadata(image_, table_);
};

TEST_F(MeasuredLoaderImageTest, IsWholePagesOfAtMost256KiB) {
  EXPECT_EQ(image_.size() % kPage, 0u);
  EXPECT_LE(image_.size(), 256u * 1024);
  EXPECT_EQ(image_.size(), uint64_t{FIRMWARE_SIZE});
  EXPECT_EQ(image_.base(), uint64_t{FIRMWARE_BASE});
}

TEST_F(MeasuredLoaderImageTest, IsTheFileThatIsBuilt) {
  EXPECT_TRUE(std::ranges::equal(MeasuredLoaderImage(), ReadFile("guest-fw/sealvm-guest-fw.fd")));
}

TEST_F(MeasuredLoaderImageTest, IsTheSameWhenBuiltAgain) {
  EXPECT_TRUE(std::ranges::equal(MeasuredLoaderImage(),
                                 ReadFile("guest-fw/measured/measured_loader_again.bin")));
}

TEST_F(MeasuredLoaderImageTest, NamesNoFileAndNoTimeOfTheBuild) {
  const std::string_view text(reinterpret_cast<const char*>(MeasuredLoaderImage().data()),
                              MeasuredLoaderImage().size());
  for (const std::string_view part :
       {"guest-fw/", ".cc", "/tmp", "/root", "GCC: ", __DATE__, "bazel"}) {
    EXPECT_EQ(text.find(part), std::string_view::npos) << part;
  }
}

TEST_F(MeasuredLoaderImageTest, BeginsAtTheResetVectorInBothModes) {
  const auto end = MeasuredLoaderImage().last(32);
  // A short jump backwards has the same bytes in real mode and in 32-bit mode.
  EXPECT_EQ(end[16], 0xeb);
  EXPECT_EQ(end[17], 0xee);
  EXPECT_EQ(end[0], 0x0f);  // smsw
}

TEST_F(MeasuredLoaderImageTest, HasSnpsPagesInTheWorkArea) {
  ASSERT_TRUE(sev_.sections.has_value());
  uint64_t next = WORK_BASE;
  for (const SevSection& section : *sev_.sections) {
    EXPECT_EQ(section.gpa, next) << SevSectionTypeName(section.type);
    next += section.size;
  }
  EXPECT_EQ(next, uint64_t{SHARED_BASE});
  const auto has = [&](SevSectionType type, uint32_t gpa) {
    return std::ranges::any_of(*sev_.sections, [&](const SevSection& section) {
      return section.type == type && section.gpa == gpa && section.size == kPage;
    });
  };
  EXPECT_TRUE(has(SevSectionType::kSecrets, SECRETS_PAGE));
  EXPECT_TRUE(has(SevSectionType::kCpuid, CPUID_PAGE));
  EXPECT_TRUE(has(SevSectionType::kKernelHashes, HASHES_PAGE));
}

TEST_F(MeasuredLoaderImageTest, HasTheHashTableInItsPage) {
  ASSERT_TRUE(sev_.hash_area.has_value());
  EXPECT_EQ(sev_.hash_area->gpa, uint32_t{HASH_TABLE_AREA});
  EXPECT_EQ(sev_.hash_area->gpa + sev_.hash_area->size, HASHES_PAGE + kPage);
  ASSERT_TRUE(sev_.secret_area.has_value());
  EXPECT_EQ(sev_.secret_area->gpa + sev_.secret_area->size, sev_.hash_area->gpa);
}

TEST_F(MeasuredLoaderImageTest, StartsFurtherSevEsProcessorsInItself) {
  ASSERT_TRUE(sev_.ap_reset_eip.has_value());
  ASSERT_GE(*sev_.ap_reset_eip, image_.base());
  const auto code = MeasuredLoaderImage().subspan(*sev_.ap_reset_eip - image_.base());
  EXPECT_EQ(code[0], 0xfa);  // cli
  EXPECT_EQ(code[1], 0xf4);  // hlt
}

TEST_F(MeasuredLoaderImageTest, HasAllOfItselfInATdsMeasurement) {
  const auto tdx = ParseTdxMetadata(image_, table_);
  ASSERT_TRUE(tdx.has_value() && tdx->has_value());
  const auto& sections = (*tdx)->sections;
  ASSERT_EQ(sections.size(), 4u);
  EXPECT_EQ(sections[0].type, TdxSectionType::kBfv);
  EXPECT_TRUE(sections[0].measured());
  EXPECT_EQ(sections[0].file_offset, 0u);
  EXPECT_EQ(sections[0].memory_size, image_.size());
  EXPECT_EQ(sections[2].type, TdxSectionType::kTdHob);
  EXPECT_EQ(sections[2].gpa, uint64_t{TD_HOB});
}

}  // namespace
}  // namespace sealvm
