// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/measure_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

MeasureRequest Request(std::vector<const char*> arguments) {
  const auto request = ParseMeasureArguments(arguments);
  if (!request || !*request) {
    ADD_FAILURE() << (request ? "help" : request.error().ToString());
    return {};
  }
  return **request;
}

std::string ErrorOf(std::vector<const char*> arguments) {
  const auto request = ParseMeasureArguments(arguments);
  if (request) return "no error";
  EXPECT_EQ(request.error().kind, ErrorKind::kInvalidInput);
  return request.error().ToString();
}

// A good line for `isolation`, with more behind it.
std::vector<const char*> Line(const char* isolation, std::vector<const char*> more = {}) {
  std::vector<const char*> line = {"--isolation", isolation, "--firmware", "f"};
  line.insert(line.end(), more.begin(), more.end());
  return line;
}

TEST(MeasureArgumentsTest, DefaultsAreThoseOfALaunch) {
  const MeasureRequest request = Request(Line("snp", {"--cpu-model", "EPYC-Milan"}));
  EXPECT_EQ(request.isolation, IsolationMode::kSnp);
  EXPECT_EQ(request.cpus, 1u);
  EXPECT_EQ(request.vcpu_signature, 0xa00f11u);
  EXPECT_EQ(request.guest_features, 1u);
  EXPECT_EQ(request.vmm_type, VmmType::kQemu);
  EXPECT_EQ(request.mrtd_order, MrtdOrder::kOnePass);
  EXPECT_FALSE(request.allow_unenforced_hashes || request.json || request.explain);
}

TEST(MeasureArgumentsTest, ReadsItsOptions) {
  const std::string seed(96, 'a');
  const MeasureRequest request = Request(Line("snp", {"--kernel=k", "--initrd",
                                                      "i",          "--cmdline",
                                                      "--x y",      "--cpus",
                                                      "64",         "--vcpu-signature",
                                                      "0x800f12",   "--guest-features",
                                                      "21",         "--vmm-type",
                                                      "ec2",        "--seed-digest",
                                                      seed.c_str(), "--policy",
                                                      "0x30000",    "--allow-unenforced-hashes",
                                                      "on",         "--json",
                                                      "--explain"}));
  EXPECT_EQ(request.firmware, "f");
  EXPECT_EQ(request.kernel, "k");
  EXPECT_EQ(request.initrd, "i");
  EXPECT_EQ(request.cmdline, "--x y");
  EXPECT_EQ(request.cpus, 64u);
  EXPECT_EQ(request.vcpu_signature, 0x800f12u);
  EXPECT_EQ(request.guest_features, 0x21u);
  EXPECT_EQ(request.vmm_type, VmmType::kEc2);
  ASSERT_TRUE(request.seed_digest.has_value());
  EXPECT_EQ((*request.seed_digest)[47], 0xaa);
  EXPECT_EQ(request.policy, 0x30000u);
  EXPECT_TRUE(request.allow_unenforced_hashes && request.json && request.explain);
  EXPECT_EQ(Request(Line("tdx", {"--mrtd-order", "two-pass"})).mrtd_order, MrtdOrder::kTwoPass);
}

TEST(MeasureArgumentsTest, HelpIsNoRequest) {
  const auto request = ParseMeasureArguments(std::vector<const char*>{"--help"});
  ASSERT_TRUE(request.has_value());
  EXPECT_FALSE(request->has_value());
}

TEST(MeasureArgumentsTest, ModesWithoutADigestSayWhy) {
  EXPECT_THAT(ErrorOf(Line("sealed")), HasSubstr("a sealed guest has no launch digest"));
  EXPECT_THAT(ErrorOf(Line("none")), HasSubstr("nothing is measured in mode none"));
  EXPECT_THAT(ErrorOf(Line("auto")), HasSubstr("nothing is measured in mode auto"));
  EXPECT_THAT(ErrorOf(Line("strong")), HasSubstr("--isolation"));
  EXPECT_THAT(ErrorOf({"--firmware", "f"}), HasSubstr("--isolation is needed"));
}

TEST(MeasureArgumentsTest, AKernelGetsTheFirmwareThatARunWouldGiveIt) {
  EXPECT_EQ(Request({"--isolation", "tdx", "--kernel", "k"}).firmware, "guest-fw");
  EXPECT_EQ(Request({"--isolation", "snp", "--kernel", "k", "--cpu-model", "EPYC-Milan"}).firmware,
            "guest-fw");
  EXPECT_EQ(Request(Line("tdx", {"--kernel", "k"})).firmware, "f");
  EXPECT_THAT(ErrorOf({"--isolation", "sev", "--kernel", "k"}), HasSubstr("--firmware is needed"));
  EXPECT_THAT(ErrorOf({"--isolation", "tdx"}), HasSubstr("--firmware is needed"));
}

TEST(MeasureArgumentsTest, VcpusHaveBounds) {
  for (const char* cpus : {"0", "4097", "99999999999999999999", "-1", "two", ""}) {
    EXPECT_THAT(ErrorOf(Line("sev", {"--cpus", cpus})), HasSubstr("--cpus: ")) << cpus;
  }
  EXPECT_THAT(ErrorOf(Line("sev", {"--cpus", "4097"})), HasSubstr("from 1 to 4096"));
  EXPECT_EQ(Request(Line("sev", {"--cpus", "4096"})).cpus, 4096u);
}

TEST(MeasureArgumentsTest, VcpusThatAreMeasuredNeedASignature) {
  for (const char* mode : {"snp", "sev-es"}) {
    EXPECT_THAT(ErrorOf(Line(mode)), HasSubstr("--cpu-model or --vcpu-signature is needed"));
    EXPECT_EQ(Request(Line(mode, {"--vmm-type", "gce"})).vmm_type, VmmType::kGce);
  }
  EXPECT_THAT(ErrorOf(Line("snp", {"--cpu-model", "EPYC-Millan"})), HasSubstr("EPYC-Milan"));
  EXPECT_THAT(ErrorOf(Line("snp", {"--cpu-model", "486"})), HasSubstr("'486' is no CPU model"));
  EXPECT_THAT(ErrorOf(Line("snp", {"--cpu-model", "EPYC", "--vcpu-signature", "800f12"})),
              HasSubstr("give one"));
  EXPECT_THAT(ErrorOf(Line("snp", {"--vcpu-signature", "100000000"})), HasSubstr("out of range"));
}

TEST(MeasureArgumentsTest, FeaturesHaveSnpsBit) {
  EXPECT_THAT(ErrorOf(Line("snp", {"--cpu-model", "EPYC", "--guest-features", "0x20"})),
              HasSubstr("0x21?"));
}

TEST(MeasureArgumentsTest, WhatBelongsToAKernelNeedsOne) {
  EXPECT_THAT(ErrorOf(Line("sev", {"--initrd", "i"})), HasSubstr("--initrd needs --kernel"));
  EXPECT_THAT(ErrorOf(Line("sev", {"--cmdline", "x"})), HasSubstr("--cmdline needs --kernel"));
}

TEST(MeasureArgumentsTest, OptionsOfOtherModesAreRefused) {
  const std::string seed(96, '0');
  EXPECT_THAT(ErrorOf(Line("tdx", {"--seed-digest", seed.c_str()})), HasSubstr("is for snp"));
  EXPECT_THAT(ErrorOf(Line("snp", {"--seed-digest", "00"})), HasSubstr("--seed-digest: "));
  EXPECT_THAT(ErrorOf(Line("tdx", {"--policy", "0"})), HasSubstr("--policy"));
}

TEST(MeasureArgumentsTest, PoliciesAreChecked) {
  const std::vector<const char*> epyc = {"--cpu-model", "EPYC", "--policy"};
  const auto error = [&](const char* mode, const char* policy) {
    std::vector<const char*> more = epyc;
    more.push_back(policy);
    return ErrorOf(Line(mode, more));
  };
  EXPECT_EQ(error("snp", "0x30000"), "no error");
  EXPECT_THAT(error("snp", "0x10000"), HasSubstr("--policy: "));
  EXPECT_THAT(error("snp", "0x8000000000030000"), HasSubstr("bits 0x8000000000000000"));
  EXPECT_THAT(error("snp", "0x4030000"), HasSubstr("bits 0x4000000"));
  EXPECT_EQ(error("sev-es", "5"), "no error");
  EXPECT_THAT(error("sev-es", "1"), HasSubstr("lacks bit 2"));
  EXPECT_EQ(error("sev", "0x11000001"), "no error");
  EXPECT_THAT(error("sev", "5"), HasSubstr("requires SEV-ES"));
  EXPECT_THAT(error("sev", "0x40"), HasSubstr("bits 0x40"));
}

TEST(MeasureArgumentsTest, ReportsAreCompared) {
  const MeasureRequest request =
      Request(Line("snp", {"--cpu-model", "EPYC", "--verify", "r", "--cert=c", "--report-data",
                           "00ff", "--policy", "30000", "--json"}));
  EXPECT_EQ(request.verify.path, "r");
  EXPECT_EQ(request.verify.cert, "c");
  EXPECT_EQ(request.verify.report_data, "00ff");
  EXPECT_EQ(request.verify.report_policy, "0x30000");
  EXPECT_TRUE(request.verify.json);
  EXPECT_EQ(Request(Line("tdx", {"--verify", "q", "--xfam", "3"})).verify.xfam, "3");
}

TEST(MeasureArgumentsTest, ComparisonsThatCannotBeAreRefused) {
  EXPECT_THAT(ErrorOf(Line("tdx", {"--cert", "c"})), HasSubstr("--cert needs --verify"));
  EXPECT_THAT(ErrorOf(Line("tdx", {"--verify", ""})), HasSubstr("--verify: is empty"));
  EXPECT_THAT(ErrorOf(Line("sev", {"--verify", "r"})), HasSubstr("a guest of sev has no report"));
  EXPECT_THAT(ErrorOf(Line("sev", {"--verify", "r", "--tik", "t", "--cert", "c"})),
              HasSubstr("--cert is for reports and quotes"));
  EXPECT_THAT(ErrorOf(Line("sev", {"--verify", "r", "--tik", "t", "--report-policy", "1"})),
              HasSubstr("give --policy"));
  EXPECT_THAT(ErrorOf(Line("tdx", {"--verify", "r", "--explain"})), HasSubstr("give one"));
  EXPECT_THAT(ErrorOf(Line("snp", {"--cpu-model", "EPYC", "--verify", "r", "--policy", "30000",
                                   "--report-policy", "0x30000"})),
              HasSubstr("give one"));
}

TEST(MeasureArgumentsTest, IdBlocksAreAsked) {
  const MeasureRequest request =
      Request(Line("snp", {"--cpu-model", "EPYC", "--policy", "30000", "--id-key", "k",
                           "--author-key", "a", "--write-id-block", "b", "--write-id-auth", "c",
                           "--guest-svn", "7", "--family-id", "000102030405060708090a0b0c0d0e0f",
                           "--image-id", "ffffffffffffffffffffffffffffffff"}));
  EXPECT_TRUE(request.id_block.wanted());
  EXPECT_EQ(request.id_block.id_key, "k");
  EXPECT_EQ(request.id_block.author_key, "a");
  EXPECT_EQ(request.id_block.id_block, "b");
  EXPECT_EQ(request.id_block.id_auth, "c");
  EXPECT_EQ(request.id_block.guest_svn, 7u);
  EXPECT_EQ(request.id_block.family_id->at(15), 0x0f);
  EXPECT_EQ(request.id_block.image_id->at(0), 0xff);
  EXPECT_FALSE(Request(Line("tdx")).id_block.wanted());
}

TEST(MeasureArgumentsTest, IdBlockOptionsGoTogether) {
  const auto error = [](std::vector<const char*> more) {
    more.insert(more.end(), {"--cpu-model", "EPYC"});
    return ErrorOf(Line("snp", more));
  };
  const std::vector<const char*> all = {"--id-key",        "k", "--write-id-block", "b",
                                        "--write-id-auth", "c", "--policy",         "0x30000"};
  EXPECT_EQ(error(all), "no error");
  for (size_t left_out = 0; left_out < 6; left_out += 2) {
    std::vector<const char*> some = all;
    some.erase(some.begin() + left_out, some.begin() + left_out + 2);
    EXPECT_THAT(error(some), HasSubstr("together")) << all[left_out];
  }
  EXPECT_THAT(error({all.begin(), all.begin() + 6}), HasSubstr("needs --policy"));
  EXPECT_THAT(error({"--guest-svn", "0"}), HasSubstr("--guest-svn is given"));
  EXPECT_THAT(error({"--author-key", "k"}), HasSubstr("--author-key is given"));
  EXPECT_THAT(error({"--id-key", "k", "--write-id-block", "b", "--write-id-auth", "b"}),
              HasSubstr("the same file"));
  EXPECT_THAT(error({"--family-id", "00"}), HasSubstr("--family-id: '00' has 2 digits"));
  EXPECT_THAT(error({"--guest-svn", "4294967296"}), HasSubstr("--guest-svn: "));
  EXPECT_THAT(error({"--id-key", ""}), HasSubstr("--id-key: "));
  EXPECT_THAT(ErrorOf(Line("tdx", {"--image-id", "ffffffffffffffffffffffffffffffff"})),
              HasSubstr("--image-id: only SNP has ID blocks, not tdx"));
}

constexpr char kGuid[] = "736869E5-84f0-4973-92ec-06879ce3da0b";

TEST(MeasureArgumentsTest, LaunchMeasurementsAreCheckedAndAnswered) {
  const std::string one = std::string(kGuid) + "=a=b";
  const std::string other = "00000000-0000-0000-0000-000000000001=c";
  const MeasureRequest request =
      Request(Line("sev", {"--verify", "m", "--tik", "i", "--policy", "1", "--tek", "e", "--secret",
                           one.c_str(), "--secret", other.c_str(), "--write-secret", "w"}));
  EXPECT_EQ(request.verify.path, "m");
  EXPECT_EQ(request.verify.report_policy, "");
  EXPECT_EQ(request.policy, 1u);
  EXPECT_EQ(request.sev_owner.tik, "i");
  EXPECT_EQ(request.sev_owner.tek, "e");
  EXPECT_EQ(request.sev_owner.packet, "w");
  ASSERT_EQ(request.sev_owner.secrets.size(), 2u);
  EXPECT_EQ(request.sev_owner.secrets[0].guid, Guid::Of("736869e5-84f0-4973-92ec-06879ce3da0b"));
  EXPECT_EQ(request.sev_owner.secrets[0].path, "a=b");
  EXPECT_EQ(request.sev_owner.secrets[1].path, "c");
}

TEST(MeasureArgumentsTest, OwnersOptionsGoTogether) {
  const std::string secret = std::string(kGuid) + "=f";
  const auto error = [](std::vector<const char*> more) {
    more.insert(more.end(), {"--verify", "m", "--tik", "i"});
    return ErrorOf(Line("sev", more));
  };
  EXPECT_EQ(error({}), "no error");
  for (const char* option : {"--tek", "--write-secret"}) {
    EXPECT_THAT(error({option, "x"}), HasSubstr("together")) << option;
    EXPECT_THAT(error({option, "x", "--secret", secret.c_str()}), HasSubstr("together")) << option;
    EXPECT_THAT(error({option, ""}), HasSubstr(std::string(option) + ": needs a path"));
  }
  EXPECT_THAT(error({"--secret", secret.c_str(), "--secret", secret.c_str()}),
              HasSubstr("--secret: 736869e5-84f0-4973-92ec-06879ce3da0b is given twice"));
  for (const char* bad :
       {"f", "=f", "736869e5=f", "736869e584f0497392ec06879ce3da0b=f",
        "736869e5-84f0-4973-92ec-06879ce3da0=f", "736869e5-84f0-4973-92ec-06879ce3da0bb=f",
        "736869e5-84f0-4973-92ec-06879ce3da0g=f", "736869e5-84f0-4973-92ec-06879ce3da0b="}) {
    EXPECT_THAT(error({"--secret", bad}), HasSubstr("--secret: '")) << bad;
  }
  EXPECT_THAT(ErrorOf(Line("sev", {"--tik", "i"})), HasSubstr("--tik needs --verify"));
  EXPECT_THAT(ErrorOf(Line("tdx", {"--tik", "i", "--verify", "q"})),
              HasSubstr("--tik: only sev and sev-es"));
}

TEST(MeasureArgumentsTest, OptionsWithoutEffectAreNoted) {
  const std::vector<const char*> vcpus = {"--cpus",     "9",   "--cpu-model",      "EPYC",
                                          "--vmm-type", "ec2", "--guest-features", "0x21"};
  const auto note = [](std::string_view option, std::string_view mode) {
    return "note: --" + std::string(option) + " has no effect in mode " + std::string(mode);
  };
  for (const char* mode : {"sev", "tdx"}) {
    EXPECT_THAT(Request(Line(mode, vcpus)).notes,
                testing::ElementsAre(note("cpus", mode), note("cpu-model", mode),
                                     note("guest-features", mode), note("vmm-type", mode)));
  }
  EXPECT_THAT(Request(Line("sev-es", vcpus)).notes,
              testing::ElementsAre("note: --cpu-model has no effect with --vmm-type ec2",
                                   note("guest-features", "sev-es")));
  EXPECT_THAT(Request(Line("sev", {"--vcpu-signature", "1", "--mrtd-order", "two-pass"})).notes,
              testing::ElementsAre(note("vcpu-signature", "sev"), note("mrtd-order", "sev")));
  EXPECT_THAT(Request(Line("snp", {"--cpu-model", "EPYC", "--guest-features", "21", "--vmm-type",
                                   "qemu", "--cpus", "2"}))
                  .notes,
              testing::IsEmpty());
  EXPECT_THAT(Request(Line("tdx", {"--mrtd-order", "one-pass"})).notes, testing::IsEmpty());
}

TEST(MeasureArgumentsTest, UnknownOptionsNameTheNearest) {
  EXPECT_THAT(ErrorOf(Line("snp", {"--cpumodel", "EPYC"})), HasSubstr("'--cpu-model'"));
  EXPECT_THAT(ErrorOf(Line("snp", {"x"})), HasSubstr("unexpected argument 'x'"));
  EXPECT_THAT(ErrorOf(Line("snp", {"--firmware", "g"})), HasSubstr("given twice"));
}

}  // namespace
}  // namespace sealvm
