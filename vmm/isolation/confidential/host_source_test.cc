// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/host_source.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

namespace sealvm {
namespace {

class HostSourceTest : public testing::Test {
 protected:
  HostSourceTest() : root_(testing::TempDir() + "/host_source") {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  ~HostSourceTest() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = root_ + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
  }

  const std::string root_;
  const HostFiles files_{root_};
};

std::string Gzip(std::string text) {
  std::string packed(text.size() + 100, '\0');
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST_F(HostSourceTest, FilesAreReadUpToALimit) {
  Put("/proc/x", "0123456789");
  EXPECT_EQ(files_.Read("/proc/x"), "0123456789");
  EXPECT_EQ(files_.Read("/proc/x", 4), "0123");
  EXPECT_EQ(files_.Read("/proc/y"), std::nullopt);
  EXPECT_EQ(files_.Read("/proc"), std::nullopt);
  EXPECT_TRUE(files_.Exists("/proc"));
  EXPECT_FALSE(files_.Exists("/sys"));
}

TEST_F(HostSourceTest, ReleaseIsOneLine) {
  EXPECT_EQ(KernelRelease(files_), "");
  Put("/proc/sys/kernel/osrelease", "6.12.95+deb13-amd64\n");
  EXPECT_EQ(KernelRelease(files_), "6.12.95+deb13-amd64");
}

TEST(KernelVersionTest, ComesFromTheStart) {
  EXPECT_EQ(KernelVersionOf("6.12.95+deb13-amd64"), std::pair(6, 12));
  EXPECT_EQ(KernelVersionOf("7.0"), std::pair(7, 0));
  EXPECT_EQ(KernelVersionOf("6.18-rc1"), std::pair(6, 18));
  for (const char* none : {"", "6", "6.", "x.y", ".1", "99999999999.1"}) {
    EXPECT_EQ(KernelVersionOf(none), std::nullopt) << none;
  }
}

TEST_F(HostSourceTest, ConfigurationOfTheRunningKernelComesFirst) {
  Put("/proc/sys/kernel/osrelease", "6.12\n");
  EXPECT_EQ(KernelConfig(files_), std::nullopt);
  Put("/proc/config.gz", Gzip("CONFIG_A=y\n"));
  EXPECT_EQ(KernelConfig(files_), "CONFIG_A=y\n");
  Put("/boot/config-6.12", "CONFIG_B=m\n");
  EXPECT_EQ(KernelConfig(files_), "CONFIG_B=m\n");
}

TEST_F(HostSourceTest, DamagedConfigurationIsNone) {
  const std::string packed = Gzip(std::string(10000, 'x'));
  Put("/proc/config.gz", packed.substr(0, packed.size() / 2));
  EXPECT_EQ(KernelConfig(files_), std::nullopt);
  Put("/proc/config.gz", "no gzip");
  EXPECT_EQ(KernelConfig(files_), std::nullopt);
}

TEST(KernelOptionTest, IsSetByYOrM) {
  constexpr std::string_view kConfig =
      "CONFIG_KVM=m\n# CONFIG_INTEL_TDX_HOST is not set\nCONFIG_KVM_AMD_SEV=y\nCONFIG_NR=\"y\"";
  EXPECT_TRUE(HasKernelOption(kConfig, "CONFIG_KVM"));
  EXPECT_TRUE(HasKernelOption(kConfig, "CONFIG_KVM_AMD_SEV"));
  EXPECT_FALSE(HasKernelOption(kConfig, "CONFIG_INTEL_TDX_HOST"));
  EXPECT_FALSE(HasKernelOption(kConfig, "CONFIG_KVM_AMD"));
  EXPECT_FALSE(HasKernelOption(kConfig, "CONFIG_NR"));
  EXPECT_FALSE(HasKernelOption("", "CONFIG_KVM"));
}

TEST(CpuFlagTest, IsAWholeWord) {
  constexpr std::string_view kCpuinfo =
      "processor\t: 0\nflags\t\t: fpu sev sev_es\nbugs\t: sev_snp\n";
  EXPECT_TRUE(HasCpuFlag(kCpuinfo, "sev"));
  EXPECT_TRUE(HasCpuFlag(kCpuinfo, "sev_es"));
  EXPECT_FALSE(HasCpuFlag(kCpuinfo, "se"));
  EXPECT_FALSE(HasCpuFlag(kCpuinfo, "sev_snp"));
  EXPECT_FALSE(HasCpuFlag("", "sev"));
}

TEST(HostSourceRealTest, ReadsThisMachine) {
  const HostSource host = HostSource::Real();
  EXPECT_TRUE(KernelVersionOf(KernelRelease(host.files)).has_value());
  EXPECT_GT(host.cpuid(0).eax, 0u);
  EXPECT_EQ(host.cpuid(0xbfffffff).eax, 0u);
}

}  // namespace
}  // namespace sealvm
