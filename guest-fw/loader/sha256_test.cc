// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/sha256.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <string_view>
#include <vector>

#include "guest-fw/loader/testing_engines.h"

namespace sealvm::loader {
namespace {

class Sha256Test : public EngineTest {
 protected:
  static Sha256Digest Hash(const uint8_t* data, size_t size) {
    Sha256 hash(engine());
    hash.Update(data, size);
    return hash.Finish();
  }
  static Sha256Digest Hash(std::string_view text) {
    return Hash(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, Sha256Test, testing::ValuesIn(kAllEngines), EngineName);

Sha256Digest Reference(const uint8_t* data, size_t size) {
  Sha256Digest digest;
  SHA256(data, size, digest.data());
  return digest;
}

std::vector<uint8_t> Noise(size_t size) {
  std::vector<uint8_t> bytes(size);
  uint64_t state = 88172645463325252;
  for (uint8_t& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<uint8_t>(state);
  }
  return bytes;
}

// FIPS 180-4's examples "abc" and the two-block message.
TEST_P(Sha256Test, GivesNistsExamples) {
  EXPECT_EQ(Hash("abc"),
            (Sha256Digest{0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                          0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                          0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad}));
  EXPECT_EQ(Hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            (Sha256Digest{0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38, 0xb8, 0xe5, 0xc0, 0x26,
                          0x93, 0x0c, 0x3e, 0x60, 0x39, 0xa3, 0x3c, 0xe4, 0x59, 0x64, 0xff,
                          0x21, 0x67, 0xf6, 0xec, 0xed, 0xd4, 0x19, 0xdb, 0x06, 0xc1}));
}

TEST_P(Sha256Test, AgreesWithOpenSslAtEveryLengthOverBlockBoundaries) {
  const auto bytes = Noise(5 * Sha256::kBlockSize);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    ASSERT_EQ(Hash(bytes.data(), size), Reference(bytes.data(), size)) << size;
  }
}

TEST_P(Sha256Test, AgreesWithOpenSslOnAMegabyte) {
  const auto bytes = Noise((1 << 20) + 17);
  EXPECT_EQ(Hash(bytes.data(), bytes.size()), Reference(bytes.data(), bytes.size()));
}

TEST_P(Sha256Test, TakesUnalignedData) {
  const auto bytes = Noise(400);
  for (size_t offset = 0; offset < 17; ++offset) {
    ASSERT_EQ(Hash(bytes.data() + offset, 300), Reference(bytes.data() + offset, 300)) << offset;
  }
}

TEST_P(Sha256Test, DoesNotDependOnHowTheMessageIsCut) {
  const auto bytes = Noise(200);
  const Sha256Digest whole = Reference(bytes.data(), bytes.size());
  for (size_t first = 0; first <= bytes.size(); ++first) {
    Sha256 hash(engine());
    hash.Update(bytes.data(), first);
    hash.Update(bytes.data() + first, 0);
    hash.Update(bytes.data() + first, bytes.size() - first);
    ASSERT_EQ(hash.Finish(), whole) << first;
  }
}

TEST_P(Sha256Test, TakesSingleBytes) {
  const auto bytes = Noise(130);
  Sha256 hash(engine());
  for (const uint8_t& byte : bytes) hash.Update(&byte, 1);
  EXPECT_EQ(hash.Finish(), Reference(bytes.data(), bytes.size()));
}

}  // namespace
}  // namespace sealvm::loader
