// SPDX-License-Identifier: Apache-2.0
#include "memory/base/mapping.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

// mincore() fails with ENOMEM for addresses that are not mapped.
bool IsMapped(void* address) {
  unsigned char resident;
  return mincore(address, 4096, &resident) == 0;
}

Result<Mapping> MapPage() {
  return Mapping::Create(4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "page");
}

TEST(MappingTest, UnmapsWhenDestroyed) {
  void* address;
  {
    Result<Mapping> mapping = MapPage();
    ASSERT_TRUE(mapping);
    address = mapping->data();
    ASSERT_TRUE(IsMapped(address));
  }
  EXPECT_FALSE(IsMapped(address));
}

TEST(MappingTest, MoveAssignmentUnmapsTheOldOne) {
  Mapping target = *MapPage();
  void* old = target.data();
  Mapping source = *MapPage();
  void* kept = source.data();
  target = std::move(source);
  EXPECT_EQ(target.data(), kept);
  EXPECT_TRUE(IsMapped(kept));
  EXPECT_FALSE(IsMapped(old));
}

TEST(MappingTest, NamesTheObjectInAnError) {
  const Result<Mapping> mapping = Mapping::Create(4096, PROT_READ, MAP_SHARED, -1, 0, "vcpu 3");
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().message, "mmap(vcpu 3): Bad file descriptor [EBADF]");
}

TEST(MappingTest, OverlayReplacesAPartAndNothingOutside) {
  const long page = sysconf(_SC_PAGESIZE);
  Mapping mapping = *Mapping::Create(3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                     -1, 0, "test");
  const Fd file(memfd_create("test", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), page), 0);
  ASSERT_EQ(pwrite(file.get(), "x", 1, 0), 1);
  ASSERT_TRUE(
      mapping.Overlay(page, page, PROT_READ, MAP_SHARED, file.get(), 0, "file").has_value());
  EXPECT_EQ(mapping.data()[0], 0);
  EXPECT_EQ(mapping.data()[page], 'x');
  EXPECT_EQ(mapping.data()[2 * page], 0);
  EXPECT_FALSE(mapping.Overlay(2 * page, 2 * page, PROT_READ, MAP_SHARED, file.get(), 0, "file")
                   .has_value());
  EXPECT_FALSE(
      mapping.Overlay(4 * page, page, PROT_READ, MAP_SHARED, file.get(), 0, "file").has_value());
  EXPECT_TRUE(mapping.ExcludeFromDumps("test").has_value());
}

}  // namespace
}  // namespace sealvm
