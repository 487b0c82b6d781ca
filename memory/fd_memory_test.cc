// SPDX-License-Identifier: Apache-2.0
// What the memory objects of all providers have in common, tried on a memfd.
#include "memory/fd_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/guest_layout.h"
#include "memory/guest_memfd_provider.h"
#include "memory/host_access_probe.h"
#include "memory/private_fd_memory.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 64 * kPageSize;

Fd MakeMemfd(uint64_t size = kSize) {
  Fd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  return fd;
}

std::shared_ptr<FdMemory> Make(const FdMemory::Traits& traits = {.provider = "test"}) {
  return *FdMemory::Create(MakeMemfd(), kSize, traits);
}

class CountingConsumer : public FallocConsumer {
 public:
  explicit CountingConsumer(PrivateMemory& memory) : memory_(memory) {}
  std::string_view Name() const override { return "counting"; }
  void OnAllocate(BackingRange range) override {
    allocated += range.length;
    bytes_at_allocate = memory_.AllocatedBytes().value_or(0);
  }
  void OnInvalidateStart(BackingRange) override {
    bytes_at_start = memory_.AllocatedBytes().value_or(0);
  }
  void OnInvalidateEnd(BackingRange) override {
    bytes_at_end = memory_.AllocatedBytes().value_or(0);
  }
  uint64_t allocated = 0;
  uint64_t bytes_at_allocate = 0;
  uint64_t bytes_at_start = 0;
  uint64_t bytes_at_end = 0;

 private:
  PrivateMemory& memory_;
};

TEST(FdMemoryTest, ConsumersHearBeforeTheReleaseAndAfterTheRest) {
  const auto memory = Make();
  const auto consumer = std::make_shared<CountingConsumer>(*memory);
  const auto registration = *memory->notifier().Register(consumer, 0);
  ASSERT_TRUE(memory->Allocate({0, kSize}).has_value());
  EXPECT_EQ(consumer->allocated, kSize);
  EXPECT_EQ(consumer->bytes_at_allocate, kSize);
  ASSERT_TRUE(memory->Release({0, 16 * kPageSize}).has_value());
  EXPECT_EQ(consumer->bytes_at_start, kSize);
  EXPECT_EQ(consumer->bytes_at_end, kSize - 16 * kPageSize);
}

TEST(FdMemoryTest, RefusedRangeReachesNobody) {
  const auto memory = Make();
  const auto consumer = std::make_shared<CountingConsumer>(*memory);
  const auto registration = *memory->notifier().Register(consumer, 0);
  for (const BackingRange bad :
       {BackingRange{0, 0}, BackingRange{1, kPageSize}, BackingRange{0, kSize + kPageSize},
        BackingRange{kSize, kPageSize}, BackingRange{UINT64_MAX - kPageSize + 1, 2 * kPageSize}}) {
    EXPECT_EQ(memory->Allocate(bad).error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(memory->Release(bad).error().kind, ErrorKind::kInvalidInput);
  }
  EXPECT_EQ(consumer->allocated, 0u);
}

TEST(FdMemoryTest, PageCacheCountsWhatBlocksCount) {
  const auto memory = Make({.provider = "test", .count = FdMemory::Count::kPageCache});
  const Result<uint64_t> before = memory->AllocatedBytes();
  if (!before && before.error().os_error == ENOSYS) GTEST_SKIP() << "no cachestat(2)";
  EXPECT_EQ(*before, 0u);
  ASSERT_TRUE(memory->Allocate({0, 8 * kPageSize}).has_value());
  ASSERT_TRUE(memory->Allocate({4 * kPageSize, 8 * kPageSize}).has_value());
  EXPECT_EQ(*memory->AllocatedBytes(), 12 * kPageSize);
  ASSERT_TRUE(memory->Release({0, 2 * kPageSize}).has_value());
  EXPECT_EQ(*memory->AllocatedBytes(), 10 * kPageSize);
}

TEST(HostAccessProbeTest, FindsEveryDoorOfAnOrdinaryMemfd) {
  const Fd fd = MakeMemfd();
  const HostAccess access = *ProbeHostAccess(fd.get(), kSize);
  EXPECT_TRUE(access.read_call);
  EXPECT_TRUE(access.write_call);
  EXPECT_TRUE(access.map_read);
  EXPECT_TRUE(access.map_write);
}

TEST(HostAccessProbeTest, FindsTheDoorThatIsLeftOpen) {
  const Fd fd = MakeMemfd();
  ASSERT_EQ(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  const HostAccess access = *ProbeHostAccess(fd.get(), kSize);
  EXPECT_FALSE(access.write_call);
  EXPECT_FALSE(access.map_write);
  EXPECT_TRUE(access.map_read);
  EXPECT_TRUE(access.any());
  EXPECT_NE(access.answers.find("pwrite: EPERM"), std::string::npos) << access.answers;
}

TEST(HostAccessProbeTest, AFileThatIsTooShortIsNoProof) {
  const Fd fd = MakeMemfd(kPageSize);
  const HostAccess access = *ProbeHostAccess(fd.get(), kSize);
  EXPECT_TRUE(access.any());
  EXPECT_FALSE(ProbeHostAccess(fd.get(), 0).has_value());
  EXPECT_FALSE(ProbeHostAccess(fd.get(), kPageSize / 2).has_value());
}

TEST(PrivateFdMemoryTest, MemoryThatTheHostCanReachIsRefused) {
  const auto memory = MakePrivateFdMemory(MakeMemfd(), kSize, {.provider = "open"}, {});
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().kind, ErrorKind::kRefused);
  EXPECT_NE(memory.error().message.find("open: the host can reach"), std::string::npos);
}

TEST(PrivateFdMemoryTest, HugePagesAreRefused) {
  const auto memory =
      MakePrivateFdMemory(MakeMemfd(), kSize, {.provider = "open"}, {.huge_pages = HugePages::k2M});
  EXPECT_EQ(memory.error().kind, ErrorKind::kInvalidInput);
}

TEST(GuestMemfdProviderTest, CreatorsErrorComesThrough) {
  GuestMemfdProvider provider([](uint64_t) -> Result<Fd> { return HostError("no such ioctl"); });
  EXPECT_EQ(provider.Create(kSize, {}).error().message, "no such ioctl");
}

// A provider that is lied to about what it got does not pass the lie on.
TEST(GuestMemfdProviderTest, OrdinaryMemoryInItsPlaceIsRefused) {
  GuestMemfdProvider provider([](uint64_t size) -> Result<Fd> { return MakeMemfd(size); });
  EXPECT_EQ(provider.Create(kSize, {}).error().kind, ErrorKind::kRefused);
}

}  // namespace
}  // namespace sealvm
