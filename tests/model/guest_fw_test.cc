// SPDX-License-Identifier: Apache-2.0
// Kernels that guest-fw starts, on a double of the host: what it compares them with is measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <openssl/sha.h>

#include <algorithm>
#include <string_view>

#include "tests/model/machine_fixture.h"
#include "tests/model/tdx_model.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;

constexpr IsolationMode kModes[] = {IsolationMode::kSnp, IsolationMode::kTdx};

// Everything that the guest begins with and that is measured, one piece behind the other.
class GuestFwTest : public MachineTest {
 protected:
  static MachineConfig ConfigWithKernel(IsolationMode mode, std::string_view firmware) {
    MachineConfig config = ConfigOf(mode);
    AddKernelFor(config, firmware);
    return config;
  }

  void RecordLaunch() {
    submitted_.clear();
    kvm_->intercept = [this](const Call& call) {
      if (call.name == "KVM_SEV_SNP_LAUNCH_UPDATE") {
        const auto& update = DataOf<kvm_sev_snp_launch_update>(call);
        if (update.type == KVM_SEV_SNP_PAGE_TYPE_NORMAL) Append(update.uaddr, update.len);
      }
      if (call.name == "KVM_TDX_INIT_MEM_REGION") {
        const auto& region = DataOf<kvm_tdx_init_mem_region>(call);
        const bool measured = (static_cast<const kvm_tdx_cmd*>(call.argument)->flags &
                               KVM_TDX_MEASURE_MEMORY_REGION) != 0;
        if (measured) Append(region.source_addr, region.nr_pages * 4096);
      }
      return Verdict();
    };
  }

  template <typename Text>
  bool HasDigestOf(const Text& text) const {
    Sha256 digest;
    SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest.data());
    return !std::ranges::search(submitted_, digest).empty();
  }
  // The files of `config`, as a firmware hashes them.
  bool HasDigestsOf(const MachineConfig& config) const {
    return HasDigestOf(ReadText(config.kernel)) && HasDigestOf(ReadText(config.initrd)) &&
           HasDigestOf(std::string_view(config.cmdline.c_str(), config.cmdline.size() + 1));
  }

 private:
  template <typename T>
  static const T& DataOf(const Call& call) {
    // kvm_tdx_cmd has it at the same place.
    return *reinterpret_cast<const T*>(static_cast<const kvm_sev_cmd*>(call.argument)->data);
  }
  void Append(uint64_t address, uint64_t size) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(address);
    submitted_.insert(submitted_.end(), bytes, bytes + size);
  }

  Bytes submitted_;
};

TEST_F(GuestFwTest, MeasuredMemoryHoldsTheHashesOfAKernel) {
  for (const IsolationMode mode : kModes) {
    for (const std::string_view firmware : {kGuestFw, std::string_view()}) {
      Renew();
      RecordLaunch();
      const MachineConfig config = ConfigWithKernel(mode, firmware);
      const Result<> created = Create(config);
      ASSERT_TRUE(created) << created.error().ToString();
      EXPECT_TRUE(HasDigestsOf(config)) << IsolationModeName(mode) << " '" << firmware << "'";
      EXPECT_EQ(Found(), Measured(config));
      EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
    }
  }
}

TEST_F(GuestFwTest, EachFileChangesTheDigest) {
  for (const IsolationMode mode : kModes) {
    const auto digest_with = [&](const auto& change) {
      MachineConfig config = ConfigWithKernel(mode, {});
      change(config);
      Renew();
      const Result<> created = Create(config);
      EXPECT_TRUE(created) << created.error().ToString();
      if (!created) return Bytes();
      EXPECT_EQ(Found(), Measured(config));
      return Found();
    };
    const std::vector<Bytes> digests = {
        digest_with([](MachineConfig&) {}),
        digest_with([](MachineConfig& config) { config.cmdline += " debug"; }),
        digest_with([](MachineConfig& config) { config.initrd.clear(); }),
        digest_with(
            [](MachineConfig& config) { config.initrd = WriteFile("initrd", Bytes(5000, 0x34)); }),
        digest_with([](MachineConfig& config) {
          const std::string kernel = ReadText(config.kernel) + "x";
          config.kernel = WriteFile("kernel", ToBytes(kernel));
        })};
    for (size_t i = 0; i < digests.size(); ++i) {
      for (size_t j = 0; j < i; ++j) EXPECT_NE(digests[i], digests[j]) << i << ", " << j;
    }
  }
}

TEST_F(GuestFwTest, SevGuestsGetNone) {
  for (const IsolationMode mode : {IsolationMode::kSev, IsolationMode::kSevEs}) {
    Renew();
    const Result<> refused = Create(ConfigWithKernel(mode, {}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(refused.error().message, HasSubstr("needs --firmware"));
    EXPECT_FALSE(kvm_->has_vm());
  }
}

}  // namespace
}  // namespace sealvm::model
