// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/isolation_choice.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "vmm/boot/testing/elf_builder.h"

namespace sealvm {
namespace {

constexpr std::string_view kMessage = "Memory Encryption Features active:";

KernelImage KernelWith(std::string_view text, size_t at, std::vector<uint8_t>& storage) {
  std::vector<uint8_t> segment(3 << 20);
  std::ranges::copy(text, segment.begin() + static_cast<ptrdiff_t>(at));
  const uint64_t size = segment.size();
  storage = ElfBuilder().Segment(kTinyVmlinuxBase, std::move(segment), size).LinuxNote().Build();
  return *KernelImage::FromBytes("test kernel", storage);
}

TEST(KnowsMemoryEncryptionTest, FindsTheMessageWhereverItLies) {
  // Around the border of a chunk too; the segment does not begin at the file's first byte.
  for (const size_t at : {size_t{0}, size_t{1} << 20, (size_t{3} << 20) - kMessage.size()}) {
    std::vector<uint8_t> storage;
    EXPECT_TRUE(*KnowsMemoryEncryption(KernelWith(kMessage, at, storage))) << at;
  }
  for (size_t back = 0; back < 0x1100; back += 11) {
    std::vector<uint8_t> storage;
    ASSERT_TRUE(*KnowsMemoryEncryption(KernelWith(kMessage, (size_t{2} << 20) - back, storage)))
        << back;
  }
}

TEST(KnowsMemoryEncryptionTest, KernelWithoutItDoesNot) {
  std::vector<uint8_t> storage;
  EXPECT_FALSE(*KnowsMemoryEncryption(KernelWith("Memory Encryption Features", 0, storage)));
}

class ChooseIsolationTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kvm::System::kDevice, R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/kvm";
    system_.emplace(*kvm::System::Open());
  }
  Result<IsolationChoice> Choose(const MachineConfig& config) {
    return ChooseIsolation(config, *system_, kernel_);
  }

  std::vector<uint8_t> storage_;
  const KernelImage kernel_ = KernelWith("no message", 0, storage_);
  std::optional<kvm::System> system_;
  MachineConfig config_;
};

TEST_F(ChooseIsolationTest, NamedModesAreThemselvesOrRefused) {
  config_.isolation = IsolationMode::kNone;
  EXPECT_EQ(Choose(config_)->mode, IsolationMode::kNone);
  // Whether the host has it is asked when its VM is made.
  config_.isolation = IsolationMode::kTdx;
  EXPECT_EQ(Choose(config_)->mode, IsolationMode::kTdx);
  config_.isolation = IsolationMode::kSealed;
  const Result<IsolationChoice> sealed = Choose(config_);
  if (sealed) {
    EXPECT_EQ(sealed->mode, IsolationMode::kSealed);
    EXPECT_TRUE(sealed->private_kind.has_value());
  } else {
    EXPECT_EQ(sealed.error().kind, ErrorKind::kRefused) << sealed.error().ToString();
  }
}

TEST_F(ChooseIsolationTest, AutoGoesBackToNoneAndSaysWhy) {
  config_.kernel = "/boot/vmlinux";  // not the diagnostic guest
  const Result<IsolationChoice> plain = Choose(config_);
  ASSERT_TRUE(plain.has_value()) << plain.error().ToString();
  EXPECT_EQ(plain->mode, IsolationMode::kNone);
  EXPECT_NE(plain->why_not_stronger.find("sealed"), std::string::npos) << plain->why_not_stronger;
}

TEST_F(ChooseIsolationTest, AutoMindsWhatPrivateMemoryCannotHave) {
  config_.memory.huge_pages = HugePages::k2M;
  EXPECT_NE(Choose(config_)->why_not_stronger.find("huge pages"), std::string::npos);
  config_.memory.huge_pages = HugePages::kDefault;
  config_.kernel_protocol = KernelProtocol::kPvh;
  EXPECT_NE(Choose(config_)->why_not_stronger.find("PVH"), std::string::npos);
  config_.kernel_protocol = KernelProtocol::kAuto;
  config_.memory_lock_limit = 0;
  EXPECT_NE(Choose(config_)->why_not_stronger.find("--memory-lock-limit"), std::string::npos);
}

}  // namespace
}  // namespace sealvm
