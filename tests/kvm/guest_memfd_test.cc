// SPDX-License-Identifier: Apache-2.0
// guest_memfd on the machine's own KVM: who can reach it, how it binds to memslots, what allocation
// and release do. No guest runs from it here; the lab does that.
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>

#include "memory/guest_memfd_provider.h"
#include "memory/host_access_probe.h"
#include "tests/kvm/guest_fixture.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 64 * kPageSize;

class GuestMemfdTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kvm::System::kDevice, R_OK | W_OK) != 0) {
      GTEST_SKIP() << kvm::System::kDevice << ": " << strerror(errno);
    }
    vm_.emplace(*kvm::System::Open()->CreateVm());
    const int flags = *vm_->CheckExtension(KVM_CAP_GUEST_MEMFD_FLAGS);
    constexpr int kNeeded = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED;
    if ((flags & kNeeded) != kNeeded) {
      GTEST_SKIP() << "KVM_CAP_GUEST_MEMFD_FLAGS is " << flags
                   << ": this kernel lets no default VM use guest_memfd (Linux 6.18 does)";
    }
  }

  GuestMemfdProvider Provider(uint64_t flags) {
    return GuestMemfdProvider(
        [this, flags](uint64_t size) { return vm_->CreateGuestMemfd(size, flags); });
  }
  std::shared_ptr<PrivateMemory> Make(const MemoryPolicy& policy = {}) {
    return *Provider(GUEST_MEMFD_FLAG_MMAP).Create(kSize, policy);
  }
  kvm::Vm& vm() { return *vm_; }

 private:
  std::optional<kvm::Vm> vm_;
};

kvm::Memslot SlotOf(const PrivateMemory& memory, uint32_t slot, Gpa gpa) {
  return {.slot = slot, .gpa = gpa, .size = memory.size(), .private_fd = memory.fd()};
}

TEST_F(GuestMemfdTest, PrivateMemoryHasNoDoorForTheHost) {
  for (const uint64_t flags : {uint64_t{0}, uint64_t{GUEST_MEMFD_FLAG_MMAP}}) {
    const auto memory = Provider(flags).Create(kSize, {});
    ASSERT_TRUE(memory.has_value()) << flags << ": " << memory.error().ToString();
    EXPECT_FALSE((*memory)->can_host_access());
    const HostAccess access = *ProbeHostAccess((*memory)->fd(), kSize);
    EXPECT_FALSE(access.any()) << access.answers;
  }
}

TEST_F(GuestMemfdTest, SharedMemoryIsNotTakenForPrivate) {
  const auto memory =
      Provider(GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED).Create(kSize, {});
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().kind, ErrorKind::kRefused);
}

TEST_F(GuestMemfdTest, AllocatedMemoryStaysOutOfReach) {
  const auto memory = Make({.prefault = true});
  EXPECT_EQ(*memory->AllocatedBytes(), kSize);
  EXPECT_FALSE(ProbeHostAccess(memory->fd(), kSize)->any());
}

TEST_F(GuestMemfdTest, ReleasedPagesAreCountedOff) {
  const auto memory = Make({.prefault = true});
  ASSERT_TRUE(memory->Release({4 * kPageSize, 8 * kPageSize}).has_value());
  EXPECT_EQ(*memory->AllocatedBytes(), kSize - 8 * kPageSize);
  EXPECT_TRUE(memory->Allocate({4 * kPageSize, kPageSize}).has_value());
  EXPECT_EQ(*memory->AllocatedBytes(), kSize - 7 * kPageSize);
}

TEST_F(GuestMemfdTest, BindsToAMemslotAndIsGivenBackWithIt) {
  const auto memory = Make();
  ASSERT_TRUE(vm().SetUserMemoryRegion(SlotOf(*memory, 0, 0x10000)).has_value());
  // A range is bound once: EEXIST from Linux 7.2 on, EINVAL before.
  EXPECT_FALSE(vm().SetUserMemoryRegion(SlotOf(*memory, 1, 0x10000000)).has_value());
  ASSERT_TRUE(vm().SetUserMemoryRegion({.slot = 0}).has_value());
  EXPECT_TRUE(vm().SetUserMemoryRegion(SlotOf(*memory, 1, 0x10000000)).has_value());
}

TEST_F(GuestMemfdTest, BoundSlotCannotBeChanged) {
  const auto memory = Make();
  kvm::Memslot slot = SlotOf(*memory, 0, 0x10000);
  ASSERT_TRUE(vm().SetUserMemoryRegion(slot).has_value());
  slot.gpa = 0x20000;
  const Result<> moved = vm().SetUserMemoryRegion(slot);
  ASSERT_FALSE(moved.has_value());
  EXPECT_EQ(moved.error().os_error, EINVAL);
}

TEST_F(GuestMemfdTest, MemoryOfAnotherVmIsRefused) {
  const auto memory = Make();
  kvm::Vm other = *kvm::System::Open()->CreateVm();
  const Result<> bound = other.SetUserMemoryRegion(SlotOf(*memory, 0, 0x10000));
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().os_error, EINVAL);
}

TEST_F(GuestMemfdTest, RangesOutsideTheFileAreRefused) {
  const auto memory = Make();
  kvm::Memslot slot = SlotOf(*memory, 0, 0x10000);
  slot.private_offset = kPageSize;
  EXPECT_FALSE(vm().SetUserMemoryRegion(slot).has_value());
  slot.private_offset = 1;
  EXPECT_FALSE(vm().SetUserMemoryRegion(slot).has_value());
}

TEST_F(GuestMemfdTest, ErrorsNameTheMemslot) {
  const auto memory = Make();
  kvm::Memslot slot = SlotOf(*memory, 3, 0x10000);
  slot.size = 2 * kSize;
  const Result<> bound = vm().SetUserMemoryRegion(slot);
  ASSERT_FALSE(bound.has_value());
  EXPECT_NE(bound.error().message.find("memslot 3"), std::string::npos) << bound.error().message;
}

TEST_F(GuestMemfdTest, AttributesNeedAVmWithPrivateMemory) {
  const Result<> set = vm().SetMemoryPrivate(0, kSize, true);
  if (*vm().CheckExtension(KVM_CAP_MEMORY_ATTRIBUTES) == 0) {
    EXPECT_FALSE(set.has_value());
  } else {
    EXPECT_TRUE(set.has_value()) << set.error().ToString();
  }
}

}  // namespace
}  // namespace sealvm
