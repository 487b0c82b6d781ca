// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/handover_tree.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <memory>

#include "guest-fw/loader/manifest.h"

namespace sealvm {
namespace {

constexpr Gpa kWindow = 6 * kGiB;
constexpr uint64_t kC = uint64_t{1} << 40;

Handover MakeHandover() {
  Handover handover{.ram = {{kMiB, 3 * kGiB - kMiB, 0}, {4 * kGiB, kGiB, 3 * kGiB}},
                    .c_bit = 40,
                    .cpus = 3,
                    .window_base = kWindow,
                    .window_size = 32 * kMiB,
                    .payloads = {},
                    .entry = 16 * kMiB + 0x200,
                    .boot_params = 2 * kMiB,
                    .page_tables = 2 * kMiB + 0x1000,
                    .status_port = 0x520};
  handover.payloads = {
      {"--kernel vmlinuz", kWindow + kMiB, 16 * kMiB, 0x123456, {}, false},
      {"boot structures", kWindow + 4 * kMiB, 2 * kMiB, 0x7000, {}, false},
      {"loader", kWindow, 3 * kMiB, 0x7000, {}, true},
  };
  for (size_t i = 0; i < handover.payloads.size(); ++i) {
    for (size_t byte = 0; byte < 32; ++byte) {
      handover.payloads[i].sha256[byte] = static_cast<uint8_t>(i * 32 + byte);
    }
  }
  return handover;
}

std::vector<uint8_t> Build(const Handover& handover) {
  auto tree = BuildHandoverTree(handover);
  EXPECT_TRUE(tree) << tree.error().ToString();
  return tree.value_or(std::vector<uint8_t>{});
}

void ExpectSamePayloads(const loader::Manifest& manifest, const Handover& handover) {
  ASSERT_EQ(manifest.payload_count, handover.payloads.size());
  for (size_t i = 0; i < manifest.payload_count; ++i) {
    const loader::Payload& read = manifest.payloads[i];
    const HandoverPayload& written = handover.payloads[i];
    EXPECT_EQ(read.source, written.source);
    EXPECT_EQ(read.destination, written.destination | uint64_t{1} << handover.c_bit);
    EXPECT_EQ(read.length, written.length);
    EXPECT_EQ(read.sha256, written.sha256);
    EXPECT_EQ(read.is_loader, written.is_loader);
  }
}

void ExpectSame(const loader::Manifest& manifest, const Handover& handover) {
  EXPECT_EQ(manifest.status_port, handover.status_port);
  EXPECT_EQ(manifest.c_bit, handover.c_bit);
  EXPECT_EQ(manifest.cpus, handover.cpus);
  EXPECT_EQ(manifest.window, (loader::Range{handover.window_base, handover.window_size}));
  EXPECT_EQ(manifest.entry, handover.entry);
  EXPECT_EQ(manifest.boot_params, handover.boot_params);
  EXPECT_EQ(manifest.page_tables, handover.page_tables | uint64_t{1} << handover.c_bit);
  ASSERT_EQ(manifest.ram_count, handover.ram.size());
  for (size_t i = 0; i < manifest.ram_count; ++i) {
    EXPECT_EQ(manifest.ram[i], (loader::Range{handover.ram[i].base, handover.ram[i].size}));
  }
  ExpectSamePayloads(manifest, handover);
}

TEST(HandoverTree, IsWhatTheLoaderReads) {
  const Handover handover = MakeHandover();
  auto manifest = std::make_unique<loader::Manifest>();
  ASSERT_EQ(loader::ParseManifest(Build(handover), manifest.get()), LoaderStatus{});
  ExpectSame(*manifest, handover);
}

TEST(HandoverTree, PassesTheLoadersChecks) {
  auto manifest = std::make_unique<loader::Manifest>();
  ASSERT_TRUE(loader::ParseManifest(Build(MakeHandover()), manifest.get()).ok());
  EXPECT_EQ(loader::CheckManifest(*manifest, {kWindow, 0x7000}), LoaderStatus{});
}

TEST(HandoverTree, AddsCToPrivateAddresses) {
  auto manifest = std::make_unique<loader::Manifest>();
  ASSERT_TRUE(loader::ParseManifest(Build(MakeHandover()), manifest.get()).ok());
  EXPECT_EQ(manifest->payloads[0].destination, kC | 16 * kMiB);
  EXPECT_EQ(manifest->page_tables, kC | (2 * kMiB + 0x1000));
}

TEST(HandoverTree, HoldsTheLargestHandover) {
  Handover handover = MakeHandover();
  handover.ram.resize(kMaxHandoverRamRanges, {5 * kGiB, kMiB, 0});
  handover.payloads.resize(kMaxHandoverPayloads, handover.payloads[0]);
  auto manifest = std::make_unique<loader::Manifest>();
  ASSERT_EQ(loader::ParseManifest(Build(handover), manifest.get()), LoaderStatus{});
  ExpectSame(*manifest, handover);
}

TEST(HandoverTree, KeepsNumbersOf64Bits) {
  Handover handover = MakeHandover();
  handover.entry = 0x0123'4567'89ab'cdef;
  handover.payloads[0].length = UINT64_MAX;
  auto manifest = std::make_unique<loader::Manifest>();
  ASSERT_TRUE(loader::ParseManifest(Build(handover), manifest.get()).ok());
  EXPECT_EQ(manifest->entry, 0x0123'4567'89ab'cdefu);
  EXPECT_EQ(manifest->payloads[0].length, UINT64_MAX);
}

TEST(HandoverTree, HasTheSameBytesEachTime) {
  EXPECT_EQ(Build(MakeHandover()), Build(MakeHandover()));
}

TEST(HandoverTree, IsAValidDeviceTreeOfItsOwnSize) {
  const auto tree = Build(MakeHandover());
  ASSERT_EQ(fdt_check_full(tree.data(), tree.size()), 0);
  EXPECT_EQ(fdt_totalsize(tree.data()), tree.size());
  EXPECT_EQ(fdt_node_check_compatible(tree.data(), 0, "sealvm,handover-1"), 0);
}

TEST(HandoverTree, DoesNotTellTheGuestNamesOfTheHost) {
  const auto tree = Build(MakeHandover());
  const std::string_view text(reinterpret_cast<const char*>(tree.data()), tree.size());
  EXPECT_EQ(text.find("vmlinuz"), std::string_view::npos);
}

TEST(HandoverTree, RefusesWhatTheLoaderHasNoRoomFor) {
  Handover handover = MakeHandover();
  handover.payloads.resize(kMaxHandoverPayloads + 1);
  EXPECT_FALSE(BuildHandoverTree(handover));
  handover = MakeHandover();
  handover.ram.resize(kMaxHandoverRamRanges + 1);
  EXPECT_FALSE(BuildHandoverTree(handover));
}

TEST(HandoverTree, RefusesACBitOutOfRange) {
  Handover handover = MakeHandover();
  for (const unsigned c_bit : {0u, kMinCBit - 1, kMaxCBit + 1, 64u, 1000u}) {
    handover.c_bit = c_bit;
    EXPECT_FALSE(BuildHandoverTree(handover)) << c_bit;
  }
}

TEST(KernelTreeTest, HasTheStandardNodesAndOurs) {
  Handover handover;
  handover.ram = {{.base = 0, .size = kGiB}, {.base = 4 * kGiB, .size = 2 * kGiB}};
  handover.c_bit = 39;
  handover.cpus = 3;
  const std::vector<uint8_t> tree = *BuildKernelTree(handover, "console=ttyS0 quiet");
  ASSERT_EQ(fdt_check_full(tree.data(), tree.size()), 0);
  const auto property = [&](const char* path, const char* name) {
    int length = 0;
    const int node = fdt_path_offset(tree.data(), path);
    const void* bytes = node < 0 ? nullptr : fdt_getprop(tree.data(), node, name, &length);
    return bytes == nullptr ? std::string("absent")
                            : std::string(static_cast<const char*>(bytes), length);
  };
  using namespace std::string_literals;
  EXPECT_EQ(property("/chosen", "bootargs"), "console=ttyS0 quiet\0"s);
  EXPECT_EQ(property("/memory@0", "device_type"), "memory\0"s);
  EXPECT_EQ(property("/memory@0", "reg").size(), 32u);
  EXPECT_EQ(property("/sealed", "c-bit"), "\0\0\0\x27"s);
  EXPECT_EQ(property("/sealed", "cpus"), "\0\0\0\x03"s);
  EXPECT_EQ(*BuildKernelTree(handover, "console=ttyS0 quiet"), tree) << "not reproducible";
}

}  // namespace
}  // namespace sealvm
