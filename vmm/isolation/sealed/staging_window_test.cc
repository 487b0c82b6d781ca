// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/staging_window.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <string.h>

#include <algorithm>

#include "guest-fw/sealed_loader_image.h"
#include "memory/memfd_provider.h"
#include "vmm/boot/page_tables.h"
#include "vmm/isolation/sealed/data_extents.h"
#include "vmm/isolation/sealed/window_page_tables.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 64 * kMiB;

GuestMemory MakeImage(uint64_t size = kSize) {
  return *GuestMemory::Create(*GuestLayout::Create(size), *MemfdProvider().Create(size, {}));
}

void Fill(GuestMemory& image, Gpa gpa, uint64_t length) {
  ASSERT_TRUE(image.Fill(gpa, length, 0xa5).has_value());
}

TEST(DataExtentsTest, FindsWhatIsNotAHole) {
  GuestMemory image = MakeImage();
  Fill(image, 0x5000, 10);
  Fill(image, 0x800000, 3 * kPageSize);
  const auto extents = FindDataExtents(image.backing().fd(), {0, kSize}, 0);
  ASSERT_TRUE(extents.has_value());
  EXPECT_EQ(*extents, (std::vector<BackingRange>{{0x5000, kPageSize}, {0x800000, 3 * kPageSize}}));
}

TEST(DataExtentsTest, MergesAcrossSmallGaps) {
  GuestMemory image = MakeImage();
  Fill(image, 0, 1);
  Fill(image, 0x4000, 1);
  Fill(image, 0x900000, 1);
  const auto extents = FindDataExtents(image.backing().fd(), {0, kSize}, 0x10000);
  EXPECT_EQ(*extents, (std::vector<BackingRange>{{0, 0x5000}, {0x900000, kPageSize}}));
}

TEST(DataExtentsTest, StaysInsideTheRange) {
  GuestMemory image = MakeImage();
  Fill(image, 0, 16 * kPageSize);
  const auto extents =
      FindDataExtents(image.backing().fd(), {4 * kPageSize, 4 * kPageSize}, kPageSize);
  EXPECT_EQ(*extents, (std::vector<BackingRange>{{4 * kPageSize, 4 * kPageSize}}));
}

TEST(DataExtentsTest, NothingInAnEmptyFile) {
  const GuestMemory image = MakeImage();
  EXPECT_TRUE(FindDataExtents(image.backing().fd(), {0, kSize}, 0)->empty());
}

uint64_t Entry(const std::vector<uint8_t>& tables, uint64_t page, uint64_t index) {
  uint64_t value = 0;
  memcpy(&value, tables.data() + page * kPageSize + index * 8, 8);
  return value;
}

TEST(WindowPageTablesTest, MapsEachGibOneToOne) {
  constexpr Gpa kBase = 0x180000000;
  const std::vector<GpaRange> ranges = {{kBase, 3 * kMiB}, {uint64_t{1} << 39, 2 * kGiB}};
  const std::vector<uint8_t> tables = BuildWindowPageTables(kBase, ranges);
  ASSERT_EQ(tables.size(), 3 * kPageSize);
  EXPECT_EQ(Entry(tables, 0, 0), (kBase + kPageSize) | 3);
  EXPECT_EQ(Entry(tables, 0, 1), (kBase + 2 * kPageSize) | 3);
  EXPECT_EQ(Entry(tables, 1, 6), 6 * kGiB | 0x83);
  EXPECT_EQ(Entry(tables, 1, 5), 0u);
  EXPECT_EQ(Entry(tables, 2, 0), (uint64_t{1} << 39) | 0x83);
  EXPECT_EQ(Entry(tables, 2, 1), ((uint64_t{1} << 39) + kGiB) | 0x83);
  EXPECT_EQ(Entry(tables, 2, 2), 0u);
}

class StagingWindowTest : public testing::Test {
 protected:
  StagingWindowTest() {
    entry_ = MakeLinux64Entry(BootLayout(), 0x1000000, layout_.c_mask());
    Fill(image_, 0x7000, kPageSize);
    Fill(image_, 0x1000000, 100 * kPageSize);
    regions_ = {{"boot_params", 0x7000, kPageSize},
                {"kernel", 0x1000000, 2 * kMiB},
                {"kernel", 0x1200000, 2 * kMiB}};
  }
  Result<StagingWindow> Make() {
    return StagingWindow::Create(
        layout_, {.image = image_, .regions = regions_, .entry = entry_, .cpus = 2});
  }
  const uint8_t* At(const StagingWindow& window, Gpa gpa) const {
    return reinterpret_cast<const uint8_t*>(window.host_address()) + (gpa - window.base());
  }

  SealedLayout layout_ = *SealedLayout::Create(*GuestLayout::Create(kSize), {40, 0}, 1);
  GuestMemory image_ = MakeImage();
  EntryState entry_;
  std::vector<LoadedRegion> regions_;
};

TEST_F(StagingWindowTest, AnnouncesWhatItHolds) {
  const auto window = Make();
  ASSERT_TRUE(window.has_value()) << window.error().ToString();
  const auto& payloads = window->handover().payloads;
  ASSERT_EQ(payloads.size(), 3u);
  EXPECT_TRUE(payloads[0].is_loader);
  EXPECT_EQ(payloads[1].name, "boot_params");
  EXPECT_EQ(payloads[2].name, "kernel");
  EXPECT_EQ(payloads[2].destination, 0x1000000u);
  EXPECT_EQ(payloads[2].length, 100 * kPageSize);
  for (const HandoverPayload& payload : payloads) {
    std::array<uint8_t, 32> digest;
    SHA256(At(*window, payload.source), payload.length, digest.data());
    EXPECT_EQ(digest, payload.sha256) << payload.name;
    EXPECT_EQ(payload.source % kPageSize, 0u);
    EXPECT_LE(payload.source + payload.length, window->base() + window->size());
  }
}

TEST_F(StagingWindowTest, LoaderGetsFreeMemoryBelowTheKernel) {
  const auto window = Make();
  const HandoverPayload& loader = window->handover().payloads[0];
  EXPECT_EQ(loader.length, SealedLoaderImage().size());
  EXPECT_EQ(loader.destination % kPageSize, 0u);
  for (const LoadedRegion& region : regions_) {
    EXPECT_TRUE(loader.destination + loader.length <= region.gpa ||
                loader.destination >= region.end());
  }
}

TEST_F(StagingWindowTest, LoaderKeepsOutOfTheWayOfAKernelAtOneMiB) {
  regions_.push_back({"unikernel", 0x100000, 2 * kMiB});
  const auto window = Make();
  EXPECT_GE(window->handover().payloads[0].destination, 0x300000u);
}

TEST_F(StagingWindowTest, EntersTheLoaderInsideTheWindow) {
  const auto window = Make();
  const EntryState& entry = window->entry();
  EXPECT_EQ(entry.rip, window->handover().payloads[0].source);
  for (const Gpa gpa : {entry.rip, entry.rdi, entry.rsp - 1, entry.cr3, entry.gdt_base}) {
    EXPECT_GE(gpa, window->base());
    EXPECT_LT(gpa, window->base() + window->size());
  }
  EXPECT_EQ(window->handover().entry, entry_.rip);
  EXPECT_EQ(window->handover().page_tables | layout_.c_mask(), entry_.cr3);
  constexpr uint8_t kFdtMagic[] = {0xd0, 0x0d, 0xfe, 0xed};
  EXPECT_TRUE(std::ranges::equal(kFdtMagic, std::span(At(*window, entry.rdi), 4)));
}

TEST_F(StagingWindowTest, GuestWithoutRoomForTheLoaderIsRefused) {
  regions_ = {{"everything", 0, kSize}};
  const auto window = Make();
  ASSERT_FALSE(window.has_value());
  EXPECT_NE(window.error().message.find("--memory"), std::string::npos);
}

}  // namespace
}  // namespace sealvm
