// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/snp_id_block.h"

#include <fmt/format.h>

#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/field_reader.h"
#include "vmm/isolation/attestation/snp_policy.h"

namespace sealvm::attestation {
namespace {

constexpr uint32_t kIdBlockVersion = 1;

namespace id_block {
constexpr size_t kLaunchDigest = 0x00;
constexpr size_t kFamilyId = 0x30;
constexpr size_t kImageId = 0x40;
constexpr size_t kVersion = 0x50;
constexpr size_t kGuestSvn = 0x54;
constexpr size_t kPolicy = 0x58;
}  // namespace id_block

namespace id_auth {
constexpr size_t kIdKeyAlgorithm = 0x000;
constexpr size_t kAuthorKeyAlgorithm = 0x004;
constexpr size_t kReserved = 0x008;  // up to the signature
constexpr size_t kIdBlockSignature = 0x040;
constexpr size_t kIdKey = 0x240;
constexpr size_t kIdKeySignature = 0x680;
constexpr size_t kAuthorKey = 0x880;
}  // namespace id_auth

Result<> CheckAlgorithm(uint32_t algorithm, std::string_view key, std::string_view name) {
  if (algorithm == kSnpAlgorithmEcdsaP384Sha384) return {};
  return InvalidInput(fmt::format(
      "{}: algorithm {} of the {} key, not ECDSA P-384 with SHA-384 (1)", name, algorithm, key));
}

// One key with what it signed.
struct SignedPart {
  std::string_view key_name;
  size_t key;        // offset in the authentication
  size_t signature;  // offset in the authentication
  std::span<const uint8_t> signed_bytes;
};

// The digest of the key when its signature holds.
Result<Sha384Digest> CheckPart(std::span<const uint8_t> auth, const SignedPart& part,
                               std::string_view name) {
  const std::span<const uint8_t> key_bytes = auth.subspan(part.key, kSnpPublicKeySize);
  const std::string what = fmt::format("{}: {} key", name, part.key_name);
  const EcPublicKey key = SEALVM_TRY(ParseSnpPublicKey(key_bytes, what));
  const EcdsaSignature signature =
      SEALVM_TRY(ParseSnpSignature(auth.subspan(part.signature, kSnpSignatureSize), what));
  if (!VerifyEcdsa(key, Sha384Of(part.signed_bytes), signature)) {
    return InvalidInput(
        fmt::format("{}: the signature of the {} key does not hold", name, part.key_name),
        "sign again with the key that belongs to it");
  }
  return Sha384Of(key_bytes);
}

}  // namespace

IdBlockBytes EncodeIdBlock(const IdBlock& block) {
  IdBlockBytes bytes = {};
  FieldWriter writer(bytes);
  writer.Copy(id_block::kLaunchDigest, block.launch_digest);
  writer.Copy(id_block::kFamilyId, block.family_id);
  writer.Copy(id_block::kImageId, block.image_id);
  writer.Put(id_block::kVersion, kIdBlockVersion);
  writer.Put(id_block::kGuestSvn, block.guest_svn);
  writer.Put(id_block::kPolicy, block.policy);
  return bytes;
}

Result<IdBlock> ParseIdBlock(std::span<const uint8_t> bytes, std::string_view name) {
  if (bytes.size() != kIdBlockSize) {
    return InvalidInput(
        fmt::format("{}: an ID block has {} bytes, this has {}", name, kIdBlockSize, bytes.size()));
  }
  const FieldReader reader(bytes);
  const uint32_t version = reader.U32(id_block::kVersion);
  if (version != kIdBlockVersion) {
    return InvalidInput(fmt::format("{}: ID block of version {}, not 1", name, version));
  }
  return IdBlock{.launch_digest = reader.Array<48>(id_block::kLaunchDigest),
                 .family_id = reader.Array<16>(id_block::kFamilyId),
                 .image_id = reader.Array<16>(id_block::kImageId),
                 .guest_svn = reader.U32(id_block::kGuestSvn),
                 .policy = reader.U64(id_block::kPolicy)};
}

Result<IdAuthBytes> MakeIdAuth(const IdBlockBytes& block, const EcdsaPrivateKey& id_key,
                               const EcdsaPrivateKey* author_key) {
  IdAuthBytes auth(kIdAuthSize);
  FieldWriter writer(auth);
  const auto public_key = EncodeSnpPublicKey(id_key.public_key());
  writer.Put(id_auth::kIdKeyAlgorithm, kSnpAlgorithmEcdsaP384Sha384);
  writer.Copy(id_auth::kIdBlockSignature,
              EncodeSnpSignature(SEALVM_TRY(id_key.Sign(Sha384Of(block)))));
  writer.Copy(id_auth::kIdKey, public_key);
  if (author_key == nullptr) return auth;
  writer.Put(id_auth::kAuthorKeyAlgorithm, kSnpAlgorithmEcdsaP384Sha384);
  writer.Copy(id_auth::kIdKeySignature,
              EncodeSnpSignature(SEALVM_TRY(author_key->Sign(Sha384Of(public_key)))));
  writer.Copy(id_auth::kAuthorKey, EncodeSnpPublicKey(author_key->public_key()));
  return auth;
}

Result<IdAuthFacts> CheckIdAuth(const IdBlockBytes& block, std::span<const uint8_t> auth,
                                bool author_key, std::string_view name) {
  if (auth.size() != kIdAuthSize) {
    return InvalidInput(fmt::format("{}: an ID authentication has {} bytes, this has {}", name,
                                    kIdAuthSize, auth.size()));
  }
  const FieldReader reader(auth);
  SEALVM_TRY(CheckAlgorithm(reader.U32(id_auth::kIdKeyAlgorithm), "ID", name));
  IdAuthFacts facts;
  facts.id_key_digest =
      SEALVM_TRY(CheckPart(auth, {"ID", id_auth::kIdKey, id_auth::kIdBlockSignature, block}, name));
  if (!author_key) return facts;
  SEALVM_TRY(CheckAlgorithm(reader.U32(id_auth::kAuthorKeyAlgorithm), "author", name));
  facts.author_key_digest =
      SEALVM_TRY(CheckPart(auth,
                           {"author", id_auth::kAuthorKey, id_auth::kIdKeySignature,
                            auth.subspan(id_auth::kIdKey, kSnpPublicKeySize)},
                           name));
  return facts;
}

std::optional<IdAuthFacts> ReadIdAuth(std::span<const uint8_t> auth) {
  if (auth.size() != kIdAuthSize) return std::nullopt;
  const FieldReader reader(auth);
  const uint32_t author_algorithm = reader.U32(id_auth::kAuthorKeyAlgorithm);
  if (reader.U32(id_auth::kIdKeyAlgorithm) != kSnpAlgorithmEcdsaP384Sha384 ||
      author_algorithm > kSnpAlgorithmEcdsaP384Sha384 ||
      !IsZero(auth.subspan(id_auth::kReserved, id_auth::kIdBlockSignature - id_auth::kReserved))) {
    return std::nullopt;
  }
  const auto digest_of = [&](size_t key) -> std::optional<Sha384Digest> {
    const auto bytes = auth.subspan(key, kSnpPublicKeySize);
    if (!ParseSnpPublicKey(bytes, {})) return std::nullopt;
    return Sha384Of(bytes);
  };
  const auto id_key_digest = digest_of(id_auth::kIdKey);
  if (!id_key_digest) return std::nullopt;
  IdAuthFacts facts = {.id_key_digest = *id_key_digest, .author_key_digest = {}};
  if (author_algorithm == 0) return facts;
  facts.author_key_digest = digest_of(id_auth::kAuthorKey);
  if (!facts.author_key_digest) return std::nullopt;
  return facts;
}

Result<> CheckIdBlockMatches(const IdBlock& block, const Sha384Digest& launch_digest,
                             uint64_t policy, std::string_view name) {
  if (block.launch_digest != launch_digest) {
    return InvalidInput(fmt::format("{}: the ID block is for launch digest {}, this launch has {}",
                                    name, HexText(block.launch_digest), HexText(launch_digest)),
                        "make the ID block for what 'sealvm measure' prints with the same options");
  }
  if (block.policy != policy) {
    return InvalidInput(fmt::format(
        "{}: the ID block is for policy {:#x} ({}), this launch has {:#x} ({})", name, block.policy,
        DescribeSnpPolicy(block.policy), policy, DescribeSnpPolicy(policy)));
  }
  return {};
}

}  // namespace sealvm::attestation
