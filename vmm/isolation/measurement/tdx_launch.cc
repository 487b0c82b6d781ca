// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/tdx_launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "memory/base/endian.h"
#include "vmm/api/names.h"

namespace sealvm {
namespace {

using internal::NameTable;

constexpr NameTable<MrtdOrder>::Entry kOrderEntries[] = {{MrtdOrder::kOnePass, "one-pass"},
                                                         {MrtdOrder::kTwoPass, "two-pass"}};
constexpr NameTable<MrtdOrder> kOrders(kOrderEntries);

// What one TDH.MR.EXTEND takes.
constexpr uint64_t kChunk = 256;

// What of the file, or of the TD HOB, lies in a section; page aligned and as long as the section.
Result<std::span<const uint8_t>> ContentOf(const FirmwareImage& image, const TdxSection& section,
                                           std::span<const uint8_t> td_hob, LaunchPlan& plan) {
  auto content = image.bytes().subspan(section.file_offset, section.file_size);
  if (section.type == TdxSectionType::kTdHob) content = td_hob;
  if (content.size() > section.memory_size) {
    return InvalidInput(
        fmt::format("{}: {} bytes of TD HOB do not fit into its section of {} bytes", image.name(),
                    content.size(), section.memory_size),
        "give the guest less memory or another firmware");
  }
  const bool in_place =
      section.file_offset % kPageSize == 0 && section.file_size == section.memory_size;
  // A measured page is hashed, zeros or not.
  if (in_place || (content.empty() && !section.measured())) return content;
  const auto pages = plan.MakePages(section.memory_size);
  std::ranges::copy(content, pages.begin());
  return pages;
}

bool HoldsHashPage(const TdxMetadata& metadata, const TdxSection& section) {
  return section.measured() && section.file_offset <= *metadata.hash_page_offset &&
         *metadata.hash_page_offset - section.file_offset < section.file_size;
}

// A section of the image with the kernel hash table in its page, which is zeros otherwise.
Result<std::span<const uint8_t>> WithHashes(const FirmwareImage& image, const TdxSection& section,
                                            uint32_t page_offset, const KernelHashTable& hashes,
                                            LaunchPlan& plan) {
  const auto pages = plan.MakePages(section.memory_size);
  std::ranges::copy(image.bytes().subspan(section.file_offset, section.file_size), pages.begin());
  const auto page = pages.subspan(page_offset - section.file_offset, kPageSize);
  std::ranges::fill(page, 0);
  std::ranges::copy(hashes, page.begin());
  return pages;
}

// Goes through a plan as the TDX module's measuring does.
class MrtdStream {
 public:
  explicit MrtdStream(const StepObserver& observer) : observer_(observer) {}

  void AddPage(const LaunchStep& step, uint64_t offset) {
    Operation("MEM.PAGE.ADD", step.gpa + offset);
    Observe(step, "MEM.PAGE.ADD", offset, {});
  }

  void ExtendPage(const LaunchStep& step, uint64_t offset) {
    const auto page = step.content.subspan(offset, kPageSize);
    for (uint64_t chunk = 0; chunk < kPageSize; chunk += kChunk) {
      Operation("MR.EXTEND", step.gpa + offset + chunk);
      stream_.Update(page.subspan(chunk, kChunk));
    }
    if (observer_) Observe(step, "MR.EXTEND", offset, Sha384Of(page));
  }

  Sha384Digest Finish() { return stream_.Finish(); }

 private:
  // The name, zeros up to 16, u64 gpa, zeros up to 128.
  void Operation(std::string_view name, Gpa gpa) {
    std::array<uint8_t, 128> block = {};
    std::ranges::copy(name, block.begin());
    StoreLeAny(std::span(block).subspan(16, 8), gpa);
    stream_.Update(block);
  }

  void Observe(const LaunchStep& step, std::string_view operation, uint64_t offset,
               std::span<const uint8_t> content) const {
    if (!observer_) return;
    Sha384Stream so_far = stream_;
    observer_({.operation = operation,
               .gpa = step.gpa + offset,
               .size = kPageSize,
               .content_digest = content,
               .digest = so_far.Finish(),
               .what = step.what});
  }

  const StepObserver& observer_;
  Sha384Stream stream_;
};

}  // namespace

std::string_view MrtdOrderName(MrtdOrder order) { return kOrders.NameOf(order); }

Result<MrtdOrder> ParseMrtdOrder(std::string_view name) {
  return kOrders.Parse("order of MRTD", name);
}

Result<LaunchPlan> PlanTdxLaunch(const FirmwareImage& image, const TdxMetadata& metadata,
                                 std::span<const uint8_t> td_hob,
                                 const std::optional<KernelHashTable>& hashes) {
  if (hashes && !metadata.hash_page_offset) {
    return InvalidInput(fmt::format("{}: has no page for a TD's kernel hash table: --kernel cannot "
                                    "be part of MRTD",
                                    image.name()),
                        "only sealvm's guest-fw has");
  }
  LaunchPlan plan;
  bool has_code = false;
  for (const TdxSection& section : metadata.sections) {
    if (section.memory_size == 0 || !section.added()) continue;
    has_code |= section.type == TdxSectionType::kBfv;
    plan.Add({.kind = section.measured() ? LaunchStepKind::kTdxAddExtend : LaunchStepKind::kTdxAdd,
              .gpa = section.gpa,
              .size = section.memory_size,
              .content = SEALVM_TRY(
                  hashes && HoldsHashPage(metadata, section)
                      ? WithHashes(image, section, *metadata.hash_page_offset, *hashes, plan)
                      : ContentOf(image, section, td_hob, plan)),
              .what = TdxSectionTypeName(section.type)});
  }
  if (!has_code) {
    return InvalidInput(
        fmt::format("{}: its TDX metadata has no boot firmware volume (BFV)", image.name()),
        "give another firmware");
  }
  return plan;
}

Sha384Digest Mrtd(const LaunchPlan& plan, MrtdOrder order, const StepObserver& observer) {
  MrtdStream stream(observer);
  for (const LaunchStep& step : plan.steps()) {
    const bool extend = step.kind == LaunchStepKind::kTdxAddExtend;
    for (uint64_t offset = 0; offset < step.size; offset += kPageSize) {
      stream.AddPage(step, offset);
      if (extend && order == MrtdOrder::kOnePass) stream.ExtendPage(step, offset);
    }
    if (!extend || order == MrtdOrder::kOnePass) continue;
    for (uint64_t offset = 0; offset < step.size; offset += kPageSize) {
      stream.ExtendPage(step, offset);
    }
  }
  return stream.Finish();
}

}  // namespace sealvm
