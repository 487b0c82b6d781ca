// SPDX-License-Identifier: Apache-2.0
#include "memory/memfd_provider.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <limits>

#include "memory/guest_layout.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 4 * kMiB;

std::shared_ptr<PrivateMemory> Make(const MemoryPolicy& policy = {}) {
  return *MemfdProvider().Create(kSize, policy);
}

TEST(MemfdProviderTest, SizeCannotBeChangedByAnyHolderOfTheFd) {
  const auto memory = Make();
  EXPECT_EQ(ftruncate(memory->fd(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(memory->fd(), 2 * kSize), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(MemfdProviderTest, NoSealCanBeAdded) {
  const auto memory = Make();
  EXPECT_EQ(fcntl(memory->fd(), F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  EXPECT_EQ(fcntl(memory->fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(MemfdProviderTest, FdIsClosedOnExec) {
  EXPECT_EQ(fcntl(Make()->fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(MemfdProviderTest, NothingIsPopulatedAtCreation) { EXPECT_EQ(*Make()->AllocatedBytes(), 0u); }

TEST(MemfdProviderTest, PrefaultPopulatesEverything) {
  EXPECT_EQ(*Make({.prefault = true})->AllocatedBytes(), kSize);
}

TEST(MemfdProviderTest, AllocateAndReleaseAreByPage) {
  const auto memory = Make();
  ASSERT_TRUE(memory->Allocate({.offset = kPageSize, .length = 3 * kPageSize}));
  EXPECT_EQ(*memory->AllocatedBytes(), 3 * kPageSize);
  ASSERT_TRUE(memory->Release({.offset = 2 * kPageSize, .length = kPageSize}));
  EXPECT_EQ(*memory->AllocatedBytes(), 2 * kPageSize);
}

TEST(MemfdProviderTest, ReleasedMemoryReadsAsZeroes) {
  const auto memory = Make();
  ASSERT_EQ(pwrite(memory->fd(), "secret", 6, 0), 6);
  ASSERT_TRUE(memory->Release({.offset = 0, .length = kPageSize}));
  char bytes[6] = "xxxxx";
  ASSERT_EQ(pread(memory->fd(), bytes, 6, 0), 6);
  EXPECT_EQ(std::string_view(bytes, 6), std::string_view("\0\0\0\0\0\0", 6));
}

TEST(MemfdProviderTest, TheHostHasTheAccessThatItIsSaidToHave) {
  const auto memory = Make();
  uint8_t byte = 1;
  EXPECT_TRUE(memory->can_host_access());
  EXPECT_EQ(pread(memory->fd(), &byte, sizeof(byte), 0), 1);
}

class MemfdBadRangeTest : public testing::TestWithParam<BackingRange> {};

TEST_P(MemfdBadRangeTest, IsRefusedAndTouchesNothing) {
  const auto memory = Make();
  EXPECT_EQ(memory->Allocate(GetParam()).error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(memory->Release(GetParam()).error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(*memory->AllocatedBytes(), 0u);
}

constexpr uint64_t kWrapping = std::numeric_limits<uint64_t>::max() - kPageSize + 1;

INSTANTIATE_TEST_SUITE_P(
    Ranges, MemfdBadRangeTest,
    testing::Values(BackingRange{0, 0}, BackingRange{1, kPageSize}, BackingRange{0, kPageSize - 1},
                    BackingRange{0, kSize + kPageSize}, BackingRange{kSize, kPageSize},
                    BackingRange{kWrapping, 2 * kPageSize}, BackingRange{kPageSize, kWrapping}));

TEST(MemfdProviderTest, SizeMustBeAMultipleOfTheHugePage) {
  const auto memory = MemfdProvider().Create(3 * kMiB, {.huge_pages = HugePages::k2M});
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(memory.error().message.find("2M"), std::string::npos);
}

TEST(MemfdProviderTest, MissingHugePagesSayWhatToDo) {
  // 1 TiB of 1 GiB pages: no machine of ours reserves them.
  const auto memory = MemfdProvider().Create(1024 * kGiB, {.huge_pages = HugePages::k1G});
  ASSERT_FALSE(memory);
  EXPECT_FALSE(memory.error().hint.empty());
}

}  // namespace
}  // namespace sealvm
