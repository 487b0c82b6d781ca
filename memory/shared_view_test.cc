// SPDX-License-Identifier: Apache-2.0
#include "memory/shared_view.h"

#include <gtest/gtest.h>
#include <string.h>

#include <array>
#include <random>
#include <thread>
#include <vector>

#include "memory/memfd_provider.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 8 * kMiB;

class SharedViewTest : public testing::Test {
 protected:
  const GuestLayout layout_ = *GuestLayout::Create(kSize);
  // A memfd in the place of private memory: what counts here is the shared half.
  const std::shared_ptr<PrivateMemory> private_half_ = *MemfdProvider().Create(kSize, {});
  const std::shared_ptr<PrivateMemory> shared_half_ = *MemfdProvider().Create(kSize, {});
  const std::shared_ptr<PageConversions> conversions_ =
      *PageConversions::Create(layout_, private_half_, shared_half_, 0);
  const std::shared_ptr<GuestMemory> memory_ =
      std::make_shared<GuestMemory>(*GuestMemory::Create(layout_, shared_half_));
  const std::shared_ptr<SharedView> view_ = *SharedView::Create(memory_, conversions_);
};

TEST_F(SharedViewTest, DevicesReachWhatIsSharedAndNothingElse) {
  ASSERT_TRUE(conversions_->ToShared(kMiB, kPageSize).has_value());
  std::array<uint8_t, 4> bytes = {1, 2, 3, 4};
  EXPECT_TRUE(view_->Write(kMiB + 10, bytes).has_value());
  EXPECT_TRUE(view_->Read(kMiB + 10, bytes).has_value());
  EXPECT_FALSE(view_->Write(kMiB + kPageSize - 2, bytes).has_value()) << "half of it is private";
  EXPECT_FALSE(view_->Read(0, bytes).has_value());
  EXPECT_FALSE(view_->Read(kSize - 2, bytes).has_value());
  EXPECT_FALSE(view_->Read(UINT64_MAX - 1, bytes).has_value());
  EXPECT_EQ(view_->refused(), 4u);
}

TEST_F(SharedViewTest, NothingIsReachedAfterThePageWentPrivate) {
  ASSERT_TRUE(conversions_->ToShared(kMiB, kPageSize).has_value());
  const std::array<uint8_t, 1> secret = {0x5e};
  ASSERT_TRUE(view_->Write(kMiB, secret).has_value());
  ASSERT_TRUE(conversions_->ToPrivate(kMiB, kPageSize).has_value());
  std::array<uint8_t, 1> seen = {};
  EXPECT_FALSE(view_->Read(kMiB, seen).has_value());
  ASSERT_TRUE(conversions_->ToShared(kMiB, kPageSize).has_value());
  ASSERT_TRUE(view_->Read(kMiB, seen).has_value());
  EXPECT_EQ(seen[0], 0) << "the dropped page came back";
}

TEST_F(SharedViewTest, AGuestThatSharesAllHasNoBounds) {
  const auto all = *SharedView::Create(memory_, nullptr);
  const std::array<uint8_t, 1> byte = {7};
  EXPECT_TRUE(all->Write(kSize - 1, byte).has_value());
  EXPECT_FALSE(all->Write(kSize, byte).has_value());
}

TEST_F(SharedViewTest, MemoryThatIsBeingReleasedIsOutOfReach) {
  const auto all = *SharedView::Create(memory_, nullptr);
  const std::array<uint8_t, 2> bytes = {7, 7};
  {
    const FallocNotifier::Invalidation invalidation(shared_half_->notifier(), {kMiB, kPageSize});
    EXPECT_FALSE(all->Write(kMiB, bytes).has_value());
    EXPECT_FALSE(all->Write(kMiB - 1, bytes).has_value());
    EXPECT_TRUE(all->Write(kMiB - 2, bytes).has_value());
    EXPECT_TRUE(all->Write(kMiB + kPageSize, bytes).has_value());
  }
  EXPECT_TRUE(all->Write(kMiB, bytes).has_value());
  EXPECT_EQ(all->refused(), 2u);
}

TEST_F(SharedViewTest, NumbersMustBeAligned) {
  const auto all = *SharedView::Create(memory_, nullptr);
  ASSERT_TRUE(all->Store<uint32_t>(kMiB, 0x01020304).has_value());
  EXPECT_EQ(*all->Load<uint16_t>(kMiB + 2), 0x0102);
  EXPECT_FALSE(all->Load<uint16_t>(kMiB + 1).has_value());
  EXPECT_FALSE(all->Store<uint32_t>(kMiB + 2, 0).has_value());
}

TEST_F(SharedViewTest, LendsAllOrNothing) {
  ASSERT_TRUE(conversions_->ToShared(kMiB, kPageSize).has_value());
  const std::array<GuestBuffer, 2> buffers = {{{kMiB + 16, 32}, {kMiB + kPageSize, 8}}};
  EXPECT_FALSE(view_->Borrow(buffers).has_value());
  EXPECT_FALSE(conversions_->lent()->Overlaps({kMiB, kPageSize}));
  const auto lease = view_->Borrow(std::span(buffers).first(1));
  ASSERT_TRUE(lease.has_value());
  ASSERT_EQ(lease->iovecs().size(), 1u);
  memset(lease->iovecs()[0].iov_base, 0x5a, lease->iovecs()[0].iov_len);
  EXPECT_EQ(*view_->Load<uint64_t>(kMiB + 40), 0x5a5a5a5a5a5a5a5au);
  EXPECT_EQ(*view_->Load<uint64_t>(kMiB + 48), 0u);
}

TEST_F(SharedViewTest, WhatIsLentIsNotTakenBack) {
  ASSERT_TRUE(conversions_->ToShared(kMiB, 2 * kPageSize).has_value());
  const GuestBuffer buffer{kMiB + 100, 1};
  {
    const auto lease = view_->Borrow({&buffer, 1});
    ASSERT_TRUE(lease.has_value());
    EXPECT_FALSE(conversions_->ToPrivate(kMiB, kPageSize).has_value());
    EXPECT_TRUE(conversions_->ToPrivate(kMiB + kPageSize, kPageSize).has_value());
  }
  EXPECT_TRUE(conversions_->ToPrivate(kMiB, kPageSize).has_value());
}

TEST_F(SharedViewTest, AReleaseWaitsForWhatIsLent) {
  const auto all = *SharedView::Create(memory_, nullptr);
  const GuestBuffer buffer{kMiB, 8};
  std::optional<SharedView::Lease> lease = *all->Borrow({&buffer, 1});
  std::atomic<bool> returned = false;
  std::jthread release([&] {
    EXPECT_TRUE(shared_half_->Release({kMiB, kPageSize}).has_value());
    EXPECT_TRUE(returned);
  });
  // The view refuses the range as soon as the release began, lent or not.
  while (all->Load<uint64_t>(kMiB).has_value()) std::this_thread::yield();
  returned = true;
  lease.reset();
}

TEST_F(SharedViewTest, ConversionsAndDevicesAgreeUnderLoad) {
  constexpr uint64_t kPages = 64;
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 2; ++seed) {
    threads.emplace_back([this, seed] {
      std::minstd_rand random(seed);
      for (int i = 0; i < 2000; ++i) {
        const Gpa gpa = random() % kPages * kPageSize;
        const bool shared = random() % 2 == 0;
        const Result<> result = shared ? conversions_->ToShared(gpa, kPageSize)
                                       : conversions_->ToPrivate(gpa, kPageSize);
        EXPECT_TRUE(result.has_value());
      }
    });
    threads.emplace_back([this, seed] {
      std::minstd_rand random(seed + 100);
      std::array<uint8_t, 16> bytes = {1};
      for (int i = 0; i < 2000; ++i) {
        // Each device has its own bytes of a page: two that write the same ones race, as on a bus.
        static_cast<void>(view_->Write(random() % kPages * kPageSize + seed * bytes.size(), bytes));
      }
    });
  }
  threads.clear();
  // What a device wrote lies in pages that are shared now, and in no others.
  EXPECT_LE(*shared_half_->AllocatedBytes(), conversions_->counters().shared_bytes);
}

}  // namespace
}  // namespace sealvm
