// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/evidence_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/boot/image_file.h"

namespace sealvm {

Result<std::vector<uint8_t>> ReadWholeFile(const std::string& path, std::string_view option,
                                           uint64_t limit) {
  const ImageFile file = SEALVM_TRY(ImageFile::Open(path, option));
  if (file.size() == 0) return InvalidInput(fmt::format("{}: is empty", file.name()));
  if (file.size() > limit) {
    return InvalidInput(fmt::format("{}: has {} bytes, {} are the most that make sense",
                                    file.name(), file.size(), limit));
  }
  return file.ReadAll();
}

Result<std::optional<attestation::Evidence>> ReadEvidence(const std::string& path) {
  const ImageFile file = SEALVM_TRY(ImageFile::Open(path));
  std::vector<uint8_t> start(std::min<uint64_t>(file.size(), attestation::kEvidenceStart));
  SEALVM_TRY(file.Read(0, start));
  if (!attestation::RecognizeEvidence(start, file.size())) {
    return std::optional<attestation::Evidence>();
  }
  const std::vector<uint8_t> bytes =
      SEALVM_TRY(ReadWholeFile(path, {}, attestation::kMaxEvidenceSize));
  return SEALVM_TRY(attestation::ParseEvidence(bytes, path));
}

}  // namespace sealvm
