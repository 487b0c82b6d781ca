// SPDX-License-Identifier: Apache-2.0
// The one-shot function brings OpenSSL's providers in, some 800 KiB of resident memory in every
// run.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "vmm/isolation/sealed/staging_window.h"

#include <fmt/format.h>
#include <openssl/sha.h>
#include <sys/mman.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "guest-fw/loader/handover_schema.h"
#include "guest-fw/sealed_loader_image.h"
#include "vmm/boot/page_tables.h"
#include "vmm/isolation/sealed/data_extents.h"
#include "vmm/isolation/sealed/window_page_tables.h"

namespace sealvm {
namespace {

// A gap that is cheaper to copy than to describe.
constexpr uint64_t kMergeGap = 1 * kMiB;

// A piece of the guest's image that is not zero, on its way into the window.
struct Piece {
  std::string name;
  Gpa gpa = 0;
  BackingRange bytes;  // of the image
};

std::string NameOf(Gpa begin, Gpa end, std::span<const LoadedRegion> regions) {
  std::string name;
  for (const LoadedRegion& region : regions) {
    const bool outside = region.gpa >= end || region.end() <= begin;
    if (outside || name.find(region.name) != name.npos) continue;
    if (!name.empty()) name += ", ";
    name += region.name;
  }
  return name.empty() ? "guest image" : name;
}

Result<std::vector<Piece>> FindPieces(const StagingWindow::Guest& guest) {
  std::vector<Piece> pieces;
  for (const RamRange& ram : guest.image.layout().ram()) {
    const auto extents = SEALVM_TRY(
        FindDataExtents(guest.image.backing().fd(), {ram.backing_offset, ram.size}, kMergeGap));
    for (const BackingRange& extent : extents) {
      const Gpa gpa = ram.base + (extent.offset - ram.backing_offset);
      pieces.push_back({NameOf(gpa, gpa + extent.length, guest.regions), gpa, extent});
    }
  }
  return pieces;
}

// Where the loader's private copy goes: whole pages of low RAM that nothing else has.
Result<Gpa> PlaceLoader(const GuestLayout& ram, const std::vector<Piece>& pieces,
                        std::span<const LoadedRegion> regions, uint64_t size) {
  Gpa candidate = kMiB;
  const auto move_behind = [&](Gpa begin, Gpa end) {
    if (begin < candidate + size && end > candidate) {
      candidate = PageCeil(end);
      return true;
    }
    return false;
  };
  bool moved = true;
  while (moved) {
    moved = false;
    for (const Piece& piece : pieces)
      moved |= move_behind(piece.gpa, piece.gpa + piece.bytes.length);
    for (const LoadedRegion& region : regions) moved |= move_behind(region.gpa, region.end());
  }
  if (candidate + size > ram.low_ram().size) {
    return InvalidInput("--memory: there is no room for the sealed loader beside the kernel",
                        "give the guest more memory");
  }
  return candidate;
}

std::array<uint8_t, 32> Sha256Of(std::span<const uint8_t> bytes) {
  std::array<uint8_t, 32> digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

// Hands out the window's memory from its start.
class WindowWriter {
 public:
  WindowWriter(Gpa base, Mapping& memory) : base_(base), memory_(memory) {}

  // The next `size` bytes, from a page on.
  std::pair<Gpa, std::span<uint8_t>> Take(uint64_t size) {
    const std::span<uint8_t> bytes(memory_.data() + used_, size);
    const Gpa gpa = base_ + used_;
    used_ += PageCeil(size);
    return {gpa, bytes};
  }
  Gpa Put(std::span<const uint8_t> content) {
    const auto [gpa, bytes] = Take(content.size());
    std::ranges::copy(content, bytes.begin());
    return gpa;
  }
  // The pages of a file themselves, without a copy.
  Result<std::pair<Gpa, std::span<const uint8_t>>> Show(int fd, BackingRange range) {
    const auto [gpa, bytes] = Take(range.length);
    SEALVM_TRY(memory_.Overlay(gpa - base_, range.length, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_POPULATE, fd, static_cast<off_t>(range.offset),
                               "guest image"));
    return std::pair<Gpa, std::span<const uint8_t>>(gpa, bytes);
  }

 private:
  const Gpa base_;
  Mapping& memory_;
  uint64_t used_ = 0;
};

std::vector<GpaRange> MappedRanges(const SealedLayout& layout, uint64_t window_size) {
  std::vector<GpaRange> ranges = {{layout.window_base(), window_size}};
  for (const RamRange& ram : layout.ram().ram()) {
    ranges.push_back({layout.c_mask() + ram.base, ram.size});
  }
  return ranges;
}

}  // namespace

Result<StagingWindow> StagingWindow::Create(const SealedLayout& layout, const Guest& guest) {
  const std::span<const uint8_t> loader = SealedLoaderImage();
  const std::vector<Piece> pieces = SEALVM_TRY(FindPieces(guest));
  const Gpa loader_gpa =
      SEALVM_TRY(PlaceLoader(layout.ram(), pieces, guest.regions, PageCeil(loader.size())));
  // One PML4 and at most one table for each 512 GiB.
  const uint64_t tables_size =
      BuildWindowPageTables(0, MappedRanges(layout, layout.ram().ram_size() + kGiB)).size();
  uint64_t size = PageCeil(loader.size()) + kLoaderStackSize + PageCeil(kBootGdtSize) +
                  tables_size + kMaxHandoverTreeSize;
  for (const Piece& piece : pieces) size += piece.bytes.length;
  if (size > std::min(layout.max_window_size(), kMaxWindowSize)) {
    return InvalidInput("--kernel, --initrd: too large together for a sealed guest's launch");
  }

  StagingWindow window;
  window.memory_ = SEALVM_TRY(Mapping::Create(size, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0,
                                              "staging window"));
  WindowWriter writer(layout.window_base(), window.memory_);
  Handover& handover = window.handover_;
  handover.ram = {layout.ram().ram().begin(), layout.ram().ram().end()};
  handover.c_bit = layout.c_bit();
  handover.cpus = guest.cpus;
  handover.window_base = layout.window_base();
  handover.window_size = size;
  handover.entry = guest.entry.rip;
  handover.boot_params = guest.entry.rsi;
  handover.page_tables = guest.entry.cr3 & ~layout.c_mask();

  const Gpa loader_source = writer.Put(loader);
  handover.payloads.push_back({.name = "sealed loader",
                               .source = loader_source,
                               .destination = loader_gpa,
                               .length = loader.size(),
                               .sha256 = Sha256Of(loader),
                               .is_loader = true});
  const Gpa stack_end = writer.Take(kLoaderStackSize).first + kLoaderStackSize;
  BootLayout boot;
  boot.gdt = writer.Put(BuildBootGdt(true));
  const auto [tables, table_bytes] = writer.Take(tables_size);
  std::ranges::copy(BuildWindowPageTables(tables, MappedRanges(layout, size)), table_bytes.begin());
  boot.page_tables = tables;
  for (const Piece& piece : pieces) {
    const auto [source, bytes] = SEALVM_TRY(writer.Show(guest.image.backing().fd(), piece.bytes));
    handover.payloads.push_back({.name = piece.name,
                                 .source = source,
                                 .destination = piece.gpa,
                                 .length = piece.bytes.length,
                                 .sha256 = Sha256Of(bytes)});
  }
  const std::vector<uint8_t> tree_bytes = SEALVM_TRY(BuildHandoverTree(handover));
  const Gpa tree = writer.Put(tree_bytes);
  window.tree_ = {window.memory_.data() + (tree - layout.window_base()), tree_bytes.size()};
  window.entry_ = MakeLinux64Entry(boot, loader_source, 0);
  window.entry_.rsi = 0;
  window.entry_.rdi = tree;
  window.entry_.rsp = stack_end;
  SEALVM_TRY(window.memory_.ExcludeFromDumps("staging window"));
  return window;
}

}  // namespace sealvm
