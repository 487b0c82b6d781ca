// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/linux_kernel.h"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "guest-fw/measured/no_isolation.h"
#include "guest-fw/measured/testing_host.h"
#include "guest-fw/measured/testing_machine.h"

namespace sealvm::measured {
namespace {

class SetupHeaderTest : public testing::Test {
 protected:
  template <typename T>
  void Put(size_t at, T value) {
    memcpy(kernel_.data() + at, &value, sizeof(value));
  }
  Failure Parse(uint32_t size = kTestSetupSize) {
    return ParseSetupHeader(kernel_.data(), size, &header_);
  }

  std::vector<uint8_t> kernel_ = MakeBzImage();
  SetupHeader header_;
};

TEST_F(SetupHeaderTest, IsRead) {
  ASSERT_EQ(Parse(), Failure::kNone);
  EXPECT_EQ(header_.setup_size, kTestSetupSize);
  EXPECT_EQ(header_.header_size, 0x26cu - 0x1f1u);
  EXPECT_TRUE(header_.relocatable);
  EXPECT_EQ(header_.alignment, kLargePage);
  EXPECT_EQ(header_.preferred_address, 0x1000000u);
  EXPECT_EQ(header_.cmdline_size, 2047u);
}

TEST_F(SetupHeaderTest, HasFourSectorsWhereItSaysNone) {
  Put<uint8_t>(0x1f1, 0);
  ASSERT_EQ(Parse(), Failure::kNone);
  EXPECT_EQ(header_.setup_size, 5u * 512);
}

TEST_F(SetupHeaderTest, EndsWhereBootParamsHasRoom) {
  Put<uint8_t>(0x201, 0xff);
  ASSERT_EQ(Parse(), Failure::kNone);
  EXPECT_EQ(header_.header_size, 0x290u - 0x1f1u);
}

TEST_F(SetupHeaderTest, OfOtherFilesIsRefused) {
  const struct {
    size_t at;
    uint8_t value;
  } kCases[] = {
      {0x1fe, 0}, {0x202, 0}, {0x206, 0x0b}, {0x211, 0}, {0x236, 0}, {0x201, 0x60}, {0x258, 1},
  };
  for (const auto& [at, value] : kCases) {
    kernel_ = MakeBzImage();
    Put(at, value);
    EXPECT_EQ(Parse(), Failure::kKernelHeader) << at;
  }
  kernel_ = MakeBzImage();
  EXPECT_EQ(Parse(0x28f), Failure::kKernelHeader);
}

TEST_F(SetupHeaderTest, WithImpossibleAlignmentIsRefused) {
  for (const uint32_t alignment : {0u, 1u, 0x800u, 0x300000u}) {
    Put(0x230, alignment);
    EXPECT_EQ(Parse(), Failure::kKernelHeader) << alignment;
  }
}

class LoadKernelTest : public testing::Test {
 protected:
  Failure Load(uint64_t ram_size) {
    AddBootFiles(host_.fw_cfg, kernel_, {}, "");
    FwCfg fw_cfg(isolation_, memory_.guest());
    RamMap ram(uint64_t{1} << 47);
    EXPECT_EQ(ram.Add({.base = 0, .size = ram_size}), Failure::kNone);
    EXPECT_EQ(ram.Finish(), Failure::kNone);
    return LoadKernel(fw_cfg, memory_.guest(), ram, loader::Sha256Engine::kScalar, nullptr,
                      &loaded_);
  }

  std::vector<uint8_t> kernel_ = MakeBzImage();
  TestMemory memory_;
  TestHost host_{TestHost::Kind::kNone, memory_};
  NoIsolation isolation_{host_};
  LoadedKernel loaded_;
};

TEST_F(LoadKernelTest, GoesWhereTheKernelPrefers) {
  ASSERT_EQ(Load(32 * kOneMiB), Failure::kNone);
  EXPECT_EQ(loaded_.entry, 0x1000200u);
}

TEST_F(LoadKernelTest, GoesElsewhereInASmallMachine) {
  ASSERT_EQ(Load(8 * kOneMiB), Failure::kNone);
  EXPECT_EQ(loaded_.entry, 0x200200u);
}

TEST_F(LoadKernelTest, StaysOutWithoutRoom) {
  const uint32_t init_size = 64 * kOneMiB;
  memcpy(kernel_.data() + 0x260, &init_size, sizeof(init_size));
  EXPECT_EQ(Load(32 * kOneMiB), Failure::kKernelSize);
}

TEST_F(LoadKernelTest, StaysOutWhereItCannotBeMoved) {
  kernel_[0x234] = 0;
  EXPECT_EQ(Load(8 * kOneMiB), Failure::kKernelSize);
}

}  // namespace
}  // namespace sealvm::measured
