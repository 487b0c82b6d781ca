// SPDX-License-Identifier: Apache-2.0
// A DMA mapping (VFIO, iommufd) as a consumer of the falloc notifier. It stands for what such a
// consumer has to do; docs/memory.md says it in words.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "memory/base/mapping.h"
#include "memory/guest_layout.h"
#include "memory/memfd_provider.h"
#include "memory/page_set.h"

namespace sealvm {
namespace {

constexpr uint64_t kPages = 256;
constexpr uint64_t kSize = kPages * kPageSize;

// An IOMMU's table as a set of pages. Populated pages are mapped; unmapping returns only when no
// device access to the range is under way, as an IOTLB flush does.
class DmaMapping : public FallocConsumer {
 public:
  std::string_view Name() const override { return "DMA mapping"; }

  void OnAllocate(BackingRange range) override {
    const std::lock_guard lock(mutex_);
    mapped_.Add(range);
  }
  void OnInvalidateStart(BackingRange range) override {
    const std::lock_guard lock(mutex_);
    mapped_.Remove(range);
  }
  void OnInvalidateEnd(BackingRange) override {}

  // A device's access: `touch` runs while the page cannot go.
  template <typename Touch>
  bool Access(uint64_t offset, Touch touch) {
    const std::lock_guard lock(mutex_);
    if (!mapped_.ContainsAll({offset, kPageSize})) return false;
    touch();
    return true;
  }
  uint64_t mapped_bytes() {
    const std::lock_guard lock(mutex_);
    return mapped_.bytes();
  }

 private:
  std::mutex mutex_;
  PageSet mapped_ = *PageSet::Create(kSize);
};

TEST(DmaConsumerTest, FollowsAllocationAndRelease) {
  const std::shared_ptr<PrivateMemory> memory = *MemfdProvider().Create(kSize, {});
  const auto dma = std::make_shared<DmaMapping>();
  const auto registration = *memory->notifier().Register(dma, NewVmIdentity());
  EXPECT_FALSE(dma->Access(0, [] {}));
  ASSERT_TRUE(memory->Allocate({0, 16 * kPageSize}).has_value());
  EXPECT_TRUE(dma->Access(15 * kPageSize, [] {}));
  EXPECT_FALSE(dma->Access(16 * kPageSize, [] {}));
  ASSERT_TRUE(memory->Release({8 * kPageSize, 16 * kPageSize}).has_value());
  EXPECT_FALSE(dma->Access(8 * kPageSize, [] {}));
  EXPECT_EQ(dma->mapped_bytes(), 8 * kPageSize);
}

// A device that wrote to a page after it was released would populate it again: the memory's own
// count would then be above what is mapped.
TEST(DmaConsumerTest, ADeviceNeverTouchesAReleasedPage) {
  const std::shared_ptr<PrivateMemory> memory = *MemfdProvider().Create(kSize, {});
  const auto dma = std::make_shared<DmaMapping>();
  const auto registration = *memory->notifier().Register(dma, NewVmIdentity());
  const Mapping host =
      *Mapping::Create(kSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd(), 0, "test");
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> accesses = 0;
  const auto device = [&](unsigned seed) {
    std::minstd_rand random(seed);
    while (!stop) {
      const uint64_t offset = random() % kPages * kPageSize;
      accesses +=
          dma->Access(offset, [&] { std::atomic_ref(host.data()[offset]).store(1); }) ? 1 : 0;
    }
  };
  const auto owner = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < 3000; ++i) {
      const uint64_t first = random() % kPages;
      const BackingRange range = {first * kPageSize, (1 + random() % (kPages - first)) * kPageSize};
      EXPECT_TRUE((i % 2 == 0 ? memory->Allocate(range) : memory->Release(range)).has_value());
    }
  };
  std::jthread first_device(device, 1);
  std::jthread second_device(device, 2);
  {
    const std::jthread first_owner(owner, 3);
    const std::jthread second_owner(owner, 4);
  }
  stop = true;
  first_device.join();
  second_device.join();
  EXPECT_GT(accesses, 0u);
  ASSERT_TRUE(memory->Release({0, kSize}).has_value());
  EXPECT_EQ(*memory->AllocatedBytes(), 0u);
  EXPECT_EQ(dma->mapped_bytes(), 0u);
}

}  // namespace
}  // namespace sealvm
