// SPDX-License-Identifier: Apache-2.0
// A sealed guest's memory on the machine's own KVM: launch, conversions as a guest asks for them,
// hostile ones included, and who hears of them. No instruction runs in it here; the lab does that.
#include <asm/kvm_para.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/kvm_para.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "guest-fw/loader/handover_schema.h"
#include "memory/memfd_provider.h"
#include "vmm/isolation/sealed/host_cpu.h"
#include "vmm/isolation/sealed/sealed_cpuid.h"
#include "vmm/machine/sealed_exits.h"
#include "vmm/machine/sealed_launch.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 64 * kMiB;
constexpr Gpa kKernel = 16 * kMiB;

class SealedGuestTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kvm::System::kDevice, R_OK | W_OK) != 0) {
      GTEST_SKIP() << kvm::System::kDevice << ": " << strerror(errno);
    }
    system_.emplace(*kvm::System::Open());
    Result<kvm::Vm> vm = CreateVmFor(PrivateMemoryKind::kGuestMemfd, *system_);
    if (!vm) GTEST_SKIP() << vm.error().ToString();
    vm_.emplace(*std::move(vm));
  }

  MachineConfig Config() {
    MachineConfig config;
    config.isolation = IsolationMode::kSealed;
    config.memory_bytes = kSize;
    return config;
  }
  // With a first MiB that is shared for good.
  void Make(MachineConfig config) {
    config.cpus = 2;
    auto guest = CreateSealedGuest(config, PrivateMemoryKind::kGuestMemfd, *system_, *vm_);
    ASSERT_TRUE(guest.has_value()) << guest.error().ToString();
    Take(*std::move(guest));
  }
  void Take(std::unique_ptr<SealedGuest> guest) {
    guest_ = std::move(guest);
    exits_.emplace(*guest_,
                   Logger(LogLevel::kInfo,
                          [this](LogLevel, std::string_view line) { log_.emplace_back(line); }),
                   [this](Error error) { stop_ = std::move(error); });
  }
  Result<EntryState> Stage() {
    GuestMemory image = *GuestMemory::Create(
        guest_->layout().ram(), *MemfdProvider().Create(guest_->layout().ram().ram_size(), {}));
    EXPECT_TRUE(image.Fill(kKernel, kMiB, 0x90).has_value());
    const std::vector<LoadedRegion> regions = {{"--kernel /boot/vmlinux", kKernel, kMiB}};
    EntryState entry;
    entry.rip = kKernel;
    return guest_->Stage({.image = image, .regions = regions, .entry = entry, .cpus = 2});
  }
  void Launch() {
    ASSERT_TRUE(Stage().has_value());
    exits_->OnLoaderStatus(kStatusDone);
    ASSERT_FALSE(stop_.has_value()) << stop_->ToString();
  }
  int64_t MapGpaRange(uint64_t gpa, uint64_t pages, uint64_t attributes) {
    uint64_t result = 1;
    exits_->OnHypercall(
        {.number = KVM_HC_MAP_GPA_RANGE, .arguments = {gpa, pages, attributes}, .result = &result});
    return static_cast<int64_t>(result);
  }
  uint64_t PrivateBytes() { return *guest_->private_memory().AllocatedBytes(); }

  std::optional<kvm::System> system_;
  std::optional<kvm::Vm> vm_;
  std::vector<std::string> log_;
  std::optional<Error> stop_;
  std::unique_ptr<SealedGuest> guest_;
  std::optional<SealedExits> exits_;
};

constexpr uint64_t kToShared = KVM_MAP_GPA_RANGE_DECRYPTED;
constexpr uint64_t kToPrivate = KVM_MAP_GPA_RANGE_ENCRYPTED;

TEST_F(SealedGuestTest, TakesWhatTheLoaderFillsAndNoMore) {
  Make(Config());
  EXPECT_EQ(PrivateBytes(), 0u);
  ASSERT_TRUE(Stage().has_value());
  EXPECT_GE(PrivateBytes(), kMiB);
  EXPECT_LE(PrivateBytes(), 2 * kMiB);
  EXPECT_EQ(guest_->private_usage().Get().bytes, PrivateBytes());
}

TEST_F(SealedGuestTest, PrefaultTakesEverything) {
  MachineConfig config = Config();
  config.memory.prefault = true;
  Make(config);
  EXPECT_EQ(PrivateBytes(), kSize);
}

TEST_F(SealedGuestTest, WindowIsGoneAfterTheLaunch) {
  Make(Config());
  ASSERT_TRUE(Stage().has_value());
  EXPECT_FALSE(guest_->launched());
  exits_->OnLoaderStatus(kStatusDone);
  EXPECT_FALSE(stop_.has_value());
  EXPECT_TRUE(guest_->launched());
  exits_->OnLoaderStatus(kStatusDone);
  exits_->OnLoaderStatus(0);
  EXPECT_FALSE(stop_.has_value()) << "the port has no meaning any more";
}

TEST_F(SealedGuestTest, LoadersRefusalEndsTheMachineAndNamesTheFile) {
  Make(Config());
  ASSERT_TRUE(Stage().has_value());
  // Payload 0 is the loader.
  exits_->OnLoaderStatus(kStatusMagic | uint32_t{0x26} << 8 | 1);
  ASSERT_TRUE(stop_.has_value());
  EXPECT_EQ(stop_->kind, ErrorKind::kHost);
  EXPECT_NE(stop_->message.find("--kernel /boot/vmlinux"), std::string::npos) << stop_->message;
  EXPECT_FALSE(guest_->launched());
}

TEST_F(SealedGuestTest, ConversionsReleaseTheHalfThatIsLeftBehind) {
  Make(Config());
  Launch();
  const Gpa range = 32 * kMiB;
  const uint64_t pages = 4 * kMiB / kPageSize;
  ASSERT_TRUE(guest_->private_memory().Allocate({range, 4 * kMiB}).has_value());
  const uint64_t before = PrivateBytes();
  EXPECT_EQ(MapGpaRange(range, pages, kToShared), 0);
  EXPECT_EQ(PrivateBytes(), before - 4 * kMiB);
  const std::array<uint8_t, 1> byte = {1};
  ASSERT_TRUE(guest_->view()->Write(range, byte).has_value());
  EXPECT_EQ(guest_->shared_usage().Get().bytes, kPageSize);
  EXPECT_EQ(MapGpaRange(range, pages, kToPrivate), 0);
  EXPECT_EQ(PrivateBytes(), before);
  EXPECT_EQ(guest_->shared_usage().Get().bytes, 0u);
  MachineStats stats;
  AddMemoryStats(*guest_, stats);
  EXPECT_EQ(stats.private_memory->conversions_to_shared, 1u);
  EXPECT_EQ(stats.private_memory->conversions_to_private, 1u);
  EXPECT_EQ(stats.private_memory->private_peak_bytes, before);
  EXPECT_EQ(stats.memory_private_bytes, kSize - kMiB);
}

TEST_F(SealedGuestTest, DevicesReachWhatTheGuestToldAndNothingElse) {
  const auto address = *PhysicalAddressBitsOf(*system_->SupportedCpuid());
  SealedGuest::Options options;
  options.guest_tells_conversions = true;
  Take(*SealedGuest::Create(options, *vm_,
                            *SealedLayout::Create(*GuestLayout::Create(kSize), address, 2)));
  Launch();
  std::array<uint8_t, 16> bytes = {};
  EXPECT_TRUE(guest_->view()->Read(0x1000, bytes).has_value()) << "the first MiB is shared";
  EXPECT_FALSE(guest_->view()->Read(8 * kMiB, bytes).has_value());
  EXPECT_EQ(MapGpaRange(8 * kMiB, 1, kToShared), 0);
  EXPECT_TRUE(guest_->view()->Read(8 * kMiB, bytes).has_value());
  EXPECT_EQ(guest_->view()->refused(), 1u);
}

TEST_F(SealedGuestTest, HostileConversionsAreRefusedAndChangeNothing) {
  Make(Config());
  Launch();
  const uint64_t before = PrivateBytes();
  const Gpa c_bit = guest_->layout().c_mask();
  const struct {
    Gpa gpa;
    uint64_t pages;
  } bad[] = {{kSize, 1},
             {kSize - kPageSize, 2},
             {kKernel, 0},
             {kKernel + 1, 1},
             {kKernel, UINT64_MAX},
             {kKernel, UINT64_MAX / kPageSize},
             {UINT64_MAX - kPageSize + 1, 1},
             {UINT64_MAX - kPageSize + 1, 2},
             {0xfee00000, 1},
             {kSealedPlatformBase, 1},
             {guest_->layout().window_base(), 1},
             {c_bit, 1},
             {c_bit | kKernel, 1},
             {0, kSize / kPageSize + 1}};
  for (const auto& range : bad) {
    for (const uint64_t attributes : {kToShared, kToPrivate}) {
      EXPECT_EQ(MapGpaRange(range.gpa, range.pages, attributes), -KVM_EINVAL)
          << std::hex << range.gpa << "+" << range.pages;
    }
  }
  EXPECT_EQ(PrivateBytes(), before);
  EXPECT_EQ(guest_->conversions().counters().refused, 2 * std::size(bad));
  const auto about_refusals = [](const std::string& line) {
    return line.find("a page conversion") != line.npos;
  };
  EXPECT_EQ(std::ranges::count_if(log_, about_refusals), 1)
      << "a guest must not fill the host's log";
}

TEST_F(SealedGuestTest, NoConversionsBeforeTheLaunchHasEnded) {
  Make(Config());
  ASSERT_TRUE(Stage().has_value());
  EXPECT_EQ(MapGpaRange(kKernel, 1, kToShared), -KVM_EPERM);
}

TEST_F(SealedGuestTest, OtherHypercallsAndMsrsAreNotThere) {
  Make(Config());
  uint64_t result = 0;
  exits_->OnHypercall({.number = 1234, .arguments = {}, .result = &result});
  EXPECT_EQ(static_cast<int64_t>(result), -KVM_ENOSYS);
  uint64_t value = 7;
  uint8_t refused = 0;
  exits_->OnMsr({.index = kMsrSevStatus, .value = &value, .refused = &refused});
  EXPECT_EQ(value, kSealedSevStatus);
  EXPECT_EQ(refused, 0);
  exits_->OnMsr({.index = kMsrSevStatus, .is_write = true, .value = &value, .refused = &refused});
  EXPECT_EQ(refused, 1);
}

TEST_F(SealedGuestTest, AMillionConversionsNeedNoMemoryOfTheVmm) {
  Make(Config());
  Launch();
  for (int i = 0; i < 20'000; ++i) {
    const Gpa page = kMiB + static_cast<uint64_t>(i * 7919 % 8000) * kPageSize;
    ASSERT_EQ(MapGpaRange(page, 1, i % 2 == 0 ? kToShared : kToPrivate), 0);
  }
  // A bit for each page is all there is, whatever the pattern.
  const PageConversions::Counters counters = guest_->conversions().counters();
  EXPECT_EQ(counters.private_bytes + counters.shared_bytes, kSize);
}

TEST_F(SealedGuestTest, FaultsAreResolvedOnlyWhereTheGuestGaveAPageUp) {
  Make(Config());
  Launch();
  const Gpa c_bit = guest_->layout().c_mask();
  ASSERT_EQ(MapGpaRange(8 * kMiB, 1, kToShared), 0);
  EXPECT_TRUE(
      exits_->OnMemoryFault({.gpa = c_bit | (8 * kMiB + 5), .size = kPageSize}).has_value());
  EXPECT_FALSE(guest_->conversions().IsShared(8 * kMiB));
  for (const Gpa gpa : {c_bit | 8 * kMiB, c_bit | kSize, Gpa{8 * kMiB}, Gpa{kSize}, UINT64_MAX}) {
    const Result<> resolved = exits_->OnMemoryFault({.gpa = gpa, .size = kPageSize});
    ASSERT_FALSE(resolved.has_value()) << std::hex << gpa;
    EXPECT_EQ(resolved.error().kind, ErrorKind::kHost);
  }
}

TEST_F(SealedGuestTest, ALimitBelowTheGuestsMemoryIsAnErrorBeforeAnythingIsTaken) {
  MachineConfig config = Config();
  config.memory_lock_limit = kSize - 1;
  const auto guest = CreateSealedGuest(config, PrivateMemoryKind::kGuestMemfd, *system_, *vm_);
  ASSERT_FALSE(guest.has_value());
  EXPECT_NE(guest.error().message.find("--memory-lock-limit"), std::string::npos);
}

TEST_F(SealedGuestTest, LinuxIsNotAskedToTellWhereItCannot) {
  if (!ReadHostCpu().is_intel) GTEST_SKIP() << "the host's CPU is not Intel's";
  MachineConfig config = Config();
  config.page_conversions = true;
  const auto guest = CreateSealedGuest(config, PrivateMemoryKind::kGuestMemfd, *system_, *vm_);
  ASSERT_FALSE(guest.has_value());
  EXPECT_EQ(guest.error().kind, ErrorKind::kRefused);
  EXPECT_NE(guest.error().message.find("--page-conversions"), std::string::npos);
}

TEST_F(SealedGuestTest, OneVmOwnsTheMemory) {
  Make(Config());
  class Consumer : public FallocConsumer {
   public:
    std::string_view Name() const override { return "another VM"; }
    void OnAllocate(BackingRange) override {}
    void OnInvalidateStart(BackingRange) override {}
    void OnInvalidateEnd(BackingRange) override {}
  };
  EXPECT_FALSE(guest_->private_memory()
                   .notifier()
                   .Register(std::make_shared<Consumer>(), NewVmIdentity())
                   .has_value());
}

}  // namespace
}  // namespace sealvm
