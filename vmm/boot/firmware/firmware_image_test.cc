// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/firmware_image.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "guest-fw/measured_loader_image.h"
#include "memory/base/fd.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

TEST(FirmwareImageTest, OneIsPartOfSealvm) {
  const auto image = FirmwareImage::Open("guest-fw", "--firmware");
  ASSERT_TRUE(image) << image.error().ToString();
  EXPECT_TRUE(CheckHasCode(*image));
  EXPECT_FALSE(FirmwareImage::Open("./guest-fw", "--firmware"));
}

// A file of zeroes, with a jump where the CPU begins if there is room for one.
class TemporaryFile {
 public:
  explicit TemporaryFile(uint64_t size) : fd_(mkstemp(path_)) {
    EXPECT_EQ(ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
    if (size >= 16) Write("\xeb\xfe", size - 16);
  }
  ~TemporaryFile() { unlink(path_); }
  const char* path() const { return path_; }
  void Write(std::string_view text, uint64_t offset = 0) {
    EXPECT_EQ(pwrite(fd_.get(), text.data(), text.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(text.size()));
  }

 private:
  char path_[32] = "/tmp/sealvm-firmware-XXXXXX";
  Fd fd_;
};

TEST(FirmwareImage, EndsAtFourGibibytes) {
  const TemporaryFile file(3 * kPageSize);
  const auto image = FirmwareImage::Open(file.path(), "--firmware");

  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_TRUE(CheckHasCode(*image).has_value());
  EXPECT_EQ(image->size(), 3 * kPageSize);
  EXPECT_EQ(image->base(), 0xffffd000u);
  EXPECT_EQ(image->name(), std::string("--firmware ") + file.path());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(image->bytes().data()) % kPageSize, 0u);
}

TEST(FirmwareImage, KeepsWhatItReadFirst) {
  TemporaryFile file(kPageSize);
  file.Write("before");
  const auto image = FirmwareImage::Open(file.path());
  ASSERT_TRUE(image.has_value());

  file.Write("after!");

  EXPECT_TRUE(std::ranges::equal(image->bytes().first(6), std::string_view("before")));
}

TEST(FirmwareImage, RefusesSizesThatNoFirmwareHas) {
  const struct {
    uint64_t size;
    const char* message;
  } cases[] = {{0, "is empty"},
               {kPageSize - 1, "no whole number of pages"},
               {kPageSize + 1, "no whole number of pages"},
               {kMaxFirmwareSize + kPageSize, "too large for a firmware"}};
  for (const auto& [size, message] : cases) {
    const TemporaryFile file(size);
    const auto image = FirmwareImage::Open(file.path(), "--firmware");
    ExpectInvalidInput(image, message);
    ExpectInvalidInput(image, std::string("--firmware ") + file.path());
  }
}

TEST(FirmwareImage, TakesTheLargest) {
  const TemporaryFile file(kMaxFirmwareSize);

  const auto image = FirmwareImage::Open(file.path());
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->base(), 0xff000000u);
}

TEST(FirmwareImage, TellsWhatUsersMixUp) {
  TemporaryFile kernel(2 * kPageSize + 512);
  kernel.Write("MZ");
  ExpectInvalidInput(FirmwareImage::Open(kernel.path()), "is a kernel or EFI program");

  TemporaryFile program(2 * kPageSize);
  program.Write(
      "\x7f"
      "ELF");
  ExpectInvalidInput(FirmwareImage::Open(program.path()), "is an ELF program");
}

TEST(FirmwareImage, RefusesAVariableStore) {
  for (const char erased : {'\0', '\xff'}) {
    TemporaryFile store(2 * kPageSize);
    store.Write(std::string(16, erased), 2 * kPageSize - 16);
    const auto image = FirmwareImage::Open(store.path(), "--firmware");
    ASSERT_TRUE(image.has_value()) << image.error().ToString();
    ExpectInvalidInput(CheckHasCode(*image), "variable store");
  }
}

TEST(FirmwareImage, NamesAFileThatIsNotThere) {
  ExpectInvalidInput(FirmwareImage::Open("/nonexistent/OVMF.fd", "--firmware"),
                     "--firmware /nonexistent/OVMF.fd: cannot open");
  ExpectInvalidInput(FirmwareImage::Open("/", "--firmware"), "is a directory");
}

TEST(FirmwareImage, OfGuestFwIsBuiltIn) {
  const auto image = FirmwareImage::Open("guest-fw", "--firmware");
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_EQ(image->name(), "--firmware guest-fw");
  EXPECT_TRUE(std::ranges::equal(image->bytes(), MeasuredLoaderImage()));
  EXPECT_FALSE(FirmwareImage::Open("./guest-fw", "--firmware").has_value());
}

}  // namespace
}  // namespace sealvm
