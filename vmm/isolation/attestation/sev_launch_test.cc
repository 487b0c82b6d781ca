// SPDX-License-Identifier: Apache-2.0
// The expected values were made with Python's hmac and cryptography modules.
#include "vmm/isolation/attestation/sev_launch.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/hex.h"
#include "vmm/isolation/attestation/secret_table.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

constexpr std::string_view kMeasure =
    "871a825c902b51b935acbd72da426effd9b43dd4fd4740f70c08e724066afc73";

SevTransportKeys Keys() { return {.tek = Filled<SevKey>(0x40), .tik = Filled<SevKey>(0x20)}; }
SevKey Nonce() { return Filled<SevKey>(0x60); }
SevKey Iv() { return Filled<SevKey>(0xa0); }
SevMeasureInput Input() {
  return {.api_major = 1,
          .api_minor = 55,
          .build = 22,
          .policy = 5,
          .launch_digest = Filled<Sha256Digest>(0x80)};
}
Sha256Digest Measure() { return ComputeSevMeasure(Input(), Nonce(), Keys().tik); }

TEST(SevMeasureTest, HmacOfAnIndependentProgram) { EXPECT_EQ(HexText(Measure()), kMeasure); }

TEST(SevMeasureTest, EveryInputCounts) {
  std::vector<uint8_t> bytes = *ParseHex(kMeasure, 32, "m");
  const SevKey nonce = Nonce();
  bytes.insert(bytes.end(), nonce.begin(), nonce.end());
  const auto measurement = ParseSevMeasurement(bytes, "m");
  ASSERT_TRUE(measurement.has_value());
  EXPECT_TRUE(MeasurementHolds(*measurement, Input(), Keys().tik));
  SevMeasureInput inputs[] = {Input(), Input(), Input(), Input(), Input()};
  inputs[0].api_major ^= 1;
  inputs[1].api_minor ^= 1;
  inputs[2].build ^= 1;
  inputs[3].policy ^= 1;
  inputs[4].launch_digest[31] ^= 1;
  for (const SevMeasureInput& input : inputs) {
    EXPECT_FALSE(MeasurementHolds(*measurement, input, Keys().tik));
  }
  EXPECT_FALSE(MeasurementHolds(*measurement, Input(), Keys().tek));
}

TEST(SevMeasureTest, WrongSize) {
  ExpectInvalidInput(ParseSevMeasurement(std::vector<uint8_t>(47), "m"), "has 48 bytes");
}

TEST(SevSecretTest, PacketOfAnIndependentProgram) {
  const auto packet =
      BuildSevSecretPacket(Filled<std::array<uint8_t, 32>>(0), Keys(), Iv(), Measure());
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(HexText(packet->data),
            "51c4618235d2567cff5b25fbfe2a75bb19b1a22bb0d1942dbbc719b89cc6c040");
  EXPECT_EQ(
      HexText(packet->header),
      "00000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0fbab7b6ccbacfc939b28ffe74cbf10b2b487fb9be9f616"
      "244057ebe81a87ca");
}

TEST(SevSecretTest, OpensAndSeesEveryChange) {
  const auto secret = Filled<std::array<uint8_t, 32>>(0);
  const SevSecretPacket packet = *BuildSevSecretPacket(secret, Keys(), Iv(), Measure());
  const auto opened = OpenSevSecretPacket(packet.header, packet.data, Keys(), Measure(), "p");
  ASSERT_TRUE(opened.has_value());
  EXPECT_TRUE(std::ranges::equal(*opened, secret));
  for (size_t at = 0; at < packet.header.size(); ++at) {
    auto header = packet.header;
    header[at] ^= 1;
    ExpectInvalidInput(OpenSevSecretPacket(header, packet.data, Keys(), Measure(), "p"),
                       "p: the packet's HMAC does not hold");
  }
  auto data = packet.data;
  data[31] ^= 1;
  EXPECT_FALSE(OpenSevSecretPacket(packet.header, data, Keys(), Measure(), "p").has_value());
  EXPECT_FALSE(OpenSevSecretPacket(packet.header, packet.data, Keys(), {}, "p").has_value());
}

TEST(SevSecretTest, Sizes) {
  for (const size_t size : {size_t{0}, size_t{15}, size_t{17}, kMaxSevSecretSize + 16}) {
    const std::vector<uint8_t> secret(size);
    ExpectInvalidInput(BuildSevSecretPacket(secret, Keys(), Iv(), Measure()), "launch secret: ");
  }
  ExpectInvalidInput(OpenSevSecretPacket({}, {}, Keys(), Measure(), "p"), "has 52 bytes");
}

TEST(SevSessionTest, OfAnIndependentProgram) {
  const auto session =
      BuildSevSession(Keys(), 5, Filled<std::array<uint8_t, 48>>(0xc0), Nonce(), Iv());
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(
      HexText(*session),
      "606162636465666768696a6b6c6d6e6fd81d7dce4b068f60e3eb71173b3e227deddc51be769b26b36c05c0f2"
      "fdf1cb5ea0a1a2a3a4a5a6a7a8a9aaabacadaeafe8ed5bce55b34ddae75e21813e2d1922b311a59767c1d482"
      "066424a12d7585eed8149737e564648068d91f8d0b20db9c1ac8df416ce41b77a99906085c773ca1");
}

// The value that virtee/sev's test of its key derivation has.
TEST(SevSessionTest, KeyDerivationOfZeroes) {
  EXPECT_EQ(HexText(DeriveSevKey(SevKey{}, "sev-master-secret", SevKey{})),
            "ab4d269fcc62bedb4511d56c386ce706");
}

TEST(SecretTableTest, LiesAsLinuxReadsIt) {
  const std::vector<SecretEntry> entries = {{kDiskPassphraseGuid, {'p', 'w', 0}}};
  const auto table = BuildSecretTable(entries, 0xc00);
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(HexText(*table),
            "42f5741edd71664d963eef4287ff173b"
            "2b000000"
            "e5696873f084"
            "7349"
            "92ec06879ce3da0b"
            "17000000"
            "707700"
            "0000000000");
  const auto read = ParseSecretTable(*table, "t");
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ((*read)[0].guid, kDiskPassphraseGuid);
  EXPECT_EQ((*read)[0].secret, entries[0].secret);
}

TEST(SecretTableTest, TooLargeOrEmpty) {
  const std::vector<SecretEntry> large = {{kDiskPassphraseGuid, std::vector<uint8_t>(0xc00)}};
  ExpectInvalidInput(BuildSecretTable(large, 0xc00), "the firmware has room for 3072");
  const std::vector<SecretEntry> empty = {{kDiskPassphraseGuid, {}}};
  ExpectInvalidInput(BuildSecretTable(empty, 0xc00),
                     "launch secret 736869e5-84f0-4973-92ec-06879ce3da0b: 0 bytes");
}

TEST(SecretTableTest, HostileLengths) {
  const std::vector<SecretEntry> entries = {{kDiskPassphraseGuid, {'p', 'w', 0}}};
  const std::vector<uint8_t> good = *BuildSecretTable(entries, 0xc00);
  for (const uint8_t total : {0, 19, 21, 44, 49, 255}) {
    std::vector<uint8_t> bytes = good;
    bytes[16] = total;
    EXPECT_FALSE(ParseSecretTable(bytes, "t").has_value()) << int{total};
  }
  for (const uint8_t length : {0, 19, 20, 24, 255}) {
    std::vector<uint8_t> bytes = good;
    bytes[36] = length;
    ExpectInvalidInput(ParseSecretTable(bytes, "t"), "does not lie in the table");
  }
  ExpectInvalidInput(ParseSecretTable({}, "t"), "no table of launch secrets");
}

}  // namespace
}  // namespace sealvm::attestation
