// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/sev_launch_facts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/sev_blob.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

SevKey Tik() { return Filled<SevKey>(0x20); }
Sha256Digest Digest() { return Filled<Sha256Digest>(0x80); }

// The launch of sev_launch_test.cc, whose HMAC another program has calculated.
std::string Text(std::string_view policy = "0x5", std::string_view measure = "871a825c902b51b9") {
  return fmt::format(R"({{"api_major":1,"api_minor":55,"build":22,"policy":"{}",)"
                     R"("digest":"{}","measurement":"{}35acbd72da426effd9b43dd4fd4740f70c08e724066)"
                     R"(afc73606162636465666768696a6b6c6d6e6f"}})"
                     "\n",
                     policy, HexText(Digest()), measure);
}

CheckedEvidence Check(const std::string& text, std::optional<uint32_t> policy = {},
                      bool is_es = true) {
  const auto facts = ParseSevLaunchFacts(text, "m");
  if (!facts) {
    ADD_FAILURE() << facts.error().ToString();
    return {};
  }
  return CheckSevLaunchFacts(*facts, Digest(), policy, is_es, Tik());
}

// The field of the first comparison that does not hold.
std::string Differing(const CheckedEvidence& checked) {
  const auto found = std::ranges::find(checked.checks, false, &FieldCheck::holds);
  return found == checked.checks.end() ? "none" : found->field;
}

TEST(SevLaunchFactsTest, AreReadAsTheyAreWritten) {
  const auto facts = ParseSevLaunchFacts(Text(), "m");
  ASSERT_TRUE(facts) << facts.error().ToString();
  EXPECT_EQ(facts->input.api_major, 1);
  EXPECT_EQ(facts->input.api_minor, 55);
  EXPECT_EQ(facts->input.build, 22);
  EXPECT_EQ(facts->input.policy, 5u);
  EXPECT_EQ(facts->input.launch_digest, Digest());
  EXPECT_EQ(facts->measurement.nonce, Filled<SevKey>(0x60));
}

TEST(SevLaunchFactsTest, SpaceAndOrderDoNotMatter) {
  const std::string text = Text();
  const size_t policy = text.find(R"("policy":"0x5",)");
  std::string other = text;
  other.erase(policy, 15);
  other.insert(1, " \n\"policy\" :\t5 , ");
  EXPECT_EQ(Differing(Check(other)), "none");
}

TEST(SevLaunchFactsTest, OtherFilesAreRefused) {
  const std::string good = Text();
  const auto without = [&](std::string_view part, std::string_view instead) {
    std::string text = good;
    return text.replace(text.find(part), part.size(), instead);
  };
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "'{' is missing"},
      {"x", "'{' is missing"},
      {"{}", "'\"' is missing"},
      {good.substr(0, 33), "a text in it has no end"},
      {good.substr(0, good.size() - 2), "'}' is missing"},
      {good + "x", "there is more"},
      {good + good, "there is more"},
      {without(R"("build":22,)", ""), "it has no build"},
      {without("22", "22,\"build\":22"), "it has build twice"},
      {without("22", "-1"), "it has no value for build"},
      {without("22", "256"), "m: build: 256 is too large"},
      {without("22", "99999999999999999999999"), "m: build: '99"},
      {without("0x5", "0x100000000"), "m: policy: 4294967296 is too large"},
      {without("0x5", "\\u0035"), "a text in it has no end"},
      {without("build", "bild"), "it has another key"},
      {without("606162", "6061"), "m: measurement: 94 hexadecimal digits"},
      {without("8081", "80zz"), "m: digest: 'zz' is not hexadecimal"},
  };
  for (const auto& [text, error] : cases) {
    ExpectInvalidInput(ParseSevLaunchFacts(text, "m"), std::string(error));
  }
}

TEST(SevLaunchFactsTest, TheHmacOfAnIndependentProgramHolds) {
  const CheckedEvidence checked = Check(Text(), 5);
  EXPECT_TRUE(checked.holds());
  ASSERT_EQ(checked.checks.size(), 3u);
  EXPECT_EQ(checked.checks[1].found, "0x5 (API 0.0, no debugging, SEV-ES required)");
}

TEST(SevLaunchFactsTest, EveryPartIsCompared) {
  EXPECT_EQ(Differing(Check(Text("0x5", "971a825c902b51b9"))), "launch measurement");
  EXPECT_EQ(Differing(Check(Text(), 7)), "policy");
  EXPECT_EQ(Differing(Check(Text("7"), 7)), "launch measurement");
  const SevLaunchFacts facts = *ParseSevLaunchFacts(Text(), "m");
  const CheckedEvidence other =
      CheckSevLaunchFacts(facts, Filled<Sha256Digest>(0x81), 5, true, Tik());
  EXPECT_EQ(Differing(other), "launch digest");
  // The host's word for the digest does not make the HMAC hold.
  EXPECT_FALSE(other.checks.back().holds);
}

TEST(SevLaunchFactsTest, GuestsThatMayBeDebuggedAreExpectedByValueOrFail) {
  EXPECT_EQ(Differing(Check(Text("0x4"))), "policy");
  EXPECT_EQ(Differing(Check(Text("0x1"))), "policy");
  EXPECT_EQ(Differing(Check(Text("0x5"), {}, false)), "policy");
  EXPECT_TRUE(Check(Text("0x4"), 4).checks[1].holds);
}

TEST(SevLaunchFactsTest, TheHmacThatWouldHoldIsNotTold) {
  const CheckedEvidence checked = Check(Text("0x5", "971a825c902b51b9"));
  for (const FieldCheck& check : checked.checks) {
    EXPECT_EQ(check.expected.find("871a825c"), std::string::npos) << check.field;
  }
}

std::vector<uint8_t> Bytes(std::string_view text) { return {text.begin(), text.end()}; }

TEST(SevBlobTest, RawOrBase64) {
  const std::string digits = "ICEiIyQlJicoKSorLC0uLw==";
  const SevKey tik = Tik();
  EXPECT_EQ(*DecodeSevBlob(tik, 16, "b"), std::vector<uint8_t>(tik.begin(), tik.end()));
  for (const std::string& text :
       {digits, digits + "\n", "  " + digits.substr(0, 10) + "\r\n" + digits.substr(10)}) {
    EXPECT_EQ(*DecodeSevBlob(Bytes(text), 16, "b"), std::vector<uint8_t>(tik.begin(), tik.end()));
  }
  EXPECT_EQ(*DecodeSevBlob(Bytes("+/+/"), 3, "b"), (std::vector<uint8_t>{0xfb, 0xff, 0xbf}));
}

TEST(SevBlobTest, AnythingElseIsRefused) {
  for (const char* text :
       {"", "ICEi", "ICEiIyQlJicoKSorLC0uLw=", "ICEiIyQlJicoKSorLC0uLw", "ICEiIyQlJicoKSorLC0uLy8=",
        "ICEiIyQlJicoKSorLC0u=w==", "ICEiIyQlJicoKSorLC0uL!==", "ICEiIyQlJicoKSorLC0uLw==="}) {
    ExpectInvalidInput(DecodeSevBlob(Bytes(text), 16, "b"), "which are neither 16 nor base64");
  }
  ExpectInvalidInput(DecodeSevBlob(std::vector<uint8_t>(4096, 'A'), 16, "b"), "has 4096 bytes");
}

}  // namespace
}  // namespace sealvm::attestation
