// SPDX-License-Identifier: Apache-2.0
#include "memory/page_conversions.h"

#include <gtest/gtest.h>

#include <atomic>

#include "memory/memfd_provider.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 8 * kMiB;
constexpr Gpa kLowEnd = 1 * kMiB;

// A memfd in the place of private memory: what counts here is what is populated and asked for.
class CountedMemory : public PrivateMemory {
 public:
  explicit CountedMemory(uint64_t size) : memory_(*MemfdProvider().Create(size, {})) {}
  std::string_view ProviderName() const override { return "counted"; }
  uint64_t size() const override { return memory_->size(); }
  int fd() const override { return memory_->fd(); }
  bool can_host_access() const override { return true; }
  FallocNotifier& notifier() override { return memory_->notifier(); }
  Result<> Allocate(BackingRange range) override {
    ++allocations;
    if (fail_allocations) return HostError("no memory");
    return memory_->Allocate(range);
  }
  Result<> Release(BackingRange range) override {
    ++releases;
    return memory_->Release(range);
  }
  Result<uint64_t> AllocatedBytes() const override { return memory_->AllocatedBytes(); }

  std::atomic<int> allocations = 0;
  std::atomic<int> releases = 0;
  std::atomic<bool> fail_allocations = false;

 private:
  std::shared_ptr<PrivateMemory> memory_;
};

struct Guest {
  explicit Guest(uint64_t size = kSize, Gpa always_shared_end = 0)
      : layout(*GuestLayout::Create(size)),
        private_half(std::make_shared<CountedMemory>(size)),
        shared_half(std::make_shared<CountedMemory>(size)),
        conversions(
            *PageConversions::Create(layout, private_half, shared_half, always_shared_end)) {}

  bool IsShared(Gpa gpa, uint64_t length) const {
    const GuestBuffer buffer{gpa, static_cast<uint32_t>(length)};
    return conversions->HoldShared({&buffer, 1}).has_value();
  }

  GuestLayout layout;
  std::shared_ptr<CountedMemory> private_half;
  std::shared_ptr<CountedMemory> shared_half;
  std::shared_ptr<PageConversions> conversions;
};

TEST(PageConversionsTest, EverythingIsPrivateAtFirst) {
  const Guest guest;
  EXPECT_EQ(guest.conversions->counters().private_bytes, kSize);
  EXPECT_FALSE(guest.IsShared(0, 1));
}

TEST(PageConversionsTest, ToSharedGivesThePrivatePagesBack) {
  const Guest guest;
  ASSERT_TRUE(guest.private_half->Allocate({0, kSize}).has_value());
  ASSERT_TRUE(guest.conversions->ToShared(1 * kMiB, 2 * kMiB).has_value());
  EXPECT_EQ(*guest.private_half->AllocatedBytes(), kSize - 2 * kMiB);
  EXPECT_TRUE(guest.IsShared(1 * kMiB, 2 * kMiB));
  EXPECT_FALSE(guest.IsShared(1 * kMiB - 1, 2));
}

TEST(PageConversionsTest, ToPrivateDropsTheSharedPagesAndPopulates) {
  const Guest guest;
  ASSERT_TRUE(guest.conversions->ToShared(0, kSize).has_value());
  ASSERT_TRUE(guest.shared_half->Allocate({0, kSize}).has_value());
  ASSERT_TRUE(guest.conversions->ToPrivate(0, 4 * kMiB).has_value());
  EXPECT_EQ(*guest.shared_half->AllocatedBytes(), kSize - 4 * kMiB);
  EXPECT_EQ(*guest.private_half->AllocatedBytes(), 4 * kMiB);
  EXPECT_EQ(guest.conversions->counters().private_bytes, 4 * kMiB);
}

TEST(PageConversionsTest, OneCallForEachRun) {
  const Guest guest;
  ASSERT_TRUE(guest.conversions->ToShared(0, kSize).has_value());
  EXPECT_EQ(guest.private_half->releases, 1);
  ASSERT_TRUE(guest.conversions->ToShared(0, kSize).has_value());
  EXPECT_EQ(guest.private_half->releases, 1) << "already shared";
  ASSERT_TRUE(guest.conversions->ToPrivate(2 * kMiB, kPageSize).has_value());
  ASSERT_TRUE(guest.conversions->ToPrivate(0, kSize).has_value());
  EXPECT_EQ(guest.private_half->allocations, 3);
}

TEST(PageConversionsTest, RangesThatAreNoRamAreRefused) {
  const Guest guest;
  const std::array<std::pair<Gpa, uint64_t>, 9> bad = {{{kSize, kPageSize},
                                                        {kSize - kPageSize, 2 * kPageSize},
                                                        {0, 0},
                                                        {1, kPageSize},
                                                        {0, kPageSize - 1},
                                                        {0xfee00000, kPageSize},
                                                        {UINT64_MAX & ~(kPageSize - 1), kPageSize},
                                                        {kPageSize, UINT64_MAX & ~(kPageSize - 1)},
                                                        {uint64_t{1} << 39, kPageSize}}};
  for (const auto& [gpa, length] : bad) {
    EXPECT_EQ(guest.conversions->ToShared(gpa, length).error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(guest.conversions->ToPrivate(gpa, length).error().kind, ErrorKind::kInvalidInput);
  }
  EXPECT_EQ(guest.conversions->counters().refused, 2 * bad.size());
  EXPECT_EQ(guest.private_half->releases + guest.private_half->allocations, 0);
}

TEST(PageConversionsTest, HighRamIsTheRestOfTheObjects) {
  const Guest guest(3 * kGiB + 4 * kMiB);
  ASSERT_TRUE(guest.private_half->Allocate({3 * kGiB, 4 * kMiB}).has_value());
  ASSERT_TRUE(guest.conversions->ToShared(kHighRamBase, 4 * kMiB).has_value());
  EXPECT_EQ(*guest.private_half->AllocatedBytes(), 0u);
  EXPECT_FALSE(guest.conversions->ToShared(kLowRamEnd - kPageSize, 2 * kPageSize).has_value());
}

TEST(PageConversionsTest, FirstMebibyteStaysShared) {
  const Guest guest(kSize, kLowEnd);
  EXPECT_TRUE(guest.IsShared(0, kLowEnd));
  ASSERT_TRUE(guest.shared_half->Allocate({0, kLowEnd}).has_value());
  ASSERT_TRUE(guest.conversions->ToPrivate(0, kLowEnd).has_value());
  ASSERT_TRUE(guest.conversions->ToPrivate(0, kLowEnd + kPageSize).has_value());
  EXPECT_TRUE(guest.IsShared(0, kLowEnd));
  EXPECT_EQ(*guest.shared_half->AllocatedBytes(), kLowEnd);
}

TEST(PageConversionsTest, HostWithoutMemoryIsAnAnswer) {
  const Guest guest;
  ASSERT_TRUE(guest.conversions->ToShared(0, kSize).has_value());
  guest.private_half->fail_allocations = true;
  EXPECT_EQ(guest.conversions->ToPrivate(0, kSize).error().kind, ErrorKind::kHost);
  EXPECT_TRUE(guest.IsShared(0, kSize)) << "the guest's view did not change";
  EXPECT_EQ(guest.shared_half->releases, 0);
}

TEST(PageConversionsTest, HalvesOfOtherSizesAreRefused) {
  const GuestLayout layout = *GuestLayout::Create(kSize);
  const auto right = std::make_shared<CountedMemory>(kSize);
  const auto wrong = std::make_shared<CountedMemory>(2 * kSize);
  EXPECT_FALSE(PageConversions::Create(layout, wrong, right, 0).has_value());
  EXPECT_FALSE(PageConversions::Create(layout, right, wrong, 0).has_value());
  EXPECT_FALSE(PageConversions::Create(layout, right, right, 2 * kSize).has_value());
  EXPECT_FALSE(PageConversions::Create(layout, right, right, 100).has_value());
}

}  // namespace
}  // namespace sealvm
