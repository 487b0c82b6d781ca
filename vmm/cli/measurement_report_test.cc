// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/measurement_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "guest-fw/measured_loader_image.h"
#include "memory/base/fd.h"
#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/measurement/sev_launch.h"
#include "vmm/isolation/measurement/snp_launch.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<uint8_t>& bytes) : fd_(mkstemp(path_)) {
    EXPECT_EQ(write(fd_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~TemporaryFile() { unlink(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/sealvm-measure-XXXXXX";
  Fd fd_;
};

class MeasureTest : public testing::Test {
 protected:
  MeasureRequest Request(IsolationMode isolation) const {
    return {.isolation = isolation, .firmware = firmware_.path(), .vcpu_signature = 0x800f12};
  }

  // With a kernel that the firmware, which has no drivers to look into, may not compare.
  MeasureRequest KernelRequest(IsolationMode isolation) const {
    MeasureRequest request = Request(isolation);
    request.kernel = kernel_.path();
    request.cmdline = "console=ttyS0";
    request.allow_unenforced_hashes = true;
    return request;
  }

  static std::string DigestOf(const MeasureRequest& request) {
    const auto measurement = Measure(request);
    if (!measurement) return measurement.error().ToString();
    return HexText(measurement->digest);
  }

  const FirmwareImage image_ = FirmwareBuilder().Image();
  const TemporaryFile firmware_{FirmwareBuilder().Build()};
  const TemporaryFile kernel_{std::vector<uint8_t>(5000, 0x11)};
};

TEST_F(MeasureTest, SevIsTheImagesHash) {
  EXPECT_EQ(DigestOf(Request(IsolationMode::kSev)), HexText(Sha256Of(image_.bytes())));
}

TEST_F(MeasureTest, EveryInputChangesTheDigest) {
  std::vector<std::string> digests;
  const auto add = [&](const MeasureRequest& request) { digests.push_back(DigestOf(request)); };
  for (IsolationMode mode : {IsolationMode::kSnp, IsolationMode::kSevEs}) {
    add(Request(mode));
    MeasureRequest request = Request(mode);
    request.cpus = 2;
    add(request);
    request.vcpu_signature = 0xa00f11;
    add(request);
    request.vmm_type = VmmType::kEc2;
    add(request);
    add(KernelRequest(mode));
    request = KernelRequest(mode);
    request.initrd = kernel_.path();
    add(request);
    request.cmdline = "console=ttyS1";
    add(request);
  }
  add(Request(IsolationMode::kSev));
  add(KernelRequest(IsolationMode::kSev));
  add(Request(IsolationMode::kTdx));
  MeasureRequest two_pass = Request(IsolationMode::kTdx);
  two_pass.mrtd_order = MrtdOrder::kTwoPass;
  add(two_pass);
  std::ranges::sort(digests);
  EXPECT_EQ(std::ranges::adjacent_find(digests), digests.end());
  for (const std::string& digest : digests) {
    EXPECT_TRUE(digest.size() == 64 || digest.size() == 96) << digest;
  }
}

TEST_F(MeasureTest, FeaturesAreSnpsAlone) {
  MeasureRequest with_features = Request(IsolationMode::kSnp);
  with_features.guest_features = 0x21;
  EXPECT_NE(DigestOf(with_features), DigestOf(Request(IsolationMode::kSnp)));
  with_features.isolation = IsolationMode::kSevEs;
  EXPECT_EQ(DigestOf(with_features), DigestOf(Request(IsolationMode::kSevEs)));
}

TEST_F(MeasureTest, ASeedStandsForTheFirmware) {
  const LaunchStep step = {.kind = LaunchStepKind::kSnpNormal,
                           .gpa = image_.base(),
                           .size = image_.size(),
                           .content = image_.bytes(),
                           .what = {}};
  MeasureRequest request = Request(IsolationMode::kSnp);
  request.seed_digest = SnpLaunchDigest(std::span(&step, 1));
  EXPECT_EQ(DigestOf(request), DigestOf(Request(IsolationMode::kSnp)));
  request.seed_digest->front() ^= 1;
  EXPECT_NE(DigestOf(request), DigestOf(Request(IsolationMode::kSnp)));
}

TEST_F(MeasureTest, AKernelThatIsNotEnforcedIsRefused) {
  for (IsolationMode mode : {IsolationMode::kSnp, IsolationMode::kSevEs, IsolationMode::kSev}) {
    MeasureRequest request = KernelRequest(mode);
    request.allow_unenforced_hashes = false;
    const auto measurement = Measure(request);
    ExpectInvalidInput(measurement, "--kernel would be measured and not enforced");
    EXPECT_THAT(measurement.error().hint, HasSubstr("OVMF.amdsev.fd"));
  }
}

TEST_F(MeasureTest, AllowingItWarns) {
  const auto measurement = Measure(KernelRequest(IsolationMode::kSnp));
  ASSERT_TRUE(measurement.has_value());
  ASSERT_EQ(measurement->notes.size(), 1u);
  EXPECT_THAT(measurement->notes[0], HasSubstr("the host could load another"));
}

TEST_F(MeasureTest, ATdsKernelIsNotInItsDigest) {
  const auto measurement = Measure(KernelRequest(IsolationMode::kTdx));
  ASSERT_TRUE(measurement.has_value()) << measurement.error().ToString();
  EXPECT_EQ(HexText(measurement->digest), DigestOf(Request(IsolationMode::kTdx)));
  ASSERT_EQ(measurement->notes.size(), 1u);
  EXPECT_THAT(measurement->notes[0], HasSubstr("RTMR1"));
}

TEST_F(MeasureTest, FilesThatAreNotThereAreNamed) {
  MeasureRequest request = Request(IsolationMode::kTdx);
  request.firmware = "/nonexistent/f";
  ExpectInvalidInput(Measure(request), "--firmware /nonexistent/f: cannot open");
  request = KernelRequest(IsolationMode::kSnp);
  request.initrd = "/nonexistent/i";
  ExpectInvalidInput(Measure(request), "--initrd /nonexistent/i: cannot open");
  request.kernel = "/nonexistent/k";
  ExpectInvalidInput(Measure(request), "--kernel /nonexistent/k: cannot open");
}

TEST_F(MeasureTest, FirmwareWithoutWhatAModeNeedsIsRefused) {
  const TemporaryFile plain(
      FirmwareBuilder{.reset_eip = {}, .hash_area = {}, .has_sev = false, .has_tdx = false}
          .Build());
  MeasureRequest request = KernelRequest(IsolationMode::kTdx);
  request.firmware = plain.path();
  ExpectInvalidInput(Measure(request), "has no TDX metadata");
  request.isolation = IsolationMode::kSev;
  ExpectInvalidInput(Measure(request), "no area for a kernel hash table");
  request.kernel.clear();
  request.isolation = IsolationMode::kSnp;
  ExpectInvalidInput(Measure(request), "no SEV-SNP metadata");
  request.isolation = IsolationMode::kSevEs;
  request.cpus = 2;
  ExpectInvalidInput(Measure(request), "no SEV-ES reset block");
}

TEST_F(MeasureTest, TextHasTheDigestAloneOnTheLastLine) {
  const auto plain = Measure(Request(IsolationMode::kSev));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(MeasurementText(*plain), HexText(Sha256Of(image_.bytes())) + "\n");

  MeasureRequest request = Request(IsolationMode::kSev);
  request.explain = true;
  const auto explained = Measure(request);
  ASSERT_TRUE(explained.has_value());
  const std::string digest = HexText(explained->digest);
  EXPECT_EQ(MeasurementText(*explained), "DATA gpa=0xffffc000 size=0x4000 content=" + digest +
                                             " digest=" + digest + " firmware\n" + digest + "\n");
}

TEST_F(MeasureTest, ExplainingDoesNotChangeTheDigest) {
  for (IsolationMode mode : {IsolationMode::kSnp, IsolationMode::kSevEs, IsolationMode::kTdx}) {
    MeasureRequest request = Request(mode);
    request.explain = true;
    const auto explained = Measure(request);
    ASSERT_TRUE(explained.has_value());
    EXPECT_EQ(HexText(explained->digest), DigestOf(Request(mode)));
    EXPECT_EQ(explained->lines.back().digest, HexText(explained->digest));
  }
}

TEST_F(MeasureTest, JsonSaysWhatWasMeasured) {
  MeasureRequest request = KernelRequest(IsolationMode::kSnp);
  request.explain = true;
  request.policy = 0x30000;
  const auto measurement = Measure(request);
  ASSERT_TRUE(measurement.has_value());
  const std::string json = MeasurementJson(request, *measurement);
  for (const std::string& part :
       {"\"digest\": \"" + HexText(measurement->digest) + "\"", std::string("\"sha384\""),
        std::string("\"isolation\": \"snp\""), std::string("\"vcpu_signature\": \"0x800f12\""),
        std::string("\"policy\": \"0x30000\""), std::string("\"hashes_enforced\": \"unknown\""),
        "\"kernel\": \"" + HexText(measurement->kernel_hashes->kernel) + "\"",
        std::string("\"operation\": \"VMSA\"")}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

// The firmware that is built in needs no leave: it compares what it loads.
class MeasureGuestFwTest : public MeasureTest {
 protected:
  MeasureRequest GuestFwRequest(IsolationMode isolation) const {
    return {.isolation = isolation,
            .firmware = guest_fw_.path(),
            .kernel = kernel_.path(),
            .cmdline = "console=ttyS0",
            .vcpu_signature = 0x800f12};
  }

  const TemporaryFile guest_fw_{
      std::vector<uint8_t>(MeasuredLoaderImage().begin(), MeasuredLoaderImage().end())};
};

TEST_F(MeasureGuestFwTest, KernelAndCommandLineAreInEachDigest) {
  for (const IsolationMode isolation : {IsolationMode::kSnp, IsolationMode::kTdx}) {
    const auto measurement = Measure(GuestFwRequest(isolation));
    ASSERT_TRUE(measurement.has_value()) << measurement.error().ToString();
    EXPECT_EQ(measurement->enforcement->enforcement, HashEnforcement::kYes);
    EXPECT_TRUE(measurement->kernel_hashes.has_value());
    EXPECT_TRUE(measurement->notes.empty());

    MeasureRequest other = GuestFwRequest(isolation);
    other.cmdline = "console=ttyS1";
    EXPECT_NE(DigestOf(other), HexText(measurement->digest));
    other.kernel = other.cmdline = "";
    EXPECT_NE(DigestOf(other), HexText(measurement->digest));
  }
}

}  // namespace
}  // namespace sealvm
