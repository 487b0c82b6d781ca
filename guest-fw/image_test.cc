// SPDX-License-Identifier: Apache-2.0
// What the loader, the diagnostic guest and the host's measuring code rely on in the embedded
// images.

#include <elf.h>
#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "guest-fw/diag_image.h"
#include "guest-fw/speed_probe_image.h"

namespace sealvm {
namespace {

constexpr uint64_t kMiB = 1 << 20;

template <typename T>
T Read(std::span<const uint8_t> image, uint64_t offset) {
  T value{};
  EXPECT_LE(offset + sizeof(T), image.size());
  memcpy(&value, image.data() + offset, sizeof(T));
  return value;
}

std::string_view Text(std::span<const uint8_t> image) {
  return {reinterpret_cast<const char*>(image.data()), image.size()};
}

class DiagnosticImageTest : public testing::Test {
 protected:
  std::vector<Elf64_Phdr> Segments() const {
    std::vector<Elf64_Phdr> segments;
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      segments.push_back(Read<Elf64_Phdr>(image_, header_.e_phoff + i * sizeof(Elf64_Phdr)));
    }
    return segments;
  }

  std::span<const uint8_t> image_ = DiagnosticGuestImage();
  Elf64_Ehdr header_ = Read<Elf64_Ehdr>(image_, 0);
};

TEST_F(DiagnosticImageTest, IsAStatic64BitExecutableForX86) {
  EXPECT_EQ(memcmp(header_.e_ident, ELFMAG, SELFMAG), 0);
  EXPECT_EQ(header_.e_ident[EI_CLASS], ELFCLASS64);
  EXPECT_EQ(header_.e_machine, EM_X86_64);
  EXPECT_EQ(header_.e_type, ET_EXEC);
}

TEST_F(DiagnosticImageTest, HasOneLoadableSegmentAndNothingElse) {
  const auto segments = Segments();
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].p_type, uint32_t{PT_LOAD});
  EXPECT_EQ(segments[0].p_vaddr, segments[0].p_paddr);
  EXPECT_LE(segments[0].p_offset + segments[0].p_filesz, image_.size());
}

TEST_F(DiagnosticImageTest, IsEnteredInsideItsFileData) {
  const Elf64_Phdr segment = Segments().at(0);
  EXPECT_GE(header_.e_entry, segment.p_vaddr);
  EXPECT_LT(header_.e_entry, segment.p_vaddr + segment.p_filesz);
}

TEST_F(DiagnosticImageTest, LiesInTheSmallestMachinesRam) {
  const Elf64_Phdr segment = Segments().at(0);
  // Where a sealed guest's boot structures end: vmm/isolation/sealed/sealed_guest.cc.
  EXPECT_GE(segment.p_paddr, 0x160000u);
  EXPECT_LE(segment.p_memsz, 256u * 1024);
  EXPECT_LE(segment.p_paddr + segment.p_memsz, 2 * kMiB - 128 * 1024);
}

TEST_F(DiagnosticImageTest, IsSmall) { EXPECT_LE(image_.size(), 64u * 1024); }

TEST_F(DiagnosticImageTest, HasNoRelocationsAndNoDynamicSection) {
  for (unsigned i = 0; i < header_.e_shnum; ++i) {
    const auto section = Read<Elf64_Shdr>(image_, header_.e_shoff + i * sizeof(Elf64_Shdr));
    EXPECT_NE(section.sh_type, uint32_t{SHT_RELA});
    EXPECT_NE(section.sh_type, uint32_t{SHT_REL});
    EXPECT_NE(section.sh_type, uint32_t{SHT_DYNAMIC});
    EXPECT_NE(section.sh_type, uint32_t{SHT_NOTE});
  }
}

TEST_F(DiagnosticImageTest, NamesNoFileOfTheBuild) {
  EXPECT_EQ(Text(image_).find("guest-fw/"), std::string_view::npos);
  EXPECT_EQ(Text(image_).find("/tmp"), std::string_view::npos);
  EXPECT_EQ(Text(image_).find("GCC: "), std::string_view::npos);
}

TEST_F(DiagnosticImageTest, IsTheSameWhenBuiltAgain) {
  std::ifstream file("guest-fw/diag/diag_again.elf", std::ios::binary);
  const std::vector<char> again{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(again.empty());
  EXPECT_TRUE(
      std::ranges::equal(image_, again, {}, {}, [](char c) { return static_cast<uint8_t>(c); }));
}

// The length of each iteration is part of the measurement, so the code is pinned byte by byte.
TEST(SpeedProbeImageTest, IsExactlyTheDocumentedCode) {
  const std::vector<uint8_t> expected = {
      0xb0, kSpeedProbeStarted,  // mov $started, %al
      0xe6, kSpeedProbePort,     // out %al, $port
      0x48, 0xff,
      0xc9,                       // dec %rcx
      0x75, 0xfb,                 // jnz to the dec
      0xb0, kSpeedProbeFinished,  // mov $finished, %al
      0xe6, kSpeedProbePort,      // out %al, $port
      0xf4,                       // hlt
      0xeb, 0xfd,                 // jmp to the hlt
  };
  EXPECT_TRUE(std::ranges::equal(SpeedProbeImage(), expected));
}

}  // namespace
}  // namespace sealvm
