// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/kernel_hashes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "memory/base/fd.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

constexpr std::string_view kSha256OfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kSha256OfOneNul =
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(KernelHashes, AbsentPartsHaveHashesToo) {
  const auto hashes = HashKernelFiles(ImageFile::FromBytes("kernel", {}), nullptr, "");

  ASSERT_TRUE(hashes.has_value());
  EXPECT_EQ(HexText(hashes->kernel), kSha256OfNothing);
  EXPECT_EQ(HexText(hashes->initrd), kSha256OfNothing);
  EXPECT_EQ(HexText(hashes->cmdline), kSha256OfOneNul);
}

TEST(KernelHashes, TheCommandLineIsHashedWithItsNul) {
  const auto hashes = HashKernelFiles(ImageFile::FromBytes("kernel", {}), nullptr, "console=ttyS0");

  ASSERT_TRUE(hashes.has_value());
  EXPECT_EQ(hashes->cmdline, Sha256Of(Bytes(std::string("console=ttyS0\0", 14))));
}

// Files are read in pieces of 256 KiB.
TEST(KernelHashes, FilesOfAnySizeAreHashedWhole) {
  for (size_t size : {1, 4095, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 700'000}) {
    std::vector<uint8_t> kernel(size), initrd(size / 2 + 1);
    std::iota(kernel.begin(), kernel.end(), uint8_t{1});
    std::iota(initrd.begin(), initrd.end(), uint8_t{7});
    const ImageFile initrd_file = ImageFile::FromBytes("initrd", initrd);
    const auto hashes = HashKernelFiles(ImageFile::FromBytes("kernel", kernel), &initrd_file, "");
    ASSERT_TRUE(hashes.has_value());
    EXPECT_EQ(hashes->kernel, Sha256Of(kernel));
    EXPECT_EQ(hashes->initrd, Sha256Of(initrd));
  }
}

// A sparse file of a terabyte would be hashed for minutes, for a guest that cannot load it.
TEST(KernelHashes, FilesThatFirmwareCannotLoadAreRefused) {
  const std::string path = testing::TempDir() + "/kernel_hashes_test.huge";
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  ASSERT_EQ(ftruncate(file.get(), 0x100000000), 0);
  const auto kernel = ImageFile::Open(path, "--kernel");
  unlink(path.c_str());
  ASSERT_TRUE(kernel.has_value());
  ExpectInvalidInput(HashKernelFiles(*kernel, nullptr, ""), "firmware loads less than 4 GiB");
}

// The bytes as QEMU's structure has them, put together by hand.
TEST(KernelHashes, TheTableHasThreeEntriesAndPadding) {
  KernelHashes hashes;
  hashes.kernel.fill(0x11);
  hashes.initrd.fill(0x22);
  hashes.cmdline.fill(0x33);

  std::string expected = "06d63894224fc94cb479a793d411fd21a800";
  expected += "d82dd09720bd944caa78e7714d36ab2a3200" + HexText(hashes.cmdline);
  expected += "31f7ba442f3ad74b9af141e29169781d3200" + HexText(hashes.initrd);
  expected += "3794e74dd2ab7f42b835d5b172d2045b3200" + HexText(hashes.kernel);
  expected += std::string(2 * 8, '0');
  EXPECT_EQ(HexText(MakeKernelHashTable(hashes)), expected);
}

}  // namespace
}  // namespace sealvm
