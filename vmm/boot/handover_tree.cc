// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/handover_tree.h"

#include <fmt/format.h>
#include <libfdt.h>

#include <string>
#include <string_view>
#include <utility>

namespace sealvm {
namespace {

// Writes a tree from front to back (libfdt's sequential-write functions). The first error counts.
class TreeWriter {
 public:
  TreeWriter() : buffer_(kMaxHandoverTreeSize) {
    Do(fdt_create(buffer_.data(), static_cast<int>(buffer_.size())));
    Do(fdt_finish_reservemap(buffer_.data()));
  }

  void BeginNode(const std::string& name) { Do(fdt_begin_node(buffer_.data(), name.c_str())); }
  void EndNode() { Do(fdt_end_node(buffer_.data())); }

  void Bytes(std::string_view name, const void* bytes, size_t size) {
    Do(fdt_property(buffer_.data(), std::string(name).c_str(), bytes, static_cast<int>(size)));
  }
  void Text(std::string_view name, std::string_view text) {
    Bytes(name, std::string(text).c_str(), text.size() + 1);
  }
  void U32(std::string_view name, uint32_t number) {
    const fdt32_t cell = cpu_to_fdt32(number);
    Bytes(name, &cell, sizeof(cell));
  }
  void U64(std::string_view name, uint64_t number) { Numbers(name, {number}); }
  void Numbers(std::string_view name, const std::vector<uint64_t>& numbers) {
    std::vector<fdt64_t> cells;
    for (const uint64_t number : numbers) cells.push_back(cpu_to_fdt64(number));
    Bytes(name, cells.data(), cells.size() * sizeof(fdt64_t));
  }

  Result<std::vector<uint8_t>> Finish() && {
    Do(fdt_finish(buffer_.data()));
    if (error_ != 0) {
      return HostError(fmt::format("hand-over tree: libfdt: {}", fdt_strerror(error_)));
    }
    buffer_.resize(fdt_totalsize(buffer_.data()));
    return std::move(buffer_);
  }

 private:
  void Do(int result) {
    if (error_ == 0) error_ = result;
  }

  std::vector<uint8_t> buffer_;
  int error_ = 0;
};

Result<> CheckLimits(const Handover& handover) {
  if (handover.c_bit < kMinCBit || handover.c_bit > kMaxCBit) {
    return HostError(fmt::format("hand-over tree: C-bit {} is not from {} to {}", handover.c_bit,
                                 kMinCBit, kMaxCBit));
  }
  if (handover.ram.size() > kMaxHandoverRamRanges) {
    return HostError(fmt::format("hand-over tree: {} RAM ranges, at most {} fit",
                                 handover.ram.size(), kMaxHandoverRamRanges));
  }
  if (handover.payloads.size() > kMaxHandoverPayloads) {
    return HostError(fmt::format("hand-over tree: {} payloads, at most {} fit",
                                 handover.payloads.size(), kMaxHandoverPayloads),
                     "the kernel has too many loadable segments");
  }
  return {};
}

std::vector<uint64_t> RamNumbers(const Handover& handover) {
  std::vector<uint64_t> ram;
  for (const RamRange& range : handover.ram) ram.insert(ram.end(), {range.base, range.size});
  return ram;
}

void WriteRoot(TreeWriter& tree, const Handover& handover, uint64_t c) {
  tree.Text(kCompatibleProperty, kHandoverCompatible);
  tree.U32(kStatusPortProperty, handover.status_port);
  tree.U32(kCBitProperty, handover.c_bit);
  tree.U32(kCpusProperty, handover.cpus);
  tree.Numbers(kRamProperty, RamNumbers(handover));
  tree.Numbers(kWindowProperty, {handover.window_base, handover.window_size});
  tree.U64(kEntryProperty, handover.entry);
  tree.U64(kBootParamsProperty, handover.boot_params);
  tree.U64(kPageTablesProperty, handover.page_tables | c);
}

void WritePayload(TreeWriter& tree, const HandoverPayload& payload, uint64_t c) {
  tree.U64(kSourceProperty, payload.source);
  tree.U64(kDestinationProperty, payload.destination | c);
  tree.U64(kLengthProperty, payload.length);
  tree.Bytes(kSha256Property, payload.sha256.data(), payload.sha256.size());
  if (payload.is_loader) tree.Bytes(kLoaderProperty, nullptr, 0);
}

}  // namespace

Result<std::vector<uint8_t>> BuildHandoverTree(const Handover& handover) {
  SEALVM_TRY(CheckLimits(handover));
  const uint64_t c = uint64_t{1} << handover.c_bit;
  TreeWriter tree;
  tree.BeginNode("");
  WriteRoot(tree, handover, c);
  tree.BeginNode(std::string(kPayloadsNode));
  for (size_t i = 0; i < handover.payloads.size(); ++i) {
    tree.BeginNode(fmt::format("{}{:x}", kPayloadNodePrefix, i));
    WritePayload(tree, handover.payloads[i], c);
    tree.EndNode();
  }
  tree.EndNode();
  tree.EndNode();
  return std::move(tree).Finish();
}

// The nodes of the Devicetree Specification 0.4 sections 3.2, 3.4 and 3.6, and ours beside them.
Result<std::vector<uint8_t>> BuildKernelTree(const Handover& handover, const std::string& cmdline) {
  constexpr uint32_t kCellsOf64Bits = 2;
  SEALVM_TRY(CheckLimits(handover));
  TreeWriter tree;
  tree.BeginNode("");
  tree.Text("model", "sealvm");
  tree.Text(kCompatibleProperty, kKernelTreeCompatible);
  tree.U32("#address-cells", kCellsOf64Bits);
  tree.U32("#size-cells", kCellsOf64Bits);
  tree.BeginNode("chosen");
  tree.Text("bootargs", cmdline);
  tree.EndNode();
  tree.BeginNode("memory@0");
  tree.Text("device_type", "memory");
  tree.Numbers("reg", RamNumbers(handover));
  tree.EndNode();
  tree.BeginNode("sealed");
  tree.U32(kCBitProperty, handover.c_bit);
  tree.U32(kCpusProperty, handover.cpus);
  tree.EndNode();
  tree.EndNode();
  return std::move(tree).Finish();
}

}  // namespace sealvm
