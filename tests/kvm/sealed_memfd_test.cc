// SPDX-License-Identifier: Apache-2.0
// A memfd with the guest seal under a running guest, on kernels with the patches of kernel/: whose
// it is, and what allocation and holes do. The lab runs it on such a kernel; elsewhere it is
// skipped.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>

#include "memory/base/endian.h"
#include "memory/base/mapping.h"
#include "tests/kvm/guest_fixture.h"
#include "vmm/isolation/private_memory_kind.h"

namespace sealvm {
namespace {

constexpr Gpa kSealedBase = 0x80000;  // where guest memory_cell looks
constexpr uint64_t kSize = 32 * kPageSize;
constexpr uint32_t kSlot = 1;

class SealedMemfdTest : public GuestTest {
 protected:
  void SetUp() override {
    GuestTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const Result<kvm::Vm> probe = CreateVmFor(PrivateMemoryKind::kSeal, system());
    if (!probe) GTEST_SKIP() << probe.error().ToString();
    unmapped_.emplace(
        *Mapping::Create(kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "no memory"));
    sealed_ = *CreatePrivateMemory(PrivateMemoryKind::kSeal, vm(), kSize, {});
  }

  Result<> Bind(kvm::Vm& to, uint64_t offset = 0) {
    return BindPrivateMemory(PrivateMemoryKind::kSeal, to, *sealed_,
                             {.slot = kSlot,
                              .gpa = kSealedBase,
                              .size = kSize - offset,
                              .offset = offset,
                              .unmapped_hva = reinterpret_cast<uint64_t>(unmapped_->data())});
  }

  // What guest memory_cell reads after it stored `value`, unless that is 0.
  uint32_t Cell(kvm::Vcpu& vcpu, uint32_t value) {
    const kvm::VcpuExit asks = RunToExit(vcpu);
    const auto* in = std::get_if<kvm::IoExit>(&asks);
    if (in == nullptr || in->is_write) {
      ADD_FAILURE() << "the guest does not ask: " << kvm::ExitName(asks);
      return 0;
    }
    StoreLeAny(in->data, value);
    const kvm::VcpuExit tells = RunToExit(vcpu);
    const auto* out = std::get_if<kvm::IoExit>(&tells);
    if (out == nullptr || !out->is_write) {
      ADD_FAILURE() << "the guest does not tell: " << kvm::ExitName(tells);
      return 0;
    }
    return static_cast<uint32_t>(LoadLeAny(out->data));
  }

  uint64_t Blocks() const {
    struct stat status = {};
    EXPECT_EQ(fstat(sealed_->fd(), &status), 0);
    return static_cast<uint64_t>(status.st_blocks) * 512;
  }

  PrivateMemory& sealed() { return *sealed_; }
  int fd() const { return sealed_->fd(); }

 private:
  std::optional<Mapping> unmapped_;
  std::shared_ptr<PrivateMemory> sealed_;
};

TEST_F(SealedMemfdTest, GuestReadsWhatItWroteAndItsPagesAreCounted) {
  ASSERT_TRUE(Bind(vm()));
  kvm::Vcpu vcpu = LoadGuest(memory_cell_guest());
  EXPECT_EQ(Blocks(), 0u);
  EXPECT_EQ(Cell(vcpu, 0xcafef00d), 0xcafef00d);
  EXPECT_EQ(Cell(vcpu, 0), 0xcafef00d);
  EXPECT_EQ(Blocks(), kPageSize);
}

TEST_F(SealedMemfdTest, HoleUnderTheGuestTakesItsPageAway) {
  ASSERT_TRUE(Bind(vm()));
  kvm::Vcpu vcpu = LoadGuest(memory_cell_guest());
  ASSERT_EQ(Cell(vcpu, 0xcafef00d), 0xcafef00d);
  ASSERT_TRUE(sealed().Release({0, kPageSize}));
  EXPECT_EQ(Blocks(), 0u);
  EXPECT_EQ(Cell(vcpu, 0), 0u);
  EXPECT_EQ(Blocks(), kPageSize);  // the guest's load asked for it
}

TEST_F(SealedMemfdTest, AllocationPopulatesAndKeepsWhatIsThere) {
  ASSERT_TRUE(Bind(vm()));
  kvm::Vcpu vcpu = LoadGuest(memory_cell_guest());
  ASSERT_EQ(Cell(vcpu, 0xcafef00d), 0xcafef00d);
  ASSERT_TRUE(sealed().Allocate({0, kSize}));
  EXPECT_EQ(Blocks(), kSize);
  EXPECT_EQ(Cell(vcpu, 0), 0xcafef00d);
  ASSERT_TRUE(sealed().Release({4 * kPageSize, 8 * kPageSize}));
  EXPECT_EQ(Blocks(), kSize - 8 * kPageSize);
  EXPECT_EQ(Cell(vcpu, 0), 0xcafef00d);
}

TEST_F(SealedMemfdTest, HolesOfPartsOfPagesAreRefused) {
  ASSERT_TRUE(sealed().Allocate({0, kSize}));
  for (const auto& [offset, length] : {std::pair<off_t, off_t>{0, 100}, {100, kPageSize}}) {
    EXPECT_EQ(fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length), -1);
    EXPECT_EQ(errno, EINVAL);
  }
  EXPECT_EQ(Blocks(), kSize);
}

TEST_F(SealedMemfdTest, HostIsRefusedWhileTheGuestRuns) {
  ASSERT_TRUE(Bind(vm()));
  kvm::Vcpu vcpu = LoadGuest(memory_cell_guest());
  ASSERT_EQ(Cell(vcpu, 0xcafef00d), 0xcafef00d);
  std::array<uint8_t, 16> bytes = {};
  EXPECT_EQ(pread(fd(), bytes.data(), bytes.size(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(pwrite(fd(), bytes.data(), bytes.size(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
    for (const int protection : {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE}) {
      EXPECT_EQ(mmap(nullptr, kPageSize, protection, flags, fd(), 0), MAP_FAILED);
      EXPECT_EQ(errno, EPERM);
    }
  }
  EXPECT_EQ(Cell(vcpu, 0), 0xcafef00d);
}

TEST_F(SealedMemfdTest, SecondVmIsRefused) {
  ASSERT_TRUE(Bind(vm()));
  kvm::Vm other = *system().CreateVm();
  const Result<> bound = Bind(other);
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().os_error, EPERM) << bound.error().ToString();
}

TEST_F(SealedMemfdTest, MemoryOfADeadVmIsNoOneElses) {
  std::optional<kvm::Vm> first(*system().CreateVm());
  ASSERT_TRUE(Bind(*first));
  first.reset();
  const Result<> bound = Bind(vm());
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().os_error, EPERM) << bound.error().ToString();
}

TEST_F(SealedMemfdTest, RangeIsBoundOnce) {
  ASSERT_TRUE(Bind(vm()));
  const Result<> again = BindPrivateMemory(PrivateMemoryKind::kSeal, vm(), sealed(),
                                           {.slot = kSlot + 1, .gpa = 0x200000, .size = kSize});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().os_error, EINVAL) << again.error().ToString();
}

TEST_F(SealedMemfdTest, OrdinaryMemfdIsNotTaken) {
  const Fd plain(memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(plain.get(), static_cast<off_t>(kSize)), 0);
  const Result<> bound = vm().SetUserMemoryRegion(
      {.slot = kSlot, .gpa = kSealedBase, .size = kSize, .private_fd = plain.get()});
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().os_error, EINVAL) << bound.error().ToString();
}

}  // namespace
}  // namespace sealvm
