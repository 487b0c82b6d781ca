// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/elf_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "vmm/boot/testing/elf_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

constexpr Gpa kBase = 0x1000000;
const std::vector<uint8_t> kCode(64, 0x90);

Result<ElfKernel> Parse(const std::vector<uint8_t>& bytes) {
  return ParseElfKernel(ImageFile::FromBytes("kernel", bytes));
}

Result<ElfKernel> Parse(const ElfBuilder& builder) { return Parse(builder.Build()); }

ElfBuilder OneSegment() {
  ElfBuilder builder;
  builder.Segment(kBase, kCode, 128).Entry(kBase);
  return builder;
}

TEST(ElfKernel, TakesSegmentsInAscendingOrder) {
  const auto kernel =
      Parse(ElfBuilder().Segment(kBase + 0x2000, kCode, 64).Segment(kBase, kCode, 128));

  ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();
  ASSERT_EQ(kernel->segments.size(), 2u);
  EXPECT_EQ(kernel->segments[0].gpa, kBase);
  EXPECT_EQ(kernel->segments[0].file_size, 64u);
  EXPECT_EQ(kernel->segments[0].memory_size, 128u);
  EXPECT_EQ(kernel->segments[1].gpa, kBase + 0x2000);
}

TEST(ElfKernel, FindsThePvhEntryOfLinux) {
  const auto kernel = Parse(MakeTinyVmlinux());

  ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();
  EXPECT_EQ(kernel->pvh_entry, kTinyVmlinuxPvhEntry);
  EXPECT_EQ(kernel->entry, kTinyVmlinuxEntry);
  EXPECT_TRUE(kernel->is_linux);
}

TEST(ElfKernel, PvhNoteMayBe32BitsWide) {
  const auto kernel = Parse(OneSegment().PvhNote(kBase + 16, 4));

  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->pvh_entry, kBase + 16);
  EXPECT_FALSE(kernel->is_linux);
}

TEST(ElfKernel, XenGuestOsNoteSaysLinux) {
  const auto kernel = Parse(OneSegment().Note("Xen", 6, {'l', 'i', 'n', 'u', 'x', 0}));

  ASSERT_TRUE(kernel.has_value());
  EXPECT_TRUE(kernel->is_linux);
}

TEST(ElfKernel, NotesOfOthersMeanNothing) {
  const auto kernel = Parse(OneSegment().Note("GNU", 18, {1, 2, 3, 4}));

  ASSERT_TRUE(kernel.has_value());
  EXPECT_FALSE(kernel->pvh_entry.has_value());
}

TEST(ElfKernel, PvhEntryAbove4GiBIsRefused) {
  ExpectInvalidInput(Parse(OneSegment().PvhNote(uint64_t{1} << 32)), "malformed PVH entry");
}

TEST(ElfKernel, PvhNoteOfOddWidthIsRefused) {
  ExpectInvalidInput(Parse(OneSegment().PvhNote(kBase, 2)), "malformed PVH entry");
}

TEST(ElfKernel, NoteThatClaimsMoreThanThereIsEndsTheWalk) {
  std::vector<uint8_t> file = OneSegment().PvhNote(kBase).Build();
  file[0x1000 + kCode.size()] = 0xff;  // n_namesz

  const auto kernel = Parse(file);

  ASSERT_TRUE(kernel.has_value());
  EXPECT_FALSE(kernel->pvh_entry.has_value());
}

TEST(ElfKernel, NotesBeyondTheFileAreRefused) {
  ElfBuilder builder = OneSegment().LinuxNote();
  builder.program_headers.back().p_offset = UINT64_MAX - 4;
  ExpectInvalidInput(Parse(builder), "notes lie outside");
}

TEST(ElfKernel, HugeNotesAreRefused) {
  ElfBuilder builder = OneSegment().Segment(0x2000000, std::vector<uint8_t>(70000), 70000);
  builder.LinuxNote();
  builder.program_headers.back().p_offset = 0;
  builder.program_headers.back().p_filesz = 66000;
  ExpectInvalidInput(Parse(builder), "notes of 66000 bytes");
}

TEST(ElfKernel, EmptySegmentsAreSkipped) {
  const auto kernel = Parse(OneSegment().Segment(0, {}, 0));

  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->segments.size(), 1u);
}

TEST(ElfKernel, NothingToLoadIsRefused) {
  ExpectInvalidInput(Parse(ElfBuilder().LinuxNote()), "has nothing to load");
}

TEST(ElfKernel, NoProgramHeadersAreRefused) {
  ExpectInvalidInput(Parse(ElfBuilder()), "no program headers");
}

TEST(ElfKernel, ThirtyTwoBitFileIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.header.e_ident[EI_CLASS] = ELFCLASS32;
  ExpectInvalidInput(Parse(builder), "is a 32-bit ELF file");
}

TEST(ElfKernel, BigEndianFileIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.header.e_ident[EI_DATA] = ELFDATA2MSB;
  ExpectInvalidInput(Parse(builder), "big-endian");
}

TEST(ElfKernel, OtherMachineIsNamed) {
  ElfBuilder builder = OneSegment();
  builder.header.e_machine = EM_AARCH64;
  ExpectInvalidInput(Parse(builder), "ELF file for ARM64");
}

TEST(ElfKernel, KernelModuleIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.header.e_type = ET_REL;
  ExpectInvalidInput(Parse(builder), "kernel module");
}

TEST(ElfKernel, CoreDumpIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.header.e_type = ET_CORE;
  ExpectInvalidInput(Parse(builder), "not an executable one");
}

TEST(ElfKernel, UserProgramIsRefused) {
  ElfBuilder builder = OneSegment().Segment(0, kCode, 64);
  builder.program_headers.back().p_type = PT_INTERP;
  ExpectInvalidInput(Parse(builder), "a program for a running system");
}

TEST(ElfKernel, ProgramHeadersOfAnotherSizeAreRefused) {
  ElfBuilder builder = OneSegment();
  builder.header.e_phentsize = 32;
  ExpectInvalidInput(Parse(builder), "program headers of 32 bytes");
}

TEST(ElfKernel, TooManyProgramHeadersAreRefused) {
  ElfBuilder builder = OneSegment();
  builder.header.e_phnum = 0xffff;
  ExpectInvalidInput(Parse(builder), "65535 program headers");
}

TEST(ElfKernel, ProgramHeadersBeyondTheFileAreRefused) {
  ElfBuilder builder = OneSegment();
  builder.header.e_phoff = UINT64_MAX - 8;
  ExpectInvalidInput(Parse(builder), "program headers lie outside");
}

TEST(ElfKernel, SegmentBeyondTheFileIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.program_headers[0].p_offset = UINT64_MAX;
  ExpectInvalidInput(Parse(builder), "segment at 0x1000000 lies outside of the file");
}

TEST(ElfKernel, SegmentLargerInTheFileThanInMemoryIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.program_headers[0].p_memsz = 63;
  ExpectInvalidInput(Parse(builder), "more bytes in the file than in memory");
}

TEST(ElfKernel, WrappingPhysicalAddressIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.program_headers[0].p_paddr = UINT64_MAX - 16;
  ExpectInvalidInput(Parse(builder), "exceeds the physical address space");
}

TEST(ElfKernel, WrappingMemorySizeIsRefused) {
  ElfBuilder builder = OneSegment();
  builder.program_headers[0].p_memsz = UINT64_MAX;
  ExpectInvalidInput(Parse(builder), "exceeds the physical address space");
}

TEST(ElfKernel, OverlappingSegmentsAreRefused) {
  ExpectInvalidInput(Parse(OneSegment().Segment(kBase + 127, kCode, 64)),
                     "segments at 0x1000000 and 0x100007f overlap");
}

TEST(ElfKernel, AdjacentSegmentsAreAccepted) {
  EXPECT_TRUE(Parse(OneSegment().Segment(kBase + 128, kCode, 64)).has_value());
}

TEST(ElfKernel, EveryTruncationIsRefused) {
  const std::vector<uint8_t> whole = MakeTinyVmlinux(64, 64);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(Parse(cut).has_value()) << size;
  }
}

TEST(ElfKernel, CoversItsSegmentsAndNothingElse) {
  const auto kernel = Parse(OneSegment());

  ASSERT_TRUE(kernel.has_value());
  EXPECT_FALSE(kernel->Covers(kBase - 1));
  EXPECT_TRUE(kernel->Covers(kBase));
  EXPECT_TRUE(kernel->Covers(kBase + 127));
  EXPECT_FALSE(kernel->Covers(kBase + 128));
}

}  // namespace
}  // namespace sealvm
