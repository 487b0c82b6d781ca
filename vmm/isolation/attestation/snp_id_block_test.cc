// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/snp_id_block.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

IdBlock ExpectedBlock() {
  return {.launch_digest = Filled<Sha384Digest>(0x90),
          .family_id = Filled<std::array<uint8_t, 16>>(0x10),
          .image_id = Filled<std::array<uint8_t, 16>>(0x20),
          .guest_svn = 7,
          .policy = 0x30000};
}

EcdsaPrivateKey Key(const std::string& name) {
  return *EcdsaPrivateKey::FromPem(ReadVector(name), name);
}

std::vector<uint8_t> Digest(size_t index) {
  const std::vector<uint8_t> both = ReadVector("id_key_digests.bin");
  const auto begin = both.begin() + static_cast<ptrdiff_t>(index * 48);
  return {begin, begin + 48};
}

TEST(IdBlockTest, LiesAsTheVectorDoes) {
  const IdBlockBytes bytes = EncodeIdBlock(ExpectedBlock());
  const std::vector<uint8_t> vector = ReadVector("id_block.bin");
  EXPECT_TRUE(std::ranges::equal(bytes, vector));
  EXPECT_EQ(*ParseIdBlock(vector, "block"), ExpectedBlock());
}

TEST(IdBlockTest, RefusesOtherSizesAndVersions) {
  std::vector<uint8_t> bytes = ReadVector("id_block.bin");
  bytes[0x50] = 2;
  ExpectInvalidInput(ParseIdBlock(bytes, "block"), "block: ID block of version 2");
  bytes.pop_back();
  ExpectInvalidInput(ParseIdBlock(bytes, "block"), "has 96 bytes, this has 95");
}

TEST(SnpKeysTest, RefusesOtherSizesAndCurves) {
  std::vector<uint8_t> signature(kSnpSignatureSize + 1);
  ExpectInvalidInput(ParseSnpSignature(signature, "auth"), "auth: a signature of 513 bytes");
  std::vector<uint8_t> key(kSnpPublicKeySize);
  ExpectInvalidInput(ParseSnpPublicKey(key, "auth"), "curve 0, not P-384");
  key.pop_back();
  ExpectInvalidInput(ParseSnpPublicKey(key, "auth"), "auth: a public key of 1027 bytes");
}

TEST(IdAuthTest, HoldsWhatAnotherProgramSigned) {
  const auto facts =
      CheckIdAuth(EncodeIdBlock(ExpectedBlock()), ReadVector("id_auth.bin"), true, "auth");
  ASSERT_TRUE(facts.has_value()) << facts.error().ToString();
  EXPECT_TRUE(std::ranges::equal(facts->id_key_digest, Digest(0)));
  ASSERT_TRUE(facts->author_key_digest.has_value());
  EXPECT_TRUE(std::ranges::equal(*facts->author_key_digest, Digest(1)));
}

TEST(IdAuthTest, OursHasTheSameKeysInTheSamePlaces) {
  const IdBlockBytes block = EncodeIdBlock(ExpectedBlock());
  const EcdsaPrivateKey author = Key("author_key.pem");
  const auto auth = MakeIdAuth(block, Key("id_key.pem"), &author);
  ASSERT_TRUE(auth.has_value());
  ASSERT_EQ(auth->size(), kIdAuthSize);
  EXPECT_TRUE(CheckIdAuth(block, *auth, true, "auth").has_value());
  // All but the two signatures, which are random.
  std::vector<uint8_t> ours = *auth;
  std::vector<uint8_t> vector = ReadVector("id_auth.bin");
  for (auto* bytes : {&ours, &vector}) {
    std::fill_n(bytes->begin() + 0x40, 144, 0);
    std::fill_n(bytes->begin() + 0x680, 144, 0);
  }
  EXPECT_EQ(ours, vector);
}

TEST(IdAuthTest, WithoutAuthorKey) {
  const IdBlockBytes block = EncodeIdBlock(ExpectedBlock());
  const auto auth = MakeIdAuth(block, Key("id_key.pem"));
  ASSERT_TRUE(auth.has_value());
  const auto facts = CheckIdAuth(block, *auth, false, "auth");
  ASSERT_TRUE(facts.has_value());
  EXPECT_FALSE(facts->author_key_digest.has_value());
  ExpectInvalidInput(CheckIdAuth(block, *auth, true, "auth"), "algorithm 0 of the author key");
}

TEST(IdAuthTest, AnyChangedByteOfWhatIsSignedIsSeen) {
  const std::vector<uint8_t> good = ReadVector("id_auth.bin");
  const IdBlockBytes block = EncodeIdBlock(ExpectedBlock());
  // Algorithms, block signature, ID key, key signature, author key.
  for (const size_t at : {0x0u, 0x4u, 0x40u, 0x90u, 0x88u, 0x240u, 0x250u, 0x2a0u, 0x640u, 0x680u,
                          0x6c8u, 0x880u, 0x884u, 0x8ccu}) {
    std::vector<uint8_t> auth = good;
    auth[at] ^= 1;
    EXPECT_FALSE(CheckIdAuth(block, auth, true, "auth").has_value()) << at;
  }
  IdBlockBytes changed = block;
  changed[0x58] ^= 1;
  ExpectInvalidInput(CheckIdAuth(changed, good, true, "auth"),
                     "auth: the signature of the ID key does not hold");
}

TEST(IdAuthTest, NumbersThatAreTooLong) {
  std::vector<uint8_t> auth = ReadVector("id_auth.bin");
  auth[0x40 + 48] = 1;  // bit 384 of R
  ExpectInvalidInput(CheckIdAuth(EncodeIdBlock(ExpectedBlock()), auth, true, "auth"),
                     "more than 384 bits");
  auth.resize(4095);
  ExpectInvalidInput(CheckIdAuth(EncodeIdBlock(ExpectedBlock()), auth, true, "auth"),
                     "has 4096 bytes, this has 4095");
}

TEST(IdBlockMatchTest, NamesWhatDiffers) {
  const IdBlock block = ExpectedBlock();
  EXPECT_TRUE(CheckIdBlockMatches(block, block.launch_digest, 0x30000, "--id-block x").has_value());
  ExpectInvalidInput(CheckIdBlockMatches(block, block.launch_digest, 0xb0000, "--id-block x"),
                     "for policy 0x30000 (ABI 0.0, SMT allowed), this launch has 0xb0000");
  ExpectInvalidInput(CheckIdBlockMatches(block, {}, 0x30000, "--id-block x"),
                     "--id-block x: the ID block is for launch digest 909192");
}

TEST(EcdsaPrivateKeyTest, RefusesOtherKeysAndFiles) {
  ExpectInvalidInput(EcdsaPrivateKey::FromPem(ReadVector("p256_key.pem"), "--id-key k"),
                     "--id-key k: the key is of P-256");
  ExpectInvalidInput(EcdsaPrivateKey::FromPem(ReadVector("tdx_root.pem"), "--id-key k"),
                     "--id-key k: holds no private key");
  ExpectInvalidInput(EcdsaPrivateKey::FromPem({}, "--id-key k"),
                     "--id-key k: cannot be read as PEM");
}

// The passphrase of both is "secret".
constexpr std::string_view kEncryptedPkcs8 =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIIBHDBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIa92W7OTFVe8CAggA\n"
    "MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBDEU7GnXZLIzSbIlAKj+pYWBIHA\n"
    "zivqSgM70COVKrDNO9jUUX68gJ/GjSZK4Njs96JW+kOLvIW6dCZ9jZFUKTEWqg+h\n"
    "mHVSg1Mzyu4xmOedyYR7UKKk6/rgzGrdnz+Xn5AimBiQSomzNum2ZZV/mEyhPzDW\n"
    "hXuEX4tE/iXNXoufW79rNFtGaE5JQHvGDW3N/rlZGUMm0Cxk8MThE90blDNfKxJ/\n"
    "4H7UELUb56NcFLHq+/7J8P/WuyieEcmr6QVp5UqyljKLmfiulhUUMDDH5BPIsIlG\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
constexpr std::string_view kEncryptedSec1 =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-256-CBC,72358198F4A0BC8019F712FFD8CE1CD0\n"
    "\n"
    "im233M/F0ZPbJlf/RdaV5CBCTzQNBoZMKqRPHjhMwyTfiNZ+DguKVc4D9EDgciRv\n"
    "nRLuNpAErCJFmDOOHxBY5ewsHORD97AGk1+H5/8yxXgy85Hs5PhiTH/4oUzWVHYx\n"
    "rlXf/L+wNLK6tJsZuSy7goJdyV9UxNGZeczOOtUXC1vWdCWB9MQbfy8tsCX+3rN6\n"
    "bn7dEotuYOvGamtvsZ6NbnyyP8abao8YgZUs6SwjhiQ=\n"
    "-----END EC PRIVATE KEY-----\n";

TEST(EcdsaPrivateKeyTest, EncryptedKeysAreCalledSo) {
  for (const std::string_view pem : {kEncryptedPkcs8, kEncryptedSec1}) {
    const std::vector<uint8_t> bytes(pem.begin(), pem.end());
    ExpectInvalidInput(EcdsaPrivateKey::FromPem(bytes, "--id-key k"),
                       "--id-key k: the key is encrypted with a passphrase");
  }
}

TEST(ReadIdAuthTest, ReadsTheKeysAlone) {
  const std::vector<uint8_t> good = ReadVector("id_auth.bin");
  const auto facts = ReadIdAuth(good);
  ASSERT_TRUE(facts.has_value());
  const auto checked = CheckIdAuth(EncodeIdBlock(ExpectedBlock()), good, true, "auth");
  ASSERT_TRUE(checked.has_value());
  EXPECT_EQ(facts->id_key_digest, checked->id_key_digest);
  EXPECT_EQ(facts->author_key_digest, checked->author_key_digest);
}

TEST(ReadIdAuthTest, OtherFilesAreNone) {
  const std::vector<uint8_t> good = ReadVector("id_auth.bin");
  EXPECT_FALSE(ReadIdAuth({}).has_value());
  EXPECT_FALSE(ReadIdAuth(std::vector<uint8_t>(kIdAuthSize)).has_value());
  EXPECT_FALSE(ReadIdAuth(std::span(good).first(kIdAuthSize - 1)).has_value());
  // Algorithms, reserved bytes, curves.
  for (const size_t at : {0x0u, 0x5u, 0x8u, 0x3fu, 0x240u, 0x880u}) {
    std::vector<uint8_t> auth = good;
    auth[at] ^= 0x40;
    EXPECT_FALSE(ReadIdAuth(auth).has_value()) << at;
  }
}

}  // namespace
}  // namespace sealvm::attestation
