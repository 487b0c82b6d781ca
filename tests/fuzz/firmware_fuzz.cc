// SPDX-License-Identifier: Apache-2.0
// Hostile firmware images: their tables and metadata read, the launches planned, small ones
// measured. The first byte chooses between the input as the end of an image, a good image with
// bytes of its table and metadata changed, one with sections of the input's numbers, and one with a
// packed section whose bytes are changed.
#include <lzma.h>

#include <algorithm>
#include <vector>

#include "memory/base/endian.h"
#include "tests/fuzz/fuzz_input.h"
#include "vmm/boot/firmware/hash_enforcement.h"
#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/isolation/measurement/snp_launch.h"
#include "vmm/isolation/measurement/td_hob.h"
#include "vmm/isolation/measurement/tdx_launch.h"

namespace sealvm {
namespace {

// What is hashed of a plan; more takes time and shows nothing new.
constexpr uint64_t kMaxHashed = 1 * kMiB;

std::vector<uint8_t> EndOfImage(FuzzInput& input) {
  std::vector<uint8_t> image = FirmwareBuilder{.has_footer = false, .has_sev = false}.Build();
  const auto bytes = input.TakeBytes(kPageSize);
  std::ranges::copy(bytes, image.end() - 0x20 - static_cast<ptrdiff_t>(bytes.size()));
  std::ranges::copy(kOvmfTableFooterGuid.bytes, image.end() - 0x30);
  return image;
}

std::vector<uint8_t> Edited(FuzzInput& input) {
  std::vector<uint8_t> image = FirmwareBuilder().Build();
  while (!input.empty()) {
    const size_t from_end = 1 + input.TakeNumber(2) % (FirmwareBuilder::kTdxOffset + 16);
    image[image.size() - from_end] = input.TakeByte();
  }
  return image;
}

std::vector<uint8_t> WithSections(FuzzInput& input) {
  FirmwareBuilder builder;
  builder.hash_area = SevArea{.gpa = static_cast<uint32_t>(input.TakeNumber(4)),
                              .size = static_cast<uint32_t>(input.TakeNumber(2))};
  builder.sev_sections.resize(input.TakeByte() % 12);
  for (SevSection& section : builder.sev_sections) {
    section.gpa = static_cast<uint32_t>(input.TakeNumber(3) << 12);
    section.size = static_cast<uint32_t>(input.TakeNumber(1 + input.TakeByte() % 3) << 12);
    section.type = static_cast<SevSectionType>(input.TakeByte() % 18);
  }
  builder.tdx_sections.resize(1 + input.TakeByte() % 10);
  for (TdxSection& section : builder.tdx_sections) {
    section.file_offset = static_cast<uint32_t>(input.TakeNumber(2));
    section.file_size = static_cast<uint32_t>(input.TakeNumber(2));
    section.gpa = input.TakeNumber(input.TakeByte() % 7) << 12;
    section.memory_size = input.TakeNumber(input.TakeByte() % 7) << 12;
    section.type = static_cast<TdxSectionType>(input.TakeByte() % 10);
    section.attributes = input.TakeByte() % 5;
  }
  return builder.Build();
}

std::vector<uint8_t> WithPackedSection(FuzzInput& input) {
  const std::vector<uint8_t> content(20'000, 0x33);
  std::vector<uint8_t> section = {0, 0, 0, 2};
  constexpr Guid kLzma = Guid::Of("ee4e5898-3914-4259-9d6e-dc7bd79403cf");
  section.insert(section.end(), kLzma.bytes.begin(), kLzma.bytes.end());
  section.insert(section.end(), {24, 0, 1, 0});
  const size_t header = section.size();
  section.resize(header + 4096);
  lzma_options_lzma options;
  lzma_lzma_preset(&options, 0);
  lzma_stream stream = LZMA_STREAM_INIT;
  SEALVM_FUZZ_CHECK(lzma_alone_encoder(&stream, &options) == LZMA_OK);
  stream.next_in = content.data();
  stream.avail_in = content.size();
  stream.next_out = section.data() + header;
  stream.avail_out = section.size() - header;
  SEALVM_FUZZ_CHECK(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END);
  section.resize(section.size() - stream.avail_out);
  lzma_end(&stream);
  StoreLeAny(std::span(section).first(3), section.size());
  while (!input.empty()) section[input.TakeByte() % section.size()] = input.TakeByte();
  std::vector<uint8_t> image = FirmwareBuilder().Build();
  std::ranges::copy(section, image.begin() + 0x90);
  return image;
}

std::vector<uint8_t> MakeImage(FuzzInput& input) {
  switch (input.TakeByte() % 4) {
    case 0:
      return EndOfImage(input);
    case 1:
      return Edited(input);
    case 2:
      return WithSections(input);
    default:
      return WithPackedSection(input);
  }
}

// What the launch code relies on.
uint64_t CheckPlan(const LaunchPlan& plan) {
  uint64_t total = 0;
  for (const LaunchStep& step : plan.steps()) {
    SEALVM_FUZZ_CHECK(step.content.empty() || step.content.size() == step.size);
    SEALVM_FUZZ_CHECK(step.gpa % kPageSize == 0 && step.size % kPageSize == 0);
    SEALVM_FUZZ_CHECK(step.size > 0 && step.gpa + step.size > step.gpa);
    total += step.size;
  }
  return total;
}

void TrySev(const FirmwareImage& image, const SevMetadata& metadata) {
  if (metadata.sections) {
    for (const SevSection& section : *metadata.sections) {
      SEALVM_FUZZ_CHECK(section.size == 0 || section.gpa + uint64_t{section.size} <= image.base());
    }
  }
  for (bool kernel : {false, true}) {
    const auto hashes = kernel ? std::optional(KernelHashTable()) : std::nullopt;
    const auto plan =
        PlanSnpLaunch(image, metadata, hashes, {.count = 2, .sev_features = kSevFeatureSnpActive});
    if (plan && CheckPlan(*plan) <= kMaxHashed) SnpLaunchDigest(plan->steps());
    const auto sev = PlanSevLaunch(image, metadata, hashes, {});
    if (sev) SevLaunchDigest(*sev);
  }
  JudgeHashEnforcement(image, metadata.hash_area);
}

void TryTdx(const FirmwareImage& image, const TdxMetadata& metadata) {
  constexpr RamRange kRam[] = {{.base = 0, .size = 0x80000000},
                               {.base = 0x100000000, .size = 0x100000000}};
  const auto hob = BuildTdHob(kRam, metadata);
  const auto plan = PlanTdxLaunch(
      image, metadata, hob ? std::span<const uint8_t>(*hob) : std::span<const uint8_t>());
  if (plan && CheckPlan(*plan) <= kMaxHashed) Mrtd(*plan, MrtdOrder::kTwoPass);
}

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  FuzzInput input({data, size});
  const auto image = FirmwareImage::FromBytes("firmware", MakeImage(input));
  SEALVM_FUZZ_CHECK(image.has_value());
  const auto table = OvmfTable::Parse(*image);
  if (!table) {
    SEALVM_FUZZ_CHECK(table.error().kind == ErrorKind::kInvalidInput);
    return 0;
  }
  const auto sev = ParseSevMetadata(*image, *table);
  if (sev) TrySev(*image, *sev);
  const auto tdx = ParseTdxMetadata(*image, *table);
  if (tdx && *tdx) TryTdx(*image, **tdx);
  return 0;
}
