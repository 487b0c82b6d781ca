// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_memory.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "memory/base/fd.h"
#include "memory/memfd_provider.h"

namespace sealvm {
namespace {

constexpr uint64_t kSize = 8 * kMiB;

GuestMemory MakeMemory(uint64_t size) {
  const GuestLayout layout = *GuestLayout::Create(size);
  return *GuestMemory::Create(layout, *MemfdProvider().Create(size, {}));
}

Fd MakeFile(std::string_view content) {
  char path[] = "/tmp/sealvm-guest-memory-XXXXXX";
  Fd fd(mkstemp(path));
  unlink(path);
  EXPECT_EQ(write(fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return fd;
}

// Says that the host cannot read it, whatever its fd is.
class OutOfReachMemory : public PrivateMemory {
 public:
  std::string_view ProviderName() const override { return "out-of-reach"; }
  uint64_t size() const override { return kSize; }
  int fd() const override { return -1; }
  bool can_host_access() const override { return false; }
  FallocNotifier& notifier() override { return notifier_; }
  Result<> Allocate(BackingRange) override { return {}; }
  Result<> Release(BackingRange) override { return {}; }
  Result<uint64_t> AllocatedBytes() const override { return 0; }

 private:
  FallocNotifier notifier_{FallocNotifier::Sharing::kOneVm};
};

TEST(GuestMemoryTest, ReadsBackWhatWasWritten) {
  GuestMemory memory = MakeMemory(kSize);
  ASSERT_TRUE(memory.WriteObject<uint32_t>(0x1ffe, 0xdeadbeef));
  EXPECT_EQ(*memory.ReadObject<uint32_t>(0x1ffe), 0xdeadbeefu);
}

TEST(GuestMemoryTest, LastByteIsReachableAndTheNextIsNot) {
  GuestMemory memory = MakeMemory(kSize);
  EXPECT_TRUE(memory.WriteObject<uint8_t>(kSize - 1, 1));
  EXPECT_FALSE(memory.WriteObject<uint8_t>(kSize, 1));
  EXPECT_FALSE(memory.WriteObject<uint16_t>(kSize - 1, 1));
}

TEST(GuestMemoryTest, WrappingRangeIsRefused) {
  GuestMemory memory = MakeMemory(kSize);
  EXPECT_FALSE(memory.Contains(std::numeric_limits<Gpa>::max(), 2));
  EXPECT_FALSE(memory.Contains(0x1000, std::numeric_limits<uint64_t>::max()));
  EXPECT_FALSE(memory.Fill(0x1000, std::numeric_limits<uint64_t>::max() - 0xfff, 0));
}

TEST(GuestMemoryTest, EmptyRangeInsideRamIsContained) {
  GuestMemory memory = MakeMemory(kSize);
  EXPECT_TRUE(memory.Contains(0, 0));
  EXPECT_FALSE(memory.Contains(kSize, 0));
}

TEST(GuestMemoryTest, HighRangeIsBackedByTheRestOfTheObject) {
  GuestMemory memory = MakeMemory(3 * kGiB + 4 * kMiB);
  ASSERT_TRUE(memory.WriteObject<uint64_t>(kHighRamBase, 0x1122334455667788));
  uint64_t raw = 0;
  ASSERT_EQ(pread(memory.backing().fd(), &raw, sizeof(raw), 3 * kGiB), 8);
  EXPECT_EQ(raw, 0x1122334455667788u);
}

TEST(GuestMemoryTest, TheHoleIsNotRam) {
  GuestMemory memory = MakeMemory(3 * kGiB + 4 * kMiB);
  EXPECT_FALSE(memory.Contains(kLowRamEnd, 1));
  EXPECT_FALSE(memory.Contains(kHighRamBase - 1, 2));
  EXPECT_FALSE(memory.Contains(kLowRamEnd - 1, 2));
  EXPECT_TRUE(memory.Contains(kLowRamEnd - 1, 1));
}

TEST(GuestMemoryTest, FillTouchesOnlyItsRange) {
  GuestMemory memory = MakeMemory(kSize);
  ASSERT_TRUE(memory.Fill(0x2000, 0x1000, 0xab));
  EXPECT_EQ(*memory.ReadObject<uint8_t>(0x1fff), 0);
  EXPECT_EQ(*memory.ReadObject<uint8_t>(0x2000), 0xab);
  EXPECT_EQ(*memory.ReadObject<uint8_t>(0x2fff), 0xab);
  EXPECT_EQ(*memory.ReadObject<uint8_t>(0x3000), 0);
}

TEST(GuestMemoryTest, LoadsPartOfAFile) {
  GuestMemory memory = MakeMemory(kSize);
  const Fd file = MakeFile("0123456789");
  ASSERT_TRUE(memory.ReadFromFile(0x5000, 4, file.get(), 3, "initrd"));
  std::array<uint8_t, 5> bytes;
  ASSERT_TRUE(memory.Read(0x5000, bytes));
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), std::string("3456\0", 5));
}

TEST(GuestMemoryTest, FileThatEndsEarlyIsNamed) {
  GuestMemory memory = MakeMemory(kSize);
  const Fd file = MakeFile("0123456789");
  const Result<> result = memory.ReadFromFile(0x5000, 20, file.get(), 0, "initrd");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(result.error().message, "initrd: ends at byte 10, 10 more were expected");
}

TEST(GuestMemoryTest, FileIsNotReadBeyondRam) {
  GuestMemory memory = MakeMemory(kSize);
  const Fd file = MakeFile("0123456789");
  EXPECT_FALSE(memory.ReadFromFile(kSize - 4, 10, file.get(), 0, "initrd"));
  EXPECT_EQ(*memory.ReadObject<uint8_t>(kSize - 4), 0);
}

TEST(GuestMemoryTest, MemoryOutOfTheHostsReachIsRefused) {
  const GuestLayout layout = *GuestLayout::Create(kSize);
  const Result<GuestMemory> memory =
      GuestMemory::Create(layout, std::make_shared<OutOfReachMemory>());
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().message, "out-of-reach memory is out of the VMM's reach");
}

TEST(GuestMemoryTest, ObjectOfTheWrongSizeIsRefused) {
  const GuestLayout layout = *GuestLayout::Create(kSize);
  EXPECT_FALSE(GuestMemory::Create(layout, *MemfdProvider().Create(kSize - kPageSize, {})));
}

}  // namespace
}  // namespace sealvm
