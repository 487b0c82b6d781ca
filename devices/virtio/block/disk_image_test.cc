// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/disk_image.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "devices/virtio/block/testing/temp_image.h"

namespace sealvm {
namespace {

using testing::HasSubstr;

constexpr uint64_t kBytes = 64 * 1024;

Result<DiskImage> Open(const std::string& path, bool readonly = false, bool direct = false) {
  return DiskImage::Open(
      {.path = path, .readonly = readonly, .direct = direct, .name = "--disk disk0"});
}

void ExpectInvalid(const Result<DiskImage>& image, const std::string& what) {
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(image.error().message, HasSubstr("--disk disk0: "));
  EXPECT_THAT(image.error().ToString(), HasSubstr(what));
}

// Access to files as somebody without rights, for this thread.
class WithoutRights {
 public:
  WithoutRights() : before_(setfsuid(kNobody)) {}
  ~WithoutRights() { setfsuid(static_cast<uid_t>(before_)); }

 private:
  static constexpr uid_t kNobody = 65534;
  const int before_;
};

TEST(DiskImageTest, TellsItsSize) {
  const TempImage file(kBytes);

  const Result<DiskImage> image = Open(file.path());

  ASSERT_TRUE(image) << image.error().ToString();
  EXPECT_EQ(image->sectors(), kBytes / 512);
  EXPECT_EQ(image->geometry().logical_block, 512U);
}

TEST(DiskImageTest, AMissingFileIsTheUsersError) {
  ExpectInvalid(Open("/nowhere/disk.img"), "/nowhere/disk.img: there is no such file");
}

TEST(DiskImageTest, ADirectoryIsNoImage) {
  ExpectInvalid(Open("/tmp"), "is a directory");
  ExpectInvalid(Open("/tmp", true), "is a directory");
}

TEST(DiskImageTest, ADeviceThatIsNoDiskIsNoImage) {
  ExpectInvalid(Open("/dev/null"), "neither a file nor a block device");
}

TEST(DiskImageTest, AFifoIsNoImageAndDoesNotBlock) {
  const TempImage file(0);
  const std::string path = file.path() + ".fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);

  ExpectInvalid(Open(path, true), "neither a file nor a block device");

  unlink(path.c_str());
}

TEST(DiskImageTest, AFileThatMayNotBeWrittenCanBeAttachedReadOnly) {
  const TempImage file(kBytes);
  ASSERT_EQ(chmod(file.path().c_str(), 0444), 0);
  const WithoutRights nobody;
  if (access(file.path().c_str(), F_OK) != 0) GTEST_SKIP() << "nobody cannot reach the temp dir";

  ExpectInvalid(Open(file.path()), "no permission to read and write it");
}

TEST(DiskImageTest, AFileThatMayNotBeReadIsTheUsersError) {
  const TempImage file(kBytes);
  ASSERT_EQ(chmod(file.path().c_str(), 0), 0);
  const WithoutRights nobody;

  ExpectInvalid(Open(file.path(), true), "no permission to read it");
}

TEST(DiskImageTest, AnEmptyFileIsNoDisk) {
  const TempImage file(0);

  ExpectInvalid(Open(file.path()), "is empty (give it a size with: truncate -s");
}

TEST(DiskImageTest, AnOddSizeIsRefusedWithTheWayOut) {
  const TempImage file(kBytes + 100);

  ExpectInvalid(Open(file.path()),
                "its size, 65636 bytes, is no multiple of 512 (round it up with: "
                "truncate -s %512 FILE)");
}

TEST(DiskImageTest, AnImageThatIsWrittenIsNobodyElses) {
  const TempImage file(kBytes);
  const Result<DiskImage> first = Open(file.path());
  ASSERT_TRUE(first);

  ExpectInvalid(Open(file.path()), "is in use by another process");
  ExpectInvalid(Open(file.path(), true), "is in use by another process");
}

TEST(DiskImageTest, ReadersShareAnImageAndKeepWritersOut) {
  const TempImage file(kBytes);
  const Result<DiskImage> first = Open(file.path(), true);
  const Result<DiskImage> second = Open(file.path(), true);

  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  ExpectInvalid(Open(file.path()), "is in use by another process");
}

TEST(DiskImageTest, TheLockGoesWithTheImage) {
  const TempImage file(kBytes);
  { ASSERT_TRUE(Open(file.path())); }

  EXPECT_TRUE(Open(file.path()));
}

TEST(DiskImageTest, TheByteThatQemuLocksWhenItWritesIsRespected) {
  const TempImage file(kBytes);
  const Fd qemu(open(file.path().c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 101;
  lock.l_len = 1;
  ASSERT_EQ(fcntl(qemu.get(), F_OFD_SETLK, &lock), 0);

  ExpectInvalid(Open(file.path()), "is in use by another process");
  ExpectInvalid(Open(file.path(), true), "is in use by another process");
}

TEST(DiskImageTest, NamesTheProcessThatHasTheImage) {
  const TempImage file(kBytes);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const int fd = open(file.path().c_str(), O_RDWR);
    const char locked = fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
    if (write(ready[1], &locked, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char locked = 0;
  ASSERT_EQ(read(ready[0], &locked, 1), 1);
  ASSERT_EQ(locked, 'y');

  ExpectInvalid(Open(file.path()), "is in use by process " + std::to_string(child));

  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST(DiskImageTest, WritesEndWhereAShrunkImageEndsAndNeverBehindTheDisk) {
  TempImage file(kBytes);
  const Result<DiskImage> image = Open(file.path());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->WritableEnd(), kBytes);

  file.Resize(kBytes / 2);
  EXPECT_EQ(image->WritableEnd(), kBytes / 2);
  file.Resize(kBytes * 2);
  EXPECT_EQ(image->WritableEnd(), kBytes);
}

TEST(DiskImageTest, DirectImagesSayWhatTheirRequestsMustKeepTo) {
  const TempImage file(kBytes);
  const Result<DiskImage> image = Open(file.path(), false, true);
  if (!image) GTEST_SKIP() << image.error().ToString();

  EXPECT_TRUE(image->direct());
  EXPECT_EQ(kBytes % image->geometry().logical_block, 0U);
  EXPECT_TRUE(fcntl(image->fd(), F_GETFL) & O_DIRECT);
}

TEST(DiskImageTest, TheDescriptorBlocks) {
  const TempImage file(kBytes);
  const Result<DiskImage> image = Open(file.path());
  ASSERT_TRUE(image);

  EXPECT_FALSE(fcntl(image->fd(), F_GETFL) & O_NONBLOCK);
}

}  // namespace
}  // namespace sealvm
