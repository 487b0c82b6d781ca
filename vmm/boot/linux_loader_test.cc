// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/linux_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/boot/testing/elf_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

const BootLayout kLayout;

// Loads one kernel, with what a test adds to `sources`, into fresh memory.
class LinuxLoader : public testing::Test {
 protected:
  void UseKernel(std::vector<uint8_t> bytes) {
    kernel_bytes_ = std::move(bytes);
    auto image = KernelImage::FromBytes("--kernel k", kernel_bytes_);
    ASSERT_TRUE(image.has_value()) << image.error().ToString();
    kernel_ = std::make_unique<KernelImage>(*std::move(image));
    sources_.kernel = kernel_.get();
  }

  void UseInitrd(size_t size) {
    std::vector<uint8_t> bytes(size);
    std::iota(bytes.begin(), bytes.end(), uint8_t{3});
    initrd_ = std::make_unique<ImageFile>(ImageFile::FromBuffer("--initrd i", std::move(bytes)));
    sources_.initrd = initrd_.get();
  }

  Result<BootState> Load(uint64_t memory_bytes = 64 * kMiB) {
    memory_ = std::make_unique<GuestMemory>(MakeTestMemory(memory_bytes));
    return LoadGuest(*memory_, sources_);
  }

  template <typename T>
  T At(Gpa gpa) const {
    return *memory_->ReadObject<T>(gpa);
  }

  static const LoadedRegion* Find(const BootState& state, std::string_view name) {
    const auto region = std::ranges::find(state.regions, name, &LoadedRegion::name);
    return region == state.regions.end() ? nullptr : &*region;
  }

  BootSources sources_;
  std::vector<uint8_t> kernel_bytes_;
  std::unique_ptr<KernelImage> kernel_;
  std::unique_ptr<ImageFile> initrd_;
  std::unique_ptr<GuestMemory> memory_;
};

TEST_F(LinuxLoader, BzImageGoesToItsPreferredAddress) {
  UseKernel(BzImageBuilder{}.Build());

  const auto state = Load();

  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  EXPECT_EQ(state->entry.protocol, BootProtocol::kLinux64);
  EXPECT_EQ(state->entry.rip, 0x1000200u);
  EXPECT_EQ(state->entry.rsi, kLayout.zero_page);
  EXPECT_EQ(At<uint8_t>(0x1000000), BzImageBuilder::CodeByte(0));
  EXPECT_EQ(At<uint8_t>(0x1000fff), BzImageBuilder::CodeByte(0xfff));
}

TEST_F(LinuxLoader, BzImageTakesAllOfItsInitSize) {
  UseKernel(BzImageBuilder{.init_size = 0x300000}.Build());

  const auto state = Load();

  ASSERT_TRUE(state.has_value());
  ASSERT_NE(Find(*state, "kernel"), nullptr);
  EXPECT_EQ(Find(*state, "kernel")->size, 0x300000u);
}

TEST_F(LinuxLoader, BzImageHeaderReachesTheZeroPage) {
  UseKernel(BzImageBuilder{.protocol = 0x020d}.Build());

  ASSERT_TRUE(Load().has_value());

  EXPECT_EQ(At<uint16_t>(kLayout.zero_page + 0x206), 0x020d);
  EXPECT_EQ(At<uint32_t>(kLayout.zero_page + 0x214), 0x1000000u);
}

TEST_F(LinuxLoader, LinuxElfIsEnteredAtItsEntryPoint) {
  UseKernel(MakeTinyVmlinux());

  const auto state = Load();

  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  EXPECT_EQ(state->entry.protocol, BootProtocol::kLinux64);
  EXPECT_EQ(state->entry.rip, kTinyVmlinuxEntry);
  EXPECT_EQ(At<uint8_t>(kTinyVmlinuxBase), 1);
  EXPECT_EQ(At<uint8_t>(kTinyVmlinuxBase + 4096), 0);
}

TEST_F(LinuxLoader, LinuxElfIsEnteredByPvhWhenAsked) {
  UseKernel(MakeTinyVmlinux());
  sources_.entry = EntryChoice::kPvh;
  sources_.cmdline = "quiet";

  const auto state = Load();

  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  EXPECT_EQ(state->entry.protocol, BootProtocol::kPvh32);
  EXPECT_EQ(state->entry.rip, kTinyVmlinuxPvhEntry);
  EXPECT_EQ(At<uint32_t>(state->entry.rbx), 0x336ec578u);
  EXPECT_EQ(At<uint64_t>(state->entry.rbx + 24), kLayout.cmdline);
  EXPECT_EQ(Find(*state, "page tables"), nullptr);
}

TEST_F(LinuxLoader, OtherElfWithPvhNoteIsEnteredByPvh) {
  UseKernel(ElfBuilder().Segment(0x200000, {1, 2, 3, 4}, 4).PvhNote(0x200002).Build());

  const auto state = Load();

  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  EXPECT_EQ(state->entry.protocol, BootProtocol::kPvh32);
  EXPECT_EQ(state->entry.rip, 0x200002u);
}

TEST_F(LinuxLoader, OtherElfIsEnteredAtItsEntryPointWhenAsked) {
  UseKernel(
      ElfBuilder().Segment(0x200000, {1, 2, 3, 4}, 4).PvhNote(0x200002).Entry(0x200001).Build());
  sources_.entry = EntryChoice::kLinux64;

  const auto state = Load();

  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->entry.rip, 0x200001u);
}

TEST_F(LinuxLoader, ElfWithoutPvhNoteCannotUsePvh) {
  UseKernel(ElfBuilder().Segment(0x200000, {1}, 1).Entry(0x200000).Build());
  sources_.entry = EntryChoice::kPvh;

  ExpectInvalidInput(Load(), "--kernel k: has no PVH entry");
}

TEST_F(LinuxLoader, BzImageCannotUsePvh) {
  UseKernel(BzImageBuilder{}.Build());
  sources_.entry = EntryChoice::kPvh;

  ExpectInvalidInput(Load(), "--kernel k: a bzImage has no PVH entry");
}

TEST_F(LinuxLoader, ThirtyTwoBitBzImageIsRefused) {
  UseKernel(BzImageBuilder{.xloadflags = 0}.Build());

  ExpectInvalidInput(Load(), "--kernel k: has no 64-bit entry point");
}

TEST_F(LinuxLoader, EntryOutsideOfTheSegmentsIsRefused) {
  UseKernel(ElfBuilder().Segment(0x200000, {1}, 16).Entry(0x200010).Build());

  ExpectInvalidInput(Load(), "--kernel k: the entry point 0x200010 lies outside");
}

TEST_F(LinuxLoader, PvhEntryOutsideOfTheSegmentsIsRefused) {
  UseKernel(ElfBuilder().Segment(0x200000, {1}, 16).PvhNote(0x1ff000).Build());

  ExpectInvalidInput(Load(), "the entry point 0x1ff000 lies outside");
}

TEST_F(LinuxLoader, SegmentOverBootStructuresIsRefused) {
  UseKernel(ElfBuilder().Segment(0x7000, {1}, 16).Entry(0x7000).Build());

  ExpectInvalidInput(Load(), "--kernel k: kernel segment at 0x7000+0x10 overlaps boot_params");
}

TEST_F(LinuxLoader, SegmentInTheVideoMemoryIsRefused) {
  UseKernel(ElfBuilder().Segment(0xb8000, {1}, 16).Entry(0xb8000).Build());

  ExpectInvalidInput(Load(), "--kernel k: kernel segment at 0xb8000+0x10 is not in guest RAM");
}

TEST_F(LinuxLoader, BzImageLargerThanMemorySaysWhatItNeeds) {
  UseKernel(BzImageBuilder{.init_size = 56 << 20}.Build());

  const auto state = Load(64 * kMiB);

  ExpectInvalidInput(state, "--kernel k: needs 72 MiB of guest memory, but --memory gives 64 MiB");
  EXPECT_EQ(state.error().hint, "use --memory 72M or more");
}

TEST_F(LinuxLoader, ElfLargerThanMemorySaysWhatItNeeds) {
  UseKernel(MakeTinyVmlinux(4096, 100 * kMiB + 1));

  ExpectInvalidInput(Load(64 * kMiB), "needs 117 MiB of guest memory");
}

TEST_F(LinuxLoader, KernelThatFitsToTheByteIsLoaded) {
  UseKernel(BzImageBuilder{.init_size = 48 << 20}.Build());

  EXPECT_TRUE(Load(64 * kMiB).has_value());
}

TEST_F(LinuxLoader, KernelInThePciHoleIsRefused) {
  UseKernel(ElfBuilder().Segment(kLowRamEnd - 8, {1}, 16).Entry(kLowRamEnd - 8).Build());

  ExpectInvalidInput(Load(5 * kGiB), "wants to lie at addresses up to 0xc0000008");
}

TEST_F(LinuxLoader, CommandLineIsTerminated) {
  UseKernel(BzImageBuilder{}.Build());
  sources_.cmdline = "console=ttyS0";

  ASSERT_TRUE(Load().has_value());

  EXPECT_EQ(At<uint32_t>(kLayout.zero_page + 0x228), kLayout.cmdline);
  const auto bytes = ReadBytes(*memory_, kLayout.cmdline, 14);
  EXPECT_STREQ(reinterpret_cast<const char*>(bytes.data()), "console=ttyS0");
}

TEST_F(LinuxLoader, LongestCommandLineIsAccepted) {
  UseKernel(BzImageBuilder{.cmdline_size = 100}.Build());
  sources_.cmdline = std::string(100, 'x');

  EXPECT_TRUE(Load().has_value());
}

TEST_F(LinuxLoader, LongerCommandLineIsRefused) {
  UseKernel(BzImageBuilder{.cmdline_size = 100}.Build());
  sources_.cmdline = std::string(101, 'x');

  ExpectInvalidInput(Load(), "--cmdline: 101 bytes, but --kernel k takes at most 100");
}

TEST_F(LinuxLoader, HeadersCommandLineSizeIsNotTrustedBeyondOurRoom) {
  UseKernel(BzImageBuilder{.cmdline_size = UINT32_MAX}.Build());
  sources_.cmdline = std::string(kCmdlineAreaSize, 'x');

  ExpectInvalidInput(Load(), "takes at most 65535");
}

TEST_F(LinuxLoader, ElfTakes2047BytesOfCommandLine) {
  UseKernel(MakeTinyVmlinux());
  sources_.cmdline = std::string(2048, 'x');

  ExpectInvalidInput(Load(), "--cmdline: 2048 bytes, but --kernel k takes at most 2047");
}

TEST_F(LinuxLoader, NulInTheCommandLineIsRefused) {
  UseKernel(MakeTinyVmlinux());
  sources_.cmdline = std::string("a\0b", 3);

  ExpectInvalidInput(Load(), "--cmdline: contains a NUL byte");
}

TEST_F(LinuxLoader, InitrdGoesToTheTopOfLowMemory) {
  UseKernel(BzImageBuilder{}.Build());
  UseInitrd(5000);

  const auto state = Load(64 * kMiB);

  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  const Gpa expected = 64 * kMiB - 0x2000;
  EXPECT_EQ(At<uint32_t>(kLayout.zero_page + 0x218), expected);
  EXPECT_EQ(At<uint32_t>(kLayout.zero_page + 0x21c), 5000u);
  EXPECT_EQ(At<uint8_t>(expected), 3);
  EXPECT_EQ(At<uint8_t>(expected + 4999), static_cast<uint8_t>(3 + 4999));
}

TEST_F(LinuxLoader, InitrdAddrMaxIsHonoured) {
  UseKernel(BzImageBuilder{.initrd_addr_max = (32 << 20) - 1}.Build());
  UseInitrd(4096);

  ASSERT_TRUE(Load(64 * kMiB).has_value());

  EXPECT_EQ(At<uint32_t>(kLayout.zero_page + 0x218), 32 * kMiB - 4096);
}

TEST_F(LinuxLoader, InitrdGoesAbove4GiBWhenThereIsNoOtherPlace) {
  UseKernel(BzImageBuilder{.initrd_addr_max = 0x100fff}.Build());
  UseInitrd(8192);

  ASSERT_TRUE(Load(4 * kGiB).has_value());

  EXPECT_EQ(At<uint32_t>(kLayout.zero_page + 0x0c0), 1u);
  EXPECT_EQ(At<uint32_t>(kLayout.zero_page + 0x218), kGiB - 8192);
}

TEST_F(LinuxLoader, InitrdStaysBelow4GiBForAKernelThatNeedsIt) {
  UseKernel(BzImageBuilder{.xloadflags = 1, .initrd_addr_max = 0x100fff}.Build());
  UseInitrd(8192);

  ExpectInvalidInput(Load(4 * kGiB), "--initrd i: 8192 bytes do not fit");
}

TEST_F(LinuxLoader, InitrdThatDoesNotFitSaysWhatWouldBeEnough) {
  UseKernel(BzImageBuilder{}.Build());
  UseInitrd(50 << 20);

  const auto state = Load(64 * kMiB);

  ExpectInvalidInput(state, "--initrd i: 52428800 bytes do not fit into the guest's memory");
  EXPECT_EQ(state.error().hint, "use --memory 67M or more");
  EXPECT_TRUE(Load(67 * kMiB).has_value());
}

TEST_F(LinuxLoader, EmptyInitrdIsRefused) {
  UseKernel(BzImageBuilder{}.Build());
  UseInitrd(0);

  ExpectInvalidInput(Load(), "--initrd i: is empty");
}

TEST_F(LinuxLoader, PvhInitrdIsAModule) {
  UseKernel(MakeTinyVmlinux());
  UseInitrd(100);
  sources_.entry = EntryChoice::kPvh;

  const auto state = Load();

  ASSERT_TRUE(state.has_value());
  const auto modules = At<uint64_t>(state->entry.rbx + 16);
  EXPECT_EQ(At<uint64_t>(modules), 64 * kMiB - 4096);
  EXPECT_EQ(At<uint64_t>(modules + 8), 100u);
}

TEST_F(LinuxLoader, AcpiTablesArePutAndAnnounced) {
  UseKernel(BzImageBuilder{}.Build());
  const std::vector<uint8_t> tables = {'R', 'S', 'D', ' '};
  sources_.acpi_tables = tables;

  ASSERT_TRUE(Load().has_value());

  EXPECT_EQ(At<uint64_t>(kLayout.zero_page + 0x070), kLayout.acpi);
  EXPECT_EQ(ReadBytes(*memory_, kLayout.acpi, 4), tables);
}

TEST_F(LinuxLoader, WithoutAcpiTablesNoneAreAnnounced) {
  UseKernel(BzImageBuilder{}.Build());

  ASSERT_TRUE(Load().has_value());

  EXPECT_EQ(At<uint64_t>(kLayout.zero_page + 0x070), 0u);
}

TEST_F(LinuxLoader, OversizedAcpiTablesAreTheVmmsError) {
  UseKernel(BzImageBuilder{}.Build());
  const std::vector<uint8_t> tables(kAcpiAreaSize + 1);
  sources_.acpi_tables = tables;

  ExpectError(Load(), ErrorKind::kHost, "ACPI tables of 131073 bytes");
}

TEST_F(LinuxLoader, SetupDataIsChained) {
  UseKernel(BzImageBuilder{}.Build());
  sources_.setup_data = {{.type = 2, .bytes = {0xd0, 0x0d}}};

  ASSERT_TRUE(Load().has_value());

  EXPECT_EQ(At<uint64_t>(kLayout.zero_page + 0x250), kLayout.setup_data);
  EXPECT_EQ(At<uint32_t>(kLayout.setup_data + 8), 2u);
}

TEST_F(LinuxLoader, OversizedSetupDataIsTheVmmsError) {
  UseKernel(BzImageBuilder{}.Build());
  sources_.setup_data = {{.type = 2, .bytes = std::vector<uint8_t>(kSetupDataAreaSize)}};

  ExpectError(Load(), ErrorKind::kHost, "setup_data of");
}

TEST_F(LinuxLoader, OtherLayoutMovesEverything) {
  UseKernel(BzImageBuilder{}.Build());
  sources_.layout = {.gdt = 0x100000,
                     .zero_page = 0x101000,
                     .start_info = 0x102000,
                     .page_tables = 0x103000,
                     .cmdline = 0x110000,
                     .setup_data = 0x120000,
                     .acpi = kAcpiAreaBase};
  sources_.encryption_mask = uint64_t{1} << 39;

  const auto state = Load();

  ASSERT_TRUE(state.has_value()) << state.error().ToString();
  EXPECT_EQ(state->entry.rsi, 0x101000u);
  EXPECT_EQ(state->entry.cr3, 0x103000u | uint64_t{1} << 39);
  EXPECT_EQ(At<uint64_t>(0x103000), 0x104003u | uint64_t{1} << 39);
  EXPECT_TRUE(std::ranges::all_of(state->regions,
                                  [](const LoadedRegion& region) { return region.gpa >= kMiB; }));
}

TEST_F(LinuxLoader, LayoutThatCollidesIsRefused) {
  UseKernel(BzImageBuilder{}.Build());
  sources_.layout.zero_page = sources_.layout.page_tables + 0x1000;

  ExpectInvalidInput(Load(), "boot_params at 0xa000+0x1000 overlaps page tables");
}

TEST_F(LinuxLoader, RegionsDoNotOverlap) {
  UseKernel(MakeTinyVmlinux());
  UseInitrd(10000);
  sources_.cmdline = "quiet";
  const std::vector<uint8_t> tables(1000, 1);
  sources_.acpi_tables = tables;

  auto state = Load();

  ASSERT_TRUE(state.has_value());
  std::ranges::sort(state->regions, {}, &LoadedRegion::gpa);
  for (size_t i = 1; i < state->regions.size(); ++i) {
    EXPECT_LE(state->regions[i - 1].end(), state->regions[i].gpa) << state->regions[i].name;
  }
}

TEST_F(LinuxLoader, KernelFileThatShrinksWhileLoadingIsAnError) {
  const TemporaryFile file(BzImageBuilder{.code_size = 0x10000}.Build());
  const auto image = KernelImage::Open(file.path(), "--kernel");
  ASSERT_TRUE(image.has_value());
  file.Truncate(20'000);
  sources_.kernel = &*image;

  ExpectInvalidInput(Load(), "--kernel " + file.path() + ": ends at byte 20000");
}

}  // namespace
}  // namespace sealvm
