// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/image_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

const std::vector<uint8_t> kBytes = {1, 2, 3, 4, 5, 6, 7, 8};
// More than what is read when the file is opened.
const std::vector<uint8_t> kManyBytes(100'000, 9);

TEST(ImageFile, ReadsAtAnOffset) {
  const TemporaryFile temporary(kBytes);
  const auto file = ImageFile::Open(temporary.path());
  ASSERT_TRUE(file.has_value()) << file.error().ToString();
  std::array<uint8_t, 3> out = {};

  ASSERT_TRUE(file->Read(2, out).has_value());

  EXPECT_EQ(out, (std::array<uint8_t, 3>{3, 4, 5}));
  EXPECT_EQ(file->size(), kBytes.size());
}

TEST(ImageFile, ReadsBytesLikeAFile) {
  const ImageFile file = ImageFile::FromBytes("embedded", kBytes);
  std::array<uint8_t, 2> out = {};

  ASSERT_TRUE(file.Read(6, out).has_value());

  EXPECT_EQ(out, (std::array<uint8_t, 2>{7, 8}));
}

TEST(ImageFile, OwnedBufferSurvivesAMove) {
  ImageFile first = ImageFile::FromBuffer("unpacked", kBytes);
  const ImageFile second = std::move(first);
  std::array<uint8_t, 1> out = {};

  ASSERT_TRUE(second.Read(7, out).has_value());

  EXPECT_EQ(out[0], 8);
}

TEST(ImageFile, ReadPastTheEndFails) {
  const ImageFile file = ImageFile::FromBytes("embedded", kBytes);
  std::array<uint8_t, 2> out = {};

  ExpectInvalidInput(file.Read(7, out), "embedded: ends early");
}

TEST(ImageFile, ReadAtAWrappingOffsetFails) {
  const ImageFile file = ImageFile::FromBytes("embedded", kBytes);
  std::array<uint8_t, 2> out = {};

  ExpectInvalidInput(file.Read(UINT64_MAX, out), "ends early");
}

TEST(ImageFile, FileThatShrankGivesAnError) {
  const TemporaryFile temporary(kManyBytes);
  const auto file = ImageFile::Open(temporary.path());
  ASSERT_TRUE(file.has_value());
  temporary.Truncate(4);
  std::array<uint8_t, 8> out = {};

  ExpectInvalidInput(file->Read(90'000, out), "ends early");
}

TEST(ImageFile, LoadsIntoGuestMemory) {
  const TemporaryFile temporary(kBytes);
  const auto file = ImageFile::Open(temporary.path());
  ASSERT_TRUE(file.has_value());
  GuestMemory memory = MakeTestMemory(4 * kMiB);

  ASSERT_TRUE(file->LoadInto(memory, 0x200000, 4, 4).has_value());

  EXPECT_EQ(ReadBytes(memory, 0x200000, 5), (std::vector<uint8_t>{5, 6, 7, 8, 0}));
}

TEST(ImageFile, LoadingAFileThatShrankFails) {
  const TemporaryFile temporary(kManyBytes);
  const auto file = ImageFile::Open(temporary.path());
  ASSERT_TRUE(file.has_value());
  GuestMemory memory = MakeTestMemory(4 * kMiB);
  temporary.Truncate(0);

  EXPECT_FALSE(file->LoadInto(memory, 0x200000, 0, kManyBytes.size()).has_value());
}

TEST(ImageFile, LoadingOutsideOfRamFails) {
  const ImageFile file = ImageFile::FromBytes("embedded", kBytes);
  GuestMemory memory = MakeTestMemory(4 * kMiB);

  ExpectInvalidInput(file.LoadInto(memory, 4 * kMiB - 4, 0, 8), "not RAM");
}

TEST(ImageFile, MissingFileNamesTheOption) {
  ExpectInvalidInput(ImageFile::Open("/nonexistent/initrd", "--initrd"),
                     "--initrd /nonexistent/initrd: cannot open: No such file or directory");
}

TEST(ImageFile, DirectoryIsRefused) {
  ExpectInvalidInput(ImageFile::Open("/", "--kernel"), "--kernel /: is a directory");
}

TEST(ImageFile, DeviceIsRefused) {
  ExpectInvalidInput(ImageFile::Open("/dev/null"), "/dev/null: is not a regular file");
}

TEST(ImageFile, AFileOfUnknownSizeIsRefused) {
  ExpectInvalidInput(ImageFile::Open("/proc/version", "--kernel"),
                     "--kernel /proc/version: has more than the 0 bytes that it claims");
}

TEST(ImageFile, FifoIsRefusedWithoutWaitingForAWriter) {
  const TemporaryFile place(kBytes);
  const std::string fifo = place.path() + ".fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);

  ExpectInvalidInput(ImageFile::Open(fifo), "is not a regular file");
  unlink(fifo.c_str());
}

}  // namespace
}  // namespace sealvm
