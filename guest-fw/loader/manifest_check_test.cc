// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "guest-fw/loader/manifest.h"
#include "guest-fw/loader/testing_tree.h"

namespace sealvm::loader {
namespace {

class ManifestCheckTest : public testing::Test {
 protected:
  Payload& kernel() { return manifest_.payloads[kKernelPayload]; }
  Payload& boot() { return manifest_.payloads[kBootPayload]; }
  Payload& loader() { return manifest_.payloads[kLoaderPayload]; }
  LoaderStatus Check() const { return CheckManifest(manifest_, kImage); }

  void ExpectRoot(LoaderError error) const {
    const LoaderStatus expected{error, kNoPayload};
    EXPECT_EQ(Check(), expected) << std::hex << EncodeLoaderStatus(Check());
  }
  void ExpectPayload(LoaderError error, size_t payload) const {
    const LoaderStatus expected{error, static_cast<uint8_t>(payload)};
    EXPECT_EQ(Check(), expected) << std::hex << EncodeLoaderStatus(Check());
  }

  Manifest manifest_ = GoodManifest();
};

TEST_F(ManifestCheckTest, PassesAGoodManifest) { EXPECT_EQ(Check(), LoaderStatus{}); }

TEST_F(ManifestCheckTest, TakesTheSmallestAndTheLargestCBit) {
  for (const unsigned c_bit : {34u, kMaxCBit}) {
    manifest_ = GoodManifest();
    manifest_.c_bit = c_bit;
    const uint64_t c = uint64_t{1} << c_bit;
    manifest_.page_tables = (manifest_.page_tables & ~kC) | c;
    for (size_t i = 0; i < manifest_.payload_count; ++i) {
      manifest_.payloads[i].destination = (manifest_.payloads[i].destination & ~kC) | c;
    }
    EXPECT_EQ(Check(), LoaderStatus{}) << c_bit;
  }
}

TEST_F(ManifestCheckTest, RefusesCBitsOutOfReach) {
  for (const unsigned c_bit : {0u, 12u, 31u, 47u, 63u, 64u, UINT32_MAX}) {
    manifest_.c_bit = c_bit;
    ExpectRoot(LoaderError::kBadCBit);
  }
}

TEST_F(ManifestCheckTest, RefusesAMachineWithoutCpus) {
  manifest_.cpus = 0;
  ExpectRoot(LoaderError::kBadCpus);
}

TEST_F(ManifestCheckTest, RefusesNoRam) {
  manifest_.ram_count = 0;
  ExpectRoot(LoaderError::kBadRam);
}

TEST_F(ManifestCheckTest, RefusesBadRamRanges) {
  for (const Range bad : {Range{4 * kGiB, 0}, Range{4 * kGiB + 1, 0x1000}, Range{4 * kGiB, 0x1001},
                          Range{UINT64_MAX - 0xfff, 0x1000}, Range{UINT64_MAX - 0xfff, 0x2000},
                          Range{kC - 0x1000, 0x2000}, Range{kC, 0x1000},
                          Range{3 * kGiB - 0x1000, 0x2000}, Range{4 * kGiB, UINT64_MAX - 0xfff}}) {
    manifest_.ram[1] = bad;
    ExpectRoot(LoaderError::kBadRam);
  }
}

TEST_F(ManifestCheckTest, TakesRamUpToC) {
  manifest_.ram[1] = {8 * kGiB, kC - 8 * kGiB};
  EXPECT_EQ(Check(), LoaderStatus{});
}

TEST_F(ManifestCheckTest, RefusesBadWindows) {
  for (const Range bad : {Range{kWindow, 0}, Range{kWindow + 8, 64 * kMiB}, Range{kWindow, 0x1234},
                          Range{UINT64_MAX - 0xfff, 0x2000}, Range{kC - 0x1000, 0x2000},
                          Range{kC | kWindow, 64 * kMiB}, Range{5 * kGiB - 0x1000, 0x2000},
                          Range{kWindow, uint64_t{512} << 30}, Range{0, 1 * kMiB + 0x1000}}) {
    manifest_.window = bad;
    ExpectRoot(LoaderError::kBadWindow);
  }
}

TEST_F(ManifestCheckTest, RefusesAnEmptyPayload) {
  kernel().length = 0;
  ExpectPayload(LoaderError::kBadLength, kKernelPayload);
}

TEST_F(ManifestCheckTest, RefusesSourcesThatLeaveTheWindow) {
  for (const uint64_t source : {kWindow - 1, kWindow + 64 * kMiB, UINT64_MAX, uint64_t{0},
                                kWindow + 64 * kMiB - kernel().length + 1, kC | kWindow}) {
    kernel().source = source;
    ExpectPayload(LoaderError::kBadSource, kKernelPayload);
  }
}

TEST_F(ManifestCheckTest, TakesASourceUpToTheWindowsEnd) {
  kernel().source = kWindow + 64 * kMiB - kernel().length;
  EXPECT_EQ(Check(), LoaderStatus{});
}

TEST_F(ManifestCheckTest, RefusesLengthsThatWrap) {
  for (const uint64_t length : {UINT64_MAX, UINT64_MAX - kernel().source + 1,
                                UINT64_MAX - (16 * kMiB) + 1, uint64_t{1} << 63}) {
    kernel().length = length;
    ExpectPayload(LoaderError::kBadSource, kKernelPayload);
  }
}

TEST_F(ManifestCheckTest, RefusesADestinationWithoutC) {
  boot().destination &= ~kC;
  ExpectPayload(LoaderError::kNoCBit, kBootPayload);
}

TEST_F(ManifestCheckTest, RefusesDestinationsOutsideRam) {
  for (const uint64_t gpa :
       {uint64_t{0}, 1 * kMiB - 1, 3 * kGiB - 1, 3 * kGiB - kernel().length + 1, 3 * kGiB + kMiB,
        5 * kGiB - 1, 5 * kGiB, kWindow, kC - 1, 2 * kC, uint64_t{1} << 63, UINT64_MAX}) {
    kernel().destination = kC | gpa;
    ExpectPayload(LoaderError::kBadDestination, kKernelPayload);
  }
}

TEST_F(ManifestCheckTest, RefusesADestinationAcrossTwoRanges) {
  manifest_.ram[0] = {1 * kMiB, 16 * kMiB};
  manifest_.ram[1] = {17 * kMiB, 16 * kMiB};
  ExpectPayload(LoaderError::kBadDestination, kKernelPayload);
}

TEST_F(ManifestCheckTest, RefusesOverlappingDestinations) {
  for (const uint64_t gpa : {16 * kMiB, 16 * kMiB - 0x6fff, 21 * kMiB + 122, 18 * kMiB}) {
    boot().destination = kC | gpa;
    ExpectPayload(LoaderError::kOverlap, kBootPayload);
  }
}

TEST_F(ManifestCheckTest, TakesDestinationsThatTouch) {
  boot().destination = kC | (16 * kMiB - boot().length);
  manifest_.boot_params = 16 * kMiB - boot().length;
  manifest_.page_tables = kC | (16 * kMiB - 0x1000);
  EXPECT_EQ(Check(), LoaderStatus{});
}

TEST_F(ManifestCheckTest, NeedsTheLoader) {
  loader().is_loader = false;
  ExpectRoot(LoaderError::kNoLoader);
  manifest_.payload_count = 0;
  ExpectRoot(LoaderError::kNoLoader);
}

TEST_F(ManifestCheckTest, RefusesASecondLoader) {
  manifest_.payloads[manifest_.payload_count] = loader();
  manifest_.payloads[manifest_.payload_count++].destination = kC | (8 * kMiB);
  ExpectPayload(LoaderError::kBadLoader, 3);
}

TEST_F(ManifestCheckTest, RefusesALoaderThatIsNotTheRunningOne) {
  loader().source += 0x1000;
  ExpectPayload(LoaderError::kBadLoader, kLoaderPayload);
  loader() = GoodManifest().payloads[kLoaderPayload];
  loader().length -= 0x1000;
  ExpectPayload(LoaderError::kBadLoader, kLoaderPayload);
}

TEST_F(ManifestCheckTest, RefusesALoaderWhereItCannotRun) {
  loader().destination = kC | (3 * kMiB + 8);
  ExpectPayload(LoaderError::kBadLoader, kLoaderPayload);
  loader().destination = kC | (4 * kGiB);
  ExpectPayload(LoaderError::kBadLoader, kLoaderPayload);
}

TEST_F(ManifestCheckTest, RefusesAnEntryThatNoPayloadGave) {
  for (const uint64_t entry :
       {uint64_t{0}, 16 * kMiB - 1, 21 * kMiB + 123, 3 * kMiB, kC | (16 * kMiB), UINT64_MAX}) {
    manifest_.entry = entry;
    ExpectRoot(LoaderError::kBadEntry);
  }
}

TEST_F(ManifestCheckTest, RefusesAnEntryAboveTheFinalMap) {
  kernel().destination = kC | (4 * kGiB);
  manifest_.entry = 4 * kGiB;
  ExpectRoot(LoaderError::kBadEntry);
}

TEST_F(ManifestCheckTest, RefusesBootParamsThatNoPayloadGave) {
  for (const uint64_t address : {uint64_t{0}, 2 * kMiB + 0x6001, 2 * kMiB - 1, 3 * kMiB, UINT64_MAX,
                                 UINT64_MAX - 0xfff, kC | (2 * kMiB)}) {
    manifest_.boot_params = address;
    ExpectRoot(LoaderError::kBadBootParams);
  }
}

TEST_F(ManifestCheckTest, RefusesBadPageTables) {
  for (const uint64_t address :
       {2 * kMiB + 0x1000, kC | (2 * kMiB + 0x1008), kC | (2 * kMiB + 0x7000), kC | (3 * kMiB),
        kC | (4 * kGiB), UINT64_MAX, uint64_t{0}}) {
    manifest_.page_tables = address;
    ExpectRoot(LoaderError::kBadPageTables);
  }
}

TEST(Range, ContainsAndOverlapsDoNotWrap) {
  const Range top{UINT64_MAX - 9, 10};
  EXPECT_TRUE(top.Contains({UINT64_MAX - 9, 10}));
  EXPECT_FALSE(top.Contains({UINT64_MAX - 9, 11}));
  EXPECT_FALSE(top.Contains({UINT64_MAX, UINT64_MAX}));
  EXPECT_TRUE(top.Overlaps({UINT64_MAX, 1}));
  EXPECT_FALSE(top.Overlaps({0, UINT64_MAX - 9}));
  EXPECT_TRUE(top.Overlaps({0, UINT64_MAX}));
  EXPECT_FALSE((Range{5, 0}.Overlaps({5, 0})));
}

TEST(LoaderStatus, EncodesErrorAndPayload) {
  EXPECT_EQ(EncodeLoaderStatus({}), 0x5ea10000u);
  EXPECT_EQ(EncodeLoaderStatus({LoaderError::kDigestMismatch, 5}), 0x5ea12605u);
  EXPECT_EQ(EncodeLoaderStatus({LoaderError::kTreeHeader, kNoPayload}), 0x5ea101ffu);
}

}  // namespace
}  // namespace sealvm::loader
