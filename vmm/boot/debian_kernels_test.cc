// SPDX-License-Identifier: Apache-2.0
// The kernels that tools/setup takes from Debian's packages, as the lab boots them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <string>

#include "vmm/boot/kernel_inspector.h"
#include "vmm/boot/linux_loader.h"
#include "vmm/boot/testing/boot_fixture.h"

namespace sealvm {
namespace {

// Bazel's tests have no HOME.
std::string HomeDirectory() {
  if (const char* home = getenv("HOME"); home != nullptr && *home == '/') return home;
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? user->pw_dir : "/root";
}

std::string KernelDirectory() {
  const char* cache = getenv("XDG_CACHE_HOME");
  const std::string base =
      cache != nullptr && *cache == '/' ? cache : fmt::format("{}/.cache", HomeDirectory());
  return base + "/sealvm/kernels";
}

struct DebianKernel {
  std::string directory;
  std::string version;
  std::string compression;
};

class DebianKernels : public testing::TestWithParam<DebianKernel> {
 protected:
  void SetUp() override {
    if (access(File("vmlinuz").c_str(), R_OK) != 0) {
      GTEST_SKIP() << File("vmlinuz") << " is not there: run tools/setup";
    }
  }

  std::string File(const std::string& name) const {
    return fmt::format("{}/{}/{}", KernelDirectory(), GetParam().directory, name);
  }
};

INSTANTIATE_TEST_SUITE_P(Cloud, DebianKernels,
                         testing::Values(DebianKernel{"cloud-6.1", "6.1.", "lz4"},
                                         DebianKernel{"cloud-6.12", "6.12.", "zstd"},
                                         DebianKernel{"cloud-7.x", "7.", "zstd"}),
                         [](const auto& instance) {
                           std::string name = instance.param.directory;
                           for (char& c : name) c = isalnum(c) ? c : '_';
                           return name;
                         });

TEST_P(DebianKernels, BzImageIsUnderstood) {
  const auto facts = InspectKernel(File("vmlinuz"));

  ASSERT_TRUE(facts.has_value()) << facts.error().ToString();
  EXPECT_TRUE(facts->kernel_version.starts_with(GetParam().version)) << facts->kernel_version;
  EXPECT_EQ(facts->default_entry, "linux64");
  ASSERT_TRUE(facts->bzimage.has_value());
  EXPECT_EQ(facts->bzimage->payload_compression, GetParam().compression);
  ASSERT_TRUE(facts->bzimage->vmlinux.has_value()) << facts->bzimage->vmlinux_error;
  EXPECT_TRUE(facts->bzimage->vmlinux->is_linux);
  EXPECT_TRUE(facts->bzimage->vmlinux->pvh_entry.has_value());
}

TEST_P(DebianKernels, BzImageIsLoaded) {
  const auto kernel = KernelImage::Open(File("vmlinuz"));
  ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();
  GuestMemory memory = MakeTestMemory(256 * kMiB);

  const auto state = LoadGuest(memory, {.kernel = &*kernel, .cmdline = "console=ttyS0"});

  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  EXPECT_NE(*memory.ReadObject<uint64_t>(state->entry.rip), 0u);
}

TEST_P(DebianKernels, UnpackedVmlinuxNeedsNoMoreMemory) {
  const auto kernel = KernelImage::Open(File("vmlinuz"));
  ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();

  const auto vmlinux = kernel->ExtractVmlinux();

  ASSERT_TRUE(vmlinux.has_value()) << vmlinux.error().ToString();
  ASSERT_NE(vmlinux->elf(), nullptr);
  EXPECT_TRUE(vmlinux->elf()->Covers(vmlinux->elf()->entry));
  EXPECT_LE(vmlinux->MemoryEnd(), kernel->MemoryEnd());
}

TEST_P(DebianKernels, UnpackedVmlinuxIsLoadedByBothEntries) {
  const auto kernel = KernelImage::Open(File("vmlinuz"));
  ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();
  const auto vmlinux = kernel->ExtractVmlinux();
  ASSERT_TRUE(vmlinux.has_value()) << vmlinux.error().ToString();

  for (const EntryChoice entry : {EntryChoice::kLinux64, EntryChoice::kPvh}) {
    GuestMemory memory = MakeTestMemory(256 * kMiB);
    const auto state = LoadGuest(memory, {.kernel = &*vmlinux, .entry = entry});
    ASSERT_TRUE(state.has_value()) << state.error().ToString();
    EXPECT_NE(*memory.ReadObject<uint64_t>(state->entry.rip), 0u);
  }
}

}  // namespace
}  // namespace sealvm
