// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

void ExpectRejected(const MachineConfig& config, std::string_view named_option) {
  const Result<> result = ValidateConfig(config);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(result.error().message, HasSubstr(std::string(named_option)));
  EXPECT_EQ(result.error().ToString().find('\n'), std::string::npos);
}

TEST(ConfigTest, DefaultIsValid) { EXPECT_TRUE(ValidateConfig(MachineConfig{})); }

TEST(ConfigTest, SmallestAndLargestMemoryAreValid) {
  MachineConfig config;
  config.memory_bytes = kMinRamSize;
  EXPECT_TRUE(ValidateConfig(config));
  config.memory_bytes = kMaxRamSize;
  EXPECT_TRUE(ValidateConfig(config));
}

TEST(ConfigTest, MemoryOutsideLimitsIsRejected) {
  MachineConfig config;
  for (uint64_t size : {uint64_t{0}, uint64_t{1024}, kMinRamSize - kPageSize,
                        kMaxRamSize + kPageSize, UINT64_MAX}) {
    config.memory_bytes = size;
    ExpectRejected(config, "--memory");
  }
}

TEST(ConfigTest, MemoryOfBrokenPagesIsRejected) {
  MachineConfig config;
  config.memory_bytes = 16 * kMiB + 1;
  ExpectRejected(config, "--memory");
}

TEST(ConfigTest, HugePagesDemandTheirMultiple) {
  MachineConfig config;
  config.memory.huge_pages = HugePages::k1G;
  config.memory_bytes = 2 * kGiB;
  EXPECT_TRUE(ValidateConfig(config));
  config.memory_bytes = 2 * kGiB + 2 * kMiB;
  ExpectRejected(config, "--memory");
}

TEST(ConfigTest, CpuCountOutsideLimitsIsRejected) {
  MachineConfig config;
  for (uint32_t cpus : {0u, kMaxVcpus + 1, 10000u, UINT32_MAX}) {
    config.cpus = cpus;
    ExpectRejected(config, "--cpus");
  }
  config.cpus = kMaxVcpus;
  EXPECT_TRUE(ValidateConfig(config));
}

TEST(ConfigTest, PathWithZeroByteIsRejected) {
  MachineConfig config;
  config.kernel = std::string("vm\0linuz", 8);
  ExpectRejected(config, "--kernel");
}

TEST(ConfigTest, CmdlineLimitIsLinux) {
  MachineConfig config;
  config.kernel = "vmlinuz";
  config.cmdline.assign(kMaxCmdlineBytes, 'a');
  EXPECT_TRUE(ValidateConfig(config));
  config.cmdline.push_back('a');
  ExpectRejected(config, "--cmdline");
}

TEST(ConfigTest, OptionsOfAKernelNeedOne) {
  MachineConfig with_initrd;
  with_initrd.initrd = "initrd";
  ExpectRejected(with_initrd, "--initrd");
  MachineConfig with_protocol;
  with_protocol.kernel_protocol = KernelProtocol::kPvh;
  ExpectRejected(with_protocol, "--kernel-protocol");
}

MachineConfig WithFirmware() {
  MachineConfig config;
  config.firmware = "OVMF.fd";
  config.kernel = "vmlinuz";
  config.initrd = "initrd";
  config.cmdline = "quiet";
  config.firmware_log = "log";
  return config;
}

TEST(ConfigTest, AFirmwareMayLoadAKernel) { EXPECT_TRUE(ValidateConfig(WithFirmware())); }

TEST(ConfigTest, AFirmwareNeedsNoKernel) {
  MachineConfig config = WithFirmware();
  config.kernel = config.initrd = config.cmdline = "";
  EXPECT_TRUE(ValidateConfig(config));
}

TEST(ConfigTest, WhatAFirmwareGivesAKernelNeedsOne) {
  MachineConfig with_initrd = WithFirmware();
  with_initrd.kernel = with_initrd.cmdline = "";
  ExpectRejected(with_initrd, "--initrd");
  MachineConfig with_cmdline = WithFirmware();
  with_cmdline.kernel = with_cmdline.initrd = "";
  ExpectRejected(with_cmdline, "--cmdline");
}

TEST(ConfigTest, WhatDoesNotGoWithAFirmwareIsRejected) {
  MachineConfig sealed = WithFirmware();
  sealed.isolation = IsolationMode::kSealed;
  ExpectRejected(sealed, "--firmware");
  MachineConfig protocol = WithFirmware();
  protocol.kernel_protocol = KernelProtocol::kLinux;
  ExpectRejected(protocol, "--kernel-protocol");
  MachineConfig small = WithFirmware();
  small.memory_bytes = 192 * kMiB - kPageSize;
  ExpectRejected(small, "--memory");
  small.memory_bytes = 192 * kMiB;
  EXPECT_TRUE(ValidateConfig(small));
  small.isolation = IsolationMode::kSnp;
  small.memory_bytes = 64 * kMiB;
  EXPECT_TRUE(ValidateConfig(small));
  small.memory_bytes = 64 * kMiB - kPageSize;
  ExpectRejected(small, "--memory");
  MachineConfig log_alone;
  log_alone.firmware_log = "log";
  ExpectRejected(log_alone, "--firmware-log");
}

TEST(ConfigTest, BuiltInGuestTakesACommandLine) {
  MachineConfig config;
  config.cmdline = "diag=quick";
  EXPECT_TRUE(ValidateConfig(config));
}

TEST(ConfigTest, EveryIsolationNameReadsBack) {
  for (IsolationMode mode :
       {IsolationMode::kAuto, IsolationMode::kNone, IsolationMode::kSealed, IsolationMode::kSev,
        IsolationMode::kSevEs, IsolationMode::kSnp, IsolationMode::kTdx}) {
    const Result<IsolationMode> parsed = ParseIsolationMode(IsolationModeName(mode));
    ASSERT_TRUE(parsed) << IsolationModeName(mode);
    EXPECT_EQ(*parsed, mode);
  }
}

TEST(ConfigTest, UnknownIsolationNameListsTheKnown) {
  const Result<IsolationMode> parsed = ParseIsolationMode("SEALED");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(parsed.error().hint, HasSubstr("sev-es"));
}

TEST(ConfigTest, NameOfForeignNumberIsUnknown) {
  EXPECT_EQ(IsolationModeName(static_cast<IsolationMode>(99)), "unknown");
}

TEST(ConfigTest, EqualityLooksAtEveryField) {
  const MachineConfig base;
  const std::vector<void (*)(MachineConfig&)> changes = {
      [](MachineConfig& c) { c.kernel = "k"; },
      [](MachineConfig& c) { c.initrd = "i"; },
      [](MachineConfig& c) { c.firmware = "f"; },
      [](MachineConfig& c) { c.firmware_log = "f"; },
      [](MachineConfig& c) { c.cmdline = "c"; },
      [](MachineConfig& c) { c.kernel_protocol = KernelProtocol::kPvh; },
      [](MachineConfig& c) { c.isolation = IsolationMode::kTdx; },
      [](MachineConfig& c) { c.memory_bytes += kPageSize; },
      [](MachineConfig& c) { c.memory_provider = MemoryProvider::kSeal; },
      [](MachineConfig& c) { c.memory_lock_limit = 0; },
      [](MachineConfig& c) { c.page_conversions = true; },
      [](MachineConfig& c) { c.dump_fdt = "f"; },
      [](MachineConfig& c) { c.memory.huge_pages = HugePages::k2M; },
      [](MachineConfig& c) { c.memory.prefault = true; },
      [](MachineConfig& c) { c.cpus = 2; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    MachineConfig changed = base;
    changes[i](changed);
    EXPECT_NE(changed, base) << "change " << i;
  }
  EXPECT_EQ(base, MachineConfig{});
}

TEST(ValidateConfigTest, WhatIsForPrivateMemoryNeedsIt) {
  const std::pair<const char*, std::function<void(MachineConfig&)>> options[] = {
      {"--memory-provider", [](MachineConfig& c) { c.memory_provider = MemoryProvider::kSeal; }},
      {"--page-conversions", [](MachineConfig& c) { c.page_conversions = true; }},
      {"--dump-fdt", [](MachineConfig& c) { c.dump_fdt = "f"; }},
      {"--memory-lock-limit", [](MachineConfig& c) { c.memory_lock_limit = kGiB; }},
  };
  for (const auto& [name, set] : options) {
    MachineConfig config;
    set(config);
    config.isolation = IsolationMode::kSealed;
    EXPECT_TRUE(ValidateConfig(config).has_value()) << name;
    config.isolation = IsolationMode::kNone;
    const Result<> refused = ValidateConfig(config);
    ASSERT_FALSE(refused.has_value()) << name;
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
    EXPECT_TRUE(refused.error().message.starts_with(name)) << refused.error().message;
  }
}

TEST(ValidateConfigTest, SealedGuestsAreNotEnteredByPvh) {
  MachineConfig config;
  config.isolation = IsolationMode::kSealed;
  config.kernel = "vmlinux";
  config.kernel_protocol = KernelProtocol::kPvh;
  ExpectRejected(config, "--kernel-protocol");
}

TEST(ValidateConfigTest, PrivateMemoryHasNoHugePages) {
  MachineConfig config;
  config.isolation = IsolationMode::kSealed;
  config.memory.huge_pages = HugePages::k2M;
  const Result<> refused = ValidateConfig(config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().message.starts_with("--hugepages")) << refused.error().message;
}

}  // namespace
}  // namespace sealvm
