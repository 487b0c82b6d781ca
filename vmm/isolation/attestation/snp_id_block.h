// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SNP_ID_BLOCK_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SNP_ID_BLOCK_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/ecdsa.h"

namespace sealvm::attestation {

// What SNP_LAUNCH_FINISH takes to let the firmware itself refuse another launch than the owner's
// (AMD SEV-SNP Firmware ABI 1.58, section 8.18, tables "Structure of the ID Block" and "Structure
// of the ID Authentication Information"; keys and signatures: chapter 10). All sizes in bytes.
inline constexpr size_t kIdBlockSize = 96;
inline constexpr size_t kIdAuthSize = 4096;
inline constexpr size_t kSnpSignatureSize = 512;
inline constexpr size_t kSnpPublicKeySize = 0x404;
inline constexpr uint32_t kSnpAlgorithmEcdsaP384Sha384 = 1;

struct IdBlock {
  Sha384Digest launch_digest = {};
  std::array<uint8_t, 16> family_id = {};
  std::array<uint8_t, 16> image_id = {};
  uint32_t guest_svn = 0;  // the owner's own version number of the guest
  uint64_t policy = 0;

  bool operator==(const IdBlock&) const = default;
};

using IdBlockBytes = std::array<uint8_t, kIdBlockSize>;
using IdAuthBytes = std::vector<uint8_t>;  // kIdAuthSize bytes

IdBlockBytes EncodeIdBlock(const IdBlock& block);
// kInvalidInput for another size or version.
Result<IdBlock> ParseIdBlock(std::span<const uint8_t> bytes, std::string_view name);

// Signs: the ID key the block, the author key, when there is one, the ID key.
Result<IdAuthBytes> MakeIdAuth(const IdBlockBytes& block, const EcdsaPrivateKey& id_key,
                               const EcdsaPrivateKey* author_key = nullptr);

// What an ID authentication says once its signatures hold.
struct IdAuthFacts {
  Sha384Digest id_key_digest = {};  // ID_KEY_DIGEST of the guest's reports
  std::optional<Sha384Digest> author_key_digest;
};

// Checks size, algorithms, keys and signatures. `author_key`: whether the launch will say that
// there is one (AUTHOR_KEY_EN). kInvalidInput names what does not hold; `name` begins the message.
Result<IdAuthFacts> CheckIdAuth(const IdBlockBytes& block, std::span<const uint8_t> auth,
                                bool author_key, std::string_view name);

// The digests of the keys, with no signature checked; nothing when the bytes are no ID
// authentication by their size, algorithms, curves and reserved bytes.
std::optional<IdAuthFacts> ReadIdAuth(std::span<const uint8_t> auth);

// The firmware refuses a block for another launch; so do we, before it starts.
Result<> CheckIdBlockMatches(const IdBlock& block, const Sha384Digest& launch_digest,
                             uint64_t policy, std::string_view name);

// The structures of chapter 10: little-endian halves of 72 bytes.
std::array<uint8_t, kSnpSignatureSize> EncodeSnpSignature(const EcdsaSignature& signature);
// Numbers over 384 bits are no signature and no point: kInvalidInput.
Result<EcdsaSignature> ParseSnpSignature(std::span<const uint8_t> bytes, std::string_view name);
std::array<uint8_t, kSnpPublicKeySize> EncodeSnpPublicKey(const EcPublicKey& key);
Result<EcPublicKey> ParseSnpPublicKey(std::span<const uint8_t> bytes, std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SNP_ID_BLOCK_H_
