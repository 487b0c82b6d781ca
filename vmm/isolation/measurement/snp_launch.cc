// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/snp_launch.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Adds the sections of the metadata to a plan.
class SectionPlanner {
 public:
  SectionPlanner(const FirmwareImage& image, const SevMetadata& metadata,
                 const std::optional<KernelHashTable>& hashes, VmmType vmm, LaunchPlan& plan)
      : image_(image), metadata_(metadata), hashes_(hashes), vmm_(vmm), plan_(plan) {}

  Result<> AddAll() {
    if (!metadata_.sections) {
      return InvalidInput(
          fmt::format("{}: has no SEV-SNP metadata: it cannot run in an SNP guest", image_.name()),
          "give an OVMF image of edk2 2022 or later");
    }
    const bool cpuid_last = vmm_ == VmmType::kEc2;
    for (const SevSection& section : *metadata_.sections) {
      if (cpuid_last && section.type == SevSectionType::kCpuid) continue;
      SEALVM_TRY(AddSection(section));
    }
    for (const SevSection& section : *metadata_.sections) {
      if (cpuid_last && section.type == SevSectionType::kCpuid) SEALVM_TRY(AddSection(section));
    }
    if (hashes_ && !has_hashes_) {
      return InvalidInput(fmt::format("{}: has no section for the page with the kernel hash table: "
                                      "--kernel cannot be measured",
                                      image_.name()),
                          "without --kernel, or with OVMF.amdsev.fd of ovmf-amdsev");
    }
    return {};
  }

 private:
  Result<> AddSection(const SevSection& section) {
    if (section.size == 0) return {};
    switch (section.type) {
      case SevSectionType::kSecMem:
        Add(section,
            vmm_ == VmmType::kGce ? LaunchStepKind::kSnpUnmeasured : LaunchStepKind::kSnpZero);
        return {};
      case SevSectionType::kSvsmCaa:
        Add(section, LaunchStepKind::kSnpZero);
        return {};
      case SevSectionType::kSecrets:
        return AddPage(section, LaunchStepKind::kSnpSecrets);
      case SevSectionType::kCpuid:
        return AddPage(section, LaunchStepKind::kSnpCpuid);
      case SevSectionType::kKernelHashes:
        return AddKernelHashes(section);
    }
    return Bad(section, "is not known");
  }

  Result<> AddPage(const SevSection& section, LaunchStepKind kind) {
    if (section.size != kPageSize) return Bad(section, "is not one page");
    Add(section, kind);
    return {};
  }

  Result<> AddKernelHashes(const SevSection& section) {
    if (!hashes_) {
      Add(section, LaunchStepKind::kSnpZero);
      return {};
    }
    const SevArea area = SEALVM_TRY(KernelHashArea(image_, metadata_));
    if (section.size != kPageSize) return Bad(section, "is not one page");
    if (std::exchange(has_hashes_, true)) return Bad(section, "is the second of its type");
    if (area.gpa < section.gpa || area.gpa - section.gpa > section.size ||
        section.size - (area.gpa - section.gpa) < kKernelHashTableSize) {
      return Bad(section, "does not hold the area for the kernel hash table");
    }
    const auto pages = plan_.MakePages(section.size);
    std::ranges::copy(*hashes_, pages.subspan(area.gpa - section.gpa).begin());
    plan_.Add({.kind = LaunchStepKind::kSnpNormal,
               .gpa = section.gpa,
               .size = section.size,
               .content = pages,
               .what = SevSectionTypeName(section.type)});
    return {};
  }

  void Add(const SevSection& section, LaunchStepKind kind) {
    plan_.Add({.kind = kind,
               .gpa = section.gpa,
               .size = section.size,
               .what = SevSectionTypeName(section.type)});
  }

  std::unexpected<Error> Bad(const SevSection& section, std::string_view what) const {
    return InvalidInput(
        fmt::format("{}: SEV metadata section {} at {:#x}, {:#x} bytes, {}", image_.name(),
                    SevSectionTypeName(section.type), section.gpa, section.size, what),
        "give another firmware");
  }

  const FirmwareImage& image_;
  const SevMetadata& metadata_;
  const std::optional<KernelHashTable>& hashes_;
  const VmmType vmm_;
  LaunchPlan& plan_;
  bool has_hashes_ = false;
};

struct PageType {
  uint8_t number;  // AMD 56860, section 8.17.1, table "PAGE_TYPE"
  bool measures_content;
  std::string_view name;
};

PageType PageTypeOf(LaunchStepKind kind) {
  switch (kind) {
    case LaunchStepKind::kVmsa:
      return {2, true, "VMSA"};
    case LaunchStepKind::kSnpZero:
      return {3, false, "ZERO"};
    case LaunchStepKind::kSnpUnmeasured:
      return {4, false, "UNMEASURED"};
    case LaunchStepKind::kSnpSecrets:
      return {5, false, "SECRETS"};
    case LaunchStepKind::kSnpCpuid:
      return {6, false, "CPUID"};
    default:
      return {1, true, "NORMAL"};
  }
}

// The chain of PAGE_INFO structures.
class PageInfoChain {
 public:
  explicit PageInfoChain(const Sha384Digest& seed) : digest_(seed) {}

  const Sha384Digest& digest() const { return digest_; }

  // `content`: the digest of the page's content, or zeros.
  void Extend(const Sha384Digest& content, uint8_t page_type, Gpa gpa) {
    // Launch digest, content, u16 length, u8 page type; u8 IMI page, three u8 VMPL permissions and
    // a reserved u8, all 0; u64 gpa.
    std::array<uint8_t, 0x70> info = {};
    const auto bytes = std::span(info);
    std::ranges::copy(digest_, bytes.begin());
    std::ranges::copy(content, bytes.subspan(0x30).begin());
    StoreLeAny(bytes.subspan(0x60, 2), info.size());
    info[0x62] = page_type;
    StoreLeAny(bytes.subspan(0x68, 8), gpa);
    digest_ = Sha384Of(info);
  }

 private:
  Sha384Digest digest_;
};

// Digests of pages; the last one is kept.
class PageHasher {
 public:
  const Sha384Digest& Of(std::span<const uint8_t> page) {
    const bool same =
        last_.size() == page.size() &&
        (last_.data() == page.data() || memcmp(last_.data(), page.data(), page.size()) == 0);
    if (!same) digest_ = Sha384Of(page);
    last_ = page;
    return digest_;
  }

 private:
  std::span<const uint8_t> last_;
  Sha384Digest digest_ = {};
};

}  // namespace

Result<LaunchPlan> PlanSnpLaunch(const FirmwareImage& image, const SevMetadata& metadata,
                                 const std::optional<KernelHashTable>& hashes,
                                 const MeasuredVcpus& vcpus) {
  if ((vcpus.sev_features & kSevFeatureSnpActive) == 0) {
    return InvalidInput(fmt::format("the SEV features {:#x} lack bit 0, which every SNP guest has",
                                    vcpus.sev_features),
                        fmt::format("{:#x}?", vcpus.sev_features | kSevFeatureSnpActive));
  }
  LaunchPlan plan;
  plan.AddFirmware({.kind = LaunchStepKind::kSnpNormal,
                    .gpa = image.base(),
                    .size = image.size(),
                    .content = image.bytes(),
                    .what = "firmware"});
  SEALVM_TRY(SectionPlanner(image, metadata, hashes, vcpus.vmm, plan).AddAll());
  SEALVM_TRY(AddVmsas(image, metadata, vcpus, plan));
  return plan;
}

Sha384Digest SnpLaunchDigest(std::span<const LaunchStep> steps, const Sha384Digest& seed,
                             const StepObserver& observer) {
  constexpr Sha384Digest kNoContent = {};
  PageInfoChain chain(seed);
  PageHasher hasher;
  for (const LaunchStep& step : steps) {
    const PageType type = PageTypeOf(step.kind);
    for (uint64_t offset = 0; offset < step.size; offset += kPageSize) {
      const Sha384Digest& content =
          type.measures_content ? hasher.Of(step.content.subspan(offset, kPageSize)) : kNoContent;
      chain.Extend(content, type.number, step.gpa + offset);
      if (!observer) continue;
      observer({.operation = type.name,
                .gpa = step.gpa + offset,
                .size = kPageSize,
                .content_digest = type.measures_content ? std::span<const uint8_t>(content)
                                                        : std::span<const uint8_t>(),
                .digest = chain.digest(),
                .what = step.what});
    }
  }
  return chain.digest();
}

}  // namespace sealvm
