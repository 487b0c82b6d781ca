// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_image.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

#include "vmm/boot/file_kind.h"
#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/boot/testing/elf_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

using namespace std::string_view_literals;

std::vector<uint8_t> FileThatHas(size_t offset, std::string_view magic) {
  std::vector<uint8_t> file(1024, 0x11);
  std::ranges::copy(magic, file.begin() + static_cast<ptrdiff_t>(offset));
  return file;
}

TEST(KernelImage, RecognisesBzImage) {
  const std::vector<uint8_t> bytes = BzImageBuilder{}.Build();
  const auto image = KernelImage::FromBytes("kernel", bytes);

  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_NE(image->bzimage(), nullptr);
  EXPECT_EQ(image->elf(), nullptr);
  EXPECT_EQ(image->MemoryEnd(), 0x1000000u + 0x100000);
}

TEST(KernelImage, RecognisesElf) {
  const std::vector<uint8_t> bytes = MakeTinyVmlinux(4096, 8192);
  const auto image = KernelImage::FromBytes("kernel", bytes);

  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_NE(image->elf(), nullptr);
  EXPECT_EQ(image->MemoryEnd(), kTinyVmlinuxBase + 8192);
}

TEST(KernelImage, KernelLargerThanItsInitSizeCounts) {
  const std::vector<uint8_t> bytes =
      BzImageBuilder{.init_size = 0x100, .code_size = 0x2000}.Build();
  const auto image = KernelImage::FromBytes("kernel", bytes);

  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->MemoryEnd(), 0x1000000u + 0x2000);
}

TEST(KernelImage, ErrorOfOpenNamesOptionAndFile) {
  const TemporaryFile file({});
  ExpectInvalidInput(KernelImage::Open(file.path(), "--kernel"),
                     "--kernel " + file.path() + ": is empty, not a Linux kernel");
}

TEST(KernelImage, OtherFilesAreDescribed) {
  const std::pair<std::vector<uint8_t>, std::string> cases[] = {
      {FileThatHas(0, "\x1f\x8b"), "is a gzip file"},
      {FileThatHas(0,
                   "\xfd"
                   "7zXZ\0"sv),
       "is an xz file"},
      {FileThatHas(0, "\x28\xb5\x2f\xfd"), "is a zstd file"},
      {FileThatHas(0x38, "ARM\x64"), "is an ARM64 kernel Image"},
      {FileThatHas(0x38, "RSC\x05"), "is a RISC-V kernel Image"},
      {FileThatHas(0, "070701"), "is a cpio archive"},
      {FileThatHas(0, "MZ"), "is a PE/EFI program"},
      {FileThatHas(0, "#!/bin/sh"), "is a script"},
      {FileThatHas(0x1fe, "\x55\xaa"), "is a boot sector"},
      {std::vector<uint8_t>(4096), "begins with zeroes"},
      {{'x'}, "is of an unknown format"},
  };
  for (const auto& [bytes, description] : cases) {
    ExpectInvalidInput(KernelImage::FromBytes("kernel", bytes), "kernel: " + description);
  }
}

std::vector<uint8_t> Gzip(const std::vector<uint8_t>& bytes) {
  z_stream stream = {};
  constexpr int kGzipFormat = MAX_WBITS + 16;
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, kGzipFormat, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::vector<uint8_t> packed(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST(KernelImage, ExtractsTheVmlinuxOfABzImage) {
  const std::vector<uint8_t> bytes = BzImageBuilder{.payload = Gzip(MakeTinyVmlinux())}.Build();
  const auto image = KernelImage::FromBytes("kernel", bytes);
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_EQ(image->DetectPayload(), PayloadFormat::kGzip);

  const auto vmlinux = image->ExtractVmlinux();

  ASSERT_TRUE(vmlinux.has_value()) << vmlinux.error().ToString();
  ASSERT_NE(vmlinux->elf(), nullptr);
  EXPECT_EQ(vmlinux->elf()->pvh_entry, kTinyVmlinuxPvhEntry);
  EXPECT_EQ(vmlinux->name(), "kernel (unpacked)");
}

TEST(KernelImage, PayloadThatIsNoElfIsRefused) {
  const std::vector<uint8_t> bytes = BzImageBuilder{.payload = Gzip({'t', 'e', 'x', 't'})}.Build();
  const auto image = KernelImage::FromBytes("kernel", bytes);
  ASSERT_TRUE(image.has_value());

  ExpectInvalidInput(image->ExtractVmlinux(), "the payload is no ELF file");
}

TEST(KernelImage, BzImageWithoutPayloadCannotBeUnpacked) {
  const std::vector<uint8_t> bytes = BzImageBuilder{}.Build();
  const auto image = KernelImage::FromBytes("kernel", bytes);
  ASSERT_TRUE(image.has_value());

  ExpectInvalidInput(image->ExtractVmlinux(), "does not say where its payload is");
}

TEST(KernelImage, ElfHasNothingToUnpack) {
  const std::vector<uint8_t> bytes = MakeTinyVmlinux();
  const auto image = KernelImage::FromBytes("kernel", bytes);
  ASSERT_TRUE(image.has_value());

  ExpectInvalidInput(image->ExtractVmlinux(), "is no bzImage");
}

TEST(KernelImage, VmlinuxLargerThanTheLimitIsRefused) {
  const std::vector<uint8_t> bytes = BzImageBuilder{.payload = Gzip(MakeTinyVmlinux())}.Build();
  const auto image = KernelImage::FromBytes("kernel", bytes);
  ASSERT_TRUE(image.has_value());

  ExpectInvalidInput(image->ExtractVmlinux(4096), "unpacks to more than 4096 bytes");
}

}  // namespace
}  // namespace sealvm
