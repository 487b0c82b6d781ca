// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/id_block_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "vmm/boot/image_file.h"
#include "vmm/cli/evidence_file.h"
#include "vmm/cli/json_writer.h"
#include "vmm/cli/replacement_file.h"
#include "vmm/crypto/cleanser.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/snp_policy.h"

namespace sealvm {
namespace {

using namespace attestation;

// A PEM of a P-384 key has some 300 bytes, with its parameters and comments a few thousand.
constexpr uint64_t kMaxKeyFile = uint64_t{64} * 1024;

Result<EcdsaPrivateKey> ReadKey(const std::string& path, std::string_view option) {
  std::vector<uint8_t> pem = SEALVM_TRY(ReadWholeFile(path, option, kMaxKeyFile));
  const Cleanser cleanse_pem(pem);
  return EcdsaPrivateKey::FromPem(pem, fmt::format("{} {}", option, path));
}

struct Line {
  std::string_view key, label;
  std::string value;
};

std::string Print(const std::string& path, std::string_view format, bool as_json,
                  const std::vector<Line>& lines) {
  if (as_json) {
    JsonWriter json(JsonWriter::Style::kIndented);
    json.BeginObject();
    json.Key("path").String(path);
    json.Key("format").String(format);
    for (const Line& line : lines) json.Key(line.key).String(line.value);
    json.EndObject();
    return json.text() + "\n";
  }
  std::string out = fmt::format("{:<20}{}\n{:<20}{}\n", "file", path, "format", format);
  for (const Line& line : lines) out += fmt::format("{:<20}{}\n", line.label, line.value);
  return out;
}

std::vector<Line> LinesOf(const IdBlock& block) {
  return {{"launch_digest", "launch digest", HexText(block.launch_digest)},
          {"family_id", "family ID", HexText(block.family_id)},
          {"image_id", "image ID", HexText(block.image_id)},
          {"guest_svn", "guest SVN", fmt::format("{}", block.guest_svn)},
          {"policy", "policy",
           fmt::format("{:#x} ({})", block.policy, DescribeSnpPolicy(block.policy))}};
}

std::vector<Line> LinesOf(const IdAuthFacts& facts) {
  std::vector<Line> lines = {{"id_key_digest", "ID key digest", HexText(facts.id_key_digest)}};
  if (facts.author_key_digest) {
    lines.push_back({"author_key_digest", "author key digest", HexText(*facts.author_key_digest)});
  }
  return lines;
}

}  // namespace

Result<IdAuthFacts> WriteIdBlock(const IdBlockRequest& request, std::span<const uint8_t> digest,
                                 uint64_t policy) {
  IdBlock block = {.family_id = request.family_id.value_or(std::array<uint8_t, 16>()),
                   .image_id = request.image_id.value_or(std::array<uint8_t, 16>()),
                   .guest_svn = request.guest_svn.value_or(0),
                   .policy = policy};
  if (digest.size() != block.launch_digest.size()) {
    return HostError(fmt::format("a launch digest of {} bytes", digest.size()));
  }
  std::ranges::copy(digest, block.launch_digest.begin());
  const std::string keys[] = {request.id_key, request.author_key};
  SEALVM_TRY(CheckIsNoInput(request.id_block, "--write-id-block", keys));
  SEALVM_TRY(CheckIsNoInput(request.id_auth, "--write-id-auth", keys));
  const EcdsaPrivateKey id_key = SEALVM_TRY(ReadKey(request.id_key, "--id-key"));
  std::optional<EcdsaPrivateKey> author_key;
  if (!request.author_key.empty()) {
    author_key = SEALVM_TRY(ReadKey(request.author_key, "--author-key"));
  }
  const IdBlockBytes bytes = EncodeIdBlock(block);
  const IdAuthBytes auth =
      SEALVM_TRY(MakeIdAuth(bytes, id_key, author_key ? &*author_key : nullptr));
  // What the firmware will do with them.
  IdAuthFacts facts = SEALVM_TRY(CheckIdAuth(bytes, auth, author_key.has_value(), "ID block"));
  ReplacementFile block_file =
      SEALVM_TRY(ReplacementFile::Write(request.id_block, "--write-id-block", bytes));
  ReplacementFile auth_file =
      SEALVM_TRY(ReplacementFile::Write(request.id_auth, "--write-id-auth", auth));
  SEALVM_TRY(block_file.Publish());
  SEALVM_TRY(auth_file.Publish());
  return facts;
}

Result<std::optional<std::string>> InspectIdBlock(const std::string& path, bool json) {
  const ImageFile file = SEALVM_TRY(ImageFile::Open(path));
  if (file.size() != kIdBlockSize && file.size() != kIdAuthSize) return std::nullopt;
  const std::vector<uint8_t> bytes = SEALVM_TRY(file.ReadAll());
  if (file.size() == kIdBlockSize) {
    const Result<IdBlock> block = ParseIdBlock(bytes, path);
    if (!block) return std::nullopt;
    return Print(path, "SNP ID block", json, LinesOf(*block));
  }
  const std::optional<IdAuthFacts> facts = ReadIdAuth(bytes);
  if (!facts) return std::nullopt;
  return Print(path, "SNP ID authentication", json, LinesOf(*facts));
}

}  // namespace sealvm
