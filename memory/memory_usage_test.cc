// SPDX-License-Identifier: Apache-2.0
#include "memory/memory_usage.h"

#include <gtest/gtest.h>
#include <string.h>
#include <sys/mman.h>

#include "memory/base/mapping.h"
#include "memory/guest_layout.h"
#include "memory/memfd_provider.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 8 * kMiB;

TEST(MemoryUsageTest, CountsWhatComesAndGoes) {
  const std::shared_ptr<PrivateMemory> memory = *MemfdProvider().Create(kSize, {});
  const auto usage = *MemoryUsage::Watch(memory);
  EXPECT_EQ(usage->Get().bytes, 0u);
  ASSERT_TRUE(memory->Allocate({0, 4 * kMiB}).has_value());
  ASSERT_TRUE(memory->Release({0, 3 * kMiB}).has_value());
  const MemoryUsage::Snapshot snapshot = usage->Get();
  EXPECT_EQ(snapshot.bytes, 1 * kMiB);
  EXPECT_EQ(snapshot.peak_bytes, 4 * kMiB);
  EXPECT_EQ(snapshot.allocations, 1u);
  EXPECT_EQ(snapshot.allocated_bytes, 4 * kMiB);
  EXPECT_EQ(snapshot.releases, 1u);
  EXPECT_EQ(snapshot.released_bytes, 3 * kMiB);
}

// What a guest touches comes without an Allocate, and is in the peak all the same.
TEST(MemoryUsageTest, PeakKnowsWhatWasTouched) {
  const std::shared_ptr<PrivateMemory> memory = *MemfdProvider().Create(kSize, {});
  const auto usage = *MemoryUsage::Watch(memory);
  const Mapping mapping =
      *Mapping::Create(kSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd(), 0, "test");
  memset(mapping.data(), 1, 2 * kMiB);
  ASSERT_TRUE(memory->Release({0, 2 * kMiB}).has_value());
  EXPECT_EQ(usage->Get().bytes, 0u);
  EXPECT_EQ(usage->Get().peak_bytes, 2 * kMiB);
}

TEST(MemoryUsageTest, MemoryOutlivesItsWatch) {
  const std::shared_ptr<PrivateMemory> memory = *MemfdProvider().Create(kSize, {});
  { const auto usage = *MemoryUsage::Watch(memory); }
  EXPECT_EQ(memory->notifier().consumers(), 0u);
  EXPECT_TRUE(memory->Allocate({0, kMiB}).has_value());
}

}  // namespace
}  // namespace sealvm
