// SPDX-License-Identifier: Apache-2.0
#include "vmm/crypto/digest.h"

#include <gtest/gtest.h>

#include <string_view>

namespace sealvm {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The examples of NIST's FIPS 180-4 for the message "abc".
TEST(Digest, MatchesThePublishedExamples) {
  EXPECT_EQ(HexText(Sha256Of(Bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexText(Sha384Of(Bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
}

TEST(Digest, PiecesGiveTheDigestOfTheWhole) {
  Sha256Stream sha256;
  Sha384Stream sha384;
  for (std::string_view piece : {"a", "", "bc"}) {
    sha256.Update(Bytes(piece));
    sha384.Update(Bytes(piece));
  }
  EXPECT_EQ(sha256.Finish(), Sha256Of(Bytes("abc")));
  EXPECT_EQ(sha384.Finish(), Sha384Of(Bytes("abc")));
}

TEST(Digest, HexHasTwoDigitsForEachByte) {
  EXPECT_EQ(HexText({}), "");
  EXPECT_EQ(HexText(std::array<uint8_t, 3>{0x00, 0x0f, 0xa5}), "000fa5");
}

}  // namespace
}  // namespace sealvm
