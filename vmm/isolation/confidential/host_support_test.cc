// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/host_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tests/model/kvm_double.h"

namespace sealvm {
namespace {

using model::KvmDouble;
using model::Verdict;
using ::testing::HasSubstr;

constexpr std::array kConfidential = {IsolationMode::kSev, IsolationMode::kSevEs,
                                      IsolationMode::kSnp, IsolationMode::kTdx};

// The double with a /dev/sev that can be kept from its user.
class Host : public KvmDouble {
 public:
  int Open(const char* path, int flags) override {
    if (std::string_view(path) == "/dev/sev" && sev_errno != 0) {
      errno = sev_errno;
      return -1;
    }
    return KvmDouble::Open(path, flags);
  }

  int sev_errno = 0;
};

// A host that has everything: an AMD or, for tdx, an Intel one.
class HostSupportTest : public testing::Test {
 protected:
  HostSupportTest() : root_(testing::TempDir() + "/host_support"), kvm_(std::make_shared<Host>()) {
    std::filesystem::remove_all(root_);
    Put("/proc/sys/kernel/osrelease", "6.18.5+deb14-amd64\n");
    Put("/proc/cpuinfo", "flags : fpu sev sev_es sev_snp tdx_host_platform\n");
    Put("/boot/config-6.18.5+deb14-amd64",
        "CONFIG_KVM_AMD_SEV=y\nCONFIG_INTEL_TDX_HOST=y\nCONFIG_KVM_INTEL_TDX=y\n"
        "CONFIG_KVM_GUEST_MEMFD=y\nCONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES=y\n");
    for (const char* name : {"kvm_amd/parameters/sev", "kvm_amd/parameters/sev_es",
                             "kvm_amd/parameters/sev_snp", "kvm_intel/parameters/tdx"}) {
      Put(std::string("/sys/module/") + name, "Y\n");
    }
    Put("/sys/fs/cgroup/misc.capacity", "sev 410\nsev_es 99\ntdx 63\n");
  }
  ~HostSupportTest() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = root_ + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }

  HostSource Source(IsolationMode mode) const {
    const bool intel = mode == IsolationMode::kTdx || intel_;
    const uint32_t features = features_;
    const uint32_t first_sev_asid = first_sev_asid_;
    return {.files = HostFiles(root_), .cpuid = [=](uint32_t leaf) -> CpuidRegisters {
              if (leaf == 0 && intel) return {0x20, 0x756e6547, 0x6c65746e, 0x49656e69};
              if (leaf == 0) return {0x10, 0x68747541, 0x444d4163, 0x69746e65};
              if (leaf == 0x8000001f && !intel) return {features, 51, 509, first_sev_asid};
              return {};
            }};
  }

  HostSupport Examine(IsolationMode mode) {
    const auto system = kvm::System::Open("/dev/kvm", kvm_);
    return ExamineConfidential(mode, &*system, Source(mode));
  }

  Result<> Check(IsolationMode mode) {
    return CheckHostSupport(*kvm::System::Open("/dev/kvm", kvm_), mode, Source(mode));
  }

  // KVM offers nothing for confidential guests.
  void HideVmTypes() { kvm_->host().vm_types = 1u << KVM_X86_DEFAULT_VM; }

  // What is missing first, "NAME: FOUND -> ADVICE".
  std::string Missing(IsolationMode mode) {
    const HostSupport support = Examine(mode);
    const Prerequisite* missing = support.FirstMissing();
    if (missing == nullptr) return "nothing";
    EXPECT_NE(missing->obstacle, Obstacle::kNone);
    EXPECT_FALSE(missing->advice.empty());
    return missing->name + ": " + missing->found + " -> " + missing->advice;
  }

  // The prerequisite whose name contains `name`.
  Prerequisite Find(IsolationMode mode, std::string_view name) {
    for (const Prerequisite& prerequisite : Examine(mode).prerequisites) {
      if (prerequisite.name.find(name) != std::string::npos) return prerequisite;
    }
    ADD_FAILURE() << "nothing is called " << name;
    return {};
  }

  const std::string root_;
  const std::shared_ptr<Host> kvm_;
  bool intel_ = false;
  uint32_t features_ = 0x1f;
  uint32_t first_sev_asid_ = 100;
};

TEST_F(HostSupportTest, FullHostLacksNothing) {
  for (const IsolationMode mode : kConfidential) {
    const HostSupport support = Examine(mode);
    for (const Prerequisite& prerequisite : support.prerequisites) {
      EXPECT_EQ(prerequisite.met, Met::kYes)
          << IsolationModeName(mode) << " " << prerequisite.name << ": " << prerequisite.found;
      EXPECT_EQ(prerequisite.obstacle, Obstacle::kNone);
      EXPECT_EQ(prerequisite.advice, "");
    }
    EXPECT_TRUE(Check(mode).has_value());
  }
}

TEST_F(HostSupportTest, OtherModesNeedNothingOfThis) {
  HideVmTypes();
  for (const IsolationMode mode : {IsolationMode::kNone, IsolationMode::kSealed}) {
    EXPECT_TRUE(Examine(mode).prerequisites.empty());
    EXPECT_TRUE(Check(mode).has_value());
  }
}

TEST_F(HostSupportTest, CheckAsksLittleOfAHostThatHasIt) {
  for (const IsolationMode mode : kConfidential) {
    const size_t before = kvm_->calls().size();
    ASSERT_TRUE(Check(mode).has_value());
    EXPECT_LE(kvm_->calls().size() - before, 7u) << IsolationModeName(mode);
    EXPECT_EQ(kvm_->CountOf("SEV_ISSUE_CMD"), 0u);
  }
}

TEST_F(HostSupportTest, CheckRefusesWithTheCause) {
  HideVmTypes();
  features_ = 0x1;
  const Result<> checked = Check(IsolationMode::kSnp);
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(checked.error().message,
              HasSubstr("--isolation snp: this host lacks CPUID 8000001fh EAX bit 4 (sev_snp)"));
  EXPECT_THAT(checked.error().hint, HasSubstr("Milan"));
}

TEST_F(HostSupportTest, OtherVendorsCpuIsNamed) {
  HideVmTypes();
  intel_ = true;
  EXPECT_THAT(Missing(IsolationMode::kSev), HasSubstr("GenuineIntel -> needs an AMD EPYC"));
}

TEST_F(HostSupportTest, NothingElseIsAdvisedForTheWrongCpu) {
  HideVmTypes();
  intel_ = true;
  std::filesystem::remove_all(root_ + "/sys/module");
  const HostSupport support = Examine(IsolationMode::kSnp);
  EXPECT_NE(support.prerequisites.front().advice, "");
  for (size_t i = 1; i < support.prerequisites.size(); ++i) {
    EXPECT_EQ(support.prerequisites[i].advice, "") << support.prerequisites[i].name;
  }
}

TEST_F(HostSupportTest, EachModeHasItsVmType) {
  for (const IsolationMode mode : kConfidential) {
    const uint64_t all = kvm_->host().vm_types;
    // KVM_X86_SEV_VM to KVM_X86_TDX_VM, in the order of the modes.
    const auto bit = 2 + (std::ranges::find(kConfidential, mode) - kConfidential.begin());
    kvm_->host().vm_types &= ~(1ull << bit);
    EXPECT_THAT(Missing(mode), HasSubstr("KVM_CAP_VM_TYPES bit " + std::to_string(bit)));
    EXPECT_THAT(Missing(mode), HasSubstr("dmesg"));
    for (const IsolationMode other : kConfidential) {
      EXPECT_EQ(Check(other).has_value(), other != mode);
    }
    kvm_->host().vm_types = all;
  }
}

TEST_F(HostSupportTest, BiosThatHidesTheFlagIsNamed) {
  HideVmTypes();
  Put("/proc/cpuinfo", "flags : fpu sev sev_es\n");
  EXPECT_THAT(Missing(IsolationMode::kSnp), HasSubstr("flag sev_snp"));
  EXPECT_THAT(Missing(IsolationMode::kSnp), HasSubstr("BIOS"));
  EXPECT_THAT(Missing(IsolationMode::kTdx), HasSubstr("tdx_host_platform"));
  EXPECT_THAT(Missing(IsolationMode::kSevEs), HasSubstr("KVM_CAP_VM_TYPES"));
}

TEST_F(HostSupportTest, KernelsAreNamedByTheReleaseThatIsNeeded) {
  HideVmTypes();
  const auto missing_in = [&](const std::string& release, IsolationMode mode) {
    Put("/proc/sys/kernel/osrelease", release + "\n");
    Put("/boot/config-" + release,
        "CONFIG_KVM_AMD_SEV=y\nCONFIG_INTEL_TDX_HOST=y\nCONFIG_KVM_INTEL_TDX=y\n"
        "CONFIG_KVM_PRIVATE_MEM=y\nCONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES=y\n");
    return Missing(mode);
  };
  EXPECT_THAT(missing_in("6.9.1", IsolationMode::kSev), HasSubstr("Linux 6.10 or newer: 6.9.1"));
  EXPECT_THAT(missing_in("6.9.1", IsolationMode::kSevEs), HasSubstr("Linux 6.10"));
  EXPECT_THAT(missing_in("6.10.0", IsolationMode::kSnp), HasSubstr("Linux 6.11"));
  EXPECT_THAT(missing_in("6.15.9", IsolationMode::kTdx), HasSubstr("Linux 6.16"));
  EXPECT_THAT(missing_in("5.19.0", IsolationMode::kSev), HasSubstr("Linux 6.10"));
  EXPECT_THAT(missing_in("7.0.1", IsolationMode::kTdx), HasSubstr("KVM_CAP_VM_TYPES"));
  // guest_memfd by its older option.
  EXPECT_THAT(missing_in("6.12.1", IsolationMode::kSnp), HasSubstr("KVM_CAP_VM_TYPES"));
}

TEST_F(HostSupportTest, DebiansKernelsAreKnown) {
  HideVmTypes();
  Put("/proc/cpuinfo", "flags : fpu sev sev_es sev_snp\n");
  Put("/boot/config-6.18.5+deb14-amd64", "CONFIG_KVM_AMD_SEV=y\nCONFIG_KVM_GUEST_MEMFD=y\n");
  EXPECT_THAT(Missing(IsolationMode::kTdx),
              HasSubstr("CONFIG_INTEL_TDX_HOST: not set in 6.18.5+deb14-amd64 -> Debian builds"));
  Put("/proc/sys/kernel/osrelease", "7.3.4+deb14-cloud-amd64\n");
  Put("/boot/config-7.3.4+deb14-cloud-amd64", "CONFIG_KVM_GUEST_MEMFD=y\n");
  EXPECT_THAT(Missing(IsolationMode::kSev), HasSubstr("install linux-image-amd64"));
  Put("/proc/sys/kernel/osrelease", "7.3.4\n");
  Put("/boot/config-7.3.4", "\n");
  EXPECT_THAT(Missing(IsolationMode::kSnp), HasSubstr("use a kernel with CONFIG_KVM_AMD_SEV=y"));
}

TEST_F(HostSupportTest, UnreadableConfigurationIsUnknownAndStopsNothing) {
  std::filesystem::remove_all(root_ + "/boot");
  EXPECT_EQ(Find(IsolationMode::kSnp, "CONFIG_KVM_AMD_SEV").met, Met::kUnknown);
  EXPECT_EQ(Missing(IsolationMode::kSnp), "nothing");
}

TEST_F(HostSupportTest, ModuleParametersAreNamed) {
  HideVmTypes();
  Put("/sys/module/kvm_amd/parameters/sev_snp", "N\n");
  EXPECT_THAT(Missing(IsolationMode::kSnp), HasSubstr("kvm_amd with sev_snp=1: off"));
  Put("/sys/module/kvm_intel/parameters/tdx", "0\n");
  EXPECT_THAT(Missing(IsolationMode::kTdx), HasSubstr("kvm_intel with tdx=1: off"));
  std::filesystem::remove(root_ + "/sys/module/kvm_amd/parameters/sev_es");
  EXPECT_THAT(Missing(IsolationMode::kSevEs), HasSubstr("no such parameter"));
  std::filesystem::remove_all(root_ + "/sys/module/kvm_amd");
  EXPECT_THAT(Missing(IsolationMode::kSev), HasSubstr("not loaded -> modprobe kvm_amd sev=1"));
}

TEST_F(HostSupportTest, KvmIsBelievedBeforeTheKernelsLooks) {
  Put("/proc/sys/kernel/osrelease", "5.14.0-570.el9.x86_64\n");
  Put("/proc/cpuinfo", "flags : fpu\n");
  EXPECT_EQ(Missing(IsolationMode::kSnp), "nothing");
  const Prerequisite release = Find(IsolationMode::kSnp, "Linux 6.11");
  EXPECT_EQ(release.met, Met::kUnknown);
  EXPECT_THAT(release.found, HasSubstr("KVM offers the VM type all the same"));
}

TEST_F(HostSupportTest, EveryCapabilityIsAskedFor) {
  const auto without = [&](unsigned long capability, IsolationMode mode) {
    kvm_->intercept = [=](const model::Call& call) {
      const bool hit = call.name == "KVM_CHECK_EXTENSION" &&
                       reinterpret_cast<unsigned long>(call.argument) == capability;
      return hit ? Verdict::Skip() : Verdict();
    };
    const std::string missing = Missing(mode);
    EXPECT_EQ(Check(mode).has_value(), missing == "nothing");
    return missing;
  };
  for (const IsolationMode mode : {IsolationMode::kSnp, IsolationMode::kTdx}) {
    EXPECT_THAT(without(KVM_CAP_EXIT_HYPERCALL, mode), HasSubstr("KVM_CAP_EXIT_HYPERCALL bit 12"));
    EXPECT_THAT(without(KVM_CAP_GUEST_MEMFD, mode), HasSubstr("KVM_CAP_GUEST_MEMFD"));
    EXPECT_THAT(without(KVM_CAP_MEMORY_ATTRIBUTES, mode), HasSubstr("KVM_CAP_MEMORY_ATTRIBUTES"));
  }
  EXPECT_THAT(without(KVM_CAP_SPLIT_IRQCHIP, IsolationMode::kTdx), HasSubstr("SPLIT_IRQCHIP"));
  EXPECT_THAT(without(KVM_CAP_X86_APIC_BUS_CYCLES_NS, IsolationMode::kTdx),
              HasSubstr("APIC_BUS_CYCLES"));
  EXPECT_EQ(without(KVM_CAP_SPLIT_IRQCHIP, IsolationMode::kSnp), "nothing");
  EXPECT_EQ(without(KVM_CAP_GUEST_MEMFD, IsolationMode::kSevEs), "nothing");
}

TEST_F(HostSupportTest, KvmThatCannotBeAskedIsUnknown) {
  kvm_->intercept = [](const model::Call& call) {
    return call.name == "KVM_CHECK_EXTENSION" ? Verdict::Fail(EIO) : Verdict();
  };
  EXPECT_EQ(Find(IsolationMode::kTdx, "KVM_CAP_VM_TYPES").met, Met::kUnknown);
  const HostSupport support =
      ExamineConfidential(IsolationMode::kTdx, nullptr, Source(IsolationMode::kTdx));
  EXPECT_EQ(std::ranges::count(support.prerequisites, Met::kUnknown, &Prerequisite::met), 7);
}

TEST_F(HostSupportTest, DeviceOfTheSecurityProcessor) {
  kvm_->sev_errno = ENOENT;
  EXPECT_THAT(Missing(IsolationMode::kSev), HasSubstr("/dev/sev"));
  EXPECT_THAT(Missing(IsolationMode::kSev), HasSubstr("modprobe ccp"));
  EXPECT_FALSE(Check(IsolationMode::kSev).has_value());
  EXPECT_TRUE(Check(IsolationMode::kTdx).has_value());
  EXPECT_EQ(Find(IsolationMode::kSnp, "firmware").met, Met::kUnknown);
  kvm_->sev_errno = EACCES;
  EXPECT_THAT(Missing(IsolationMode::kSnp), HasSubstr("udev"));
  EXPECT_EQ(Check(IsolationMode::kSnp).error().kind, ErrorKind::kRefused);
}

TEST_F(HostSupportTest, GuestsDeviceIsNotTheHosts) {
  kvm_->sev_errno = ENOENT;
  Put("/dev/sev-guest", "");
  EXPECT_THAT(Missing(IsolationMode::kSnp), HasSubstr("this host is itself an SNP guest"));
}

TEST_F(HostSupportTest, OldFirmwareIsRefusedForSnpAlone) {
  kvm_->host().api_minor = 50;
  EXPECT_THAT(Missing(IsolationMode::kSnp), HasSubstr("API 1.51 or newer: API 1.50 build 21"));
  EXPECT_EQ(Missing(IsolationMode::kSevEs), "nothing");
  kvm_->host().api_minor = 51;
  EXPECT_EQ(Missing(IsolationMode::kSnp), "nothing");
  kvm_->host().api_major = 2;
  kvm_->host().api_minor = 0;
  EXPECT_EQ(Missing(IsolationMode::kSnp), "nothing");
}

TEST_F(HostSupportTest, AsidsAreSharedOutByTheBios) {
  EXPECT_EQ(Find(IsolationMode::kSev, "ASIDs").found, "410 of the CPU's 509, 410 by misc.capacity");
  EXPECT_EQ(Find(IsolationMode::kSnp, "ASIDs").found, "99 of the CPU's 509, 99 by misc.capacity");
  std::filesystem::remove(root_ + "/sys/fs/cgroup/misc.capacity");
  first_sev_asid_ = 1;
  EXPECT_THAT(Missing(IsolationMode::kSevEs), HasSubstr("raise 'SEV-ES ASID Space Limit'"));
  EXPECT_EQ(Missing(IsolationMode::kSev), "nothing");
  first_sev_asid_ = 510;
  EXPECT_THAT(Missing(IsolationMode::kSev), HasSubstr("0 of the CPU's 509 -> lower"));
  EXPECT_EQ(Missing(IsolationMode::kSnp), "nothing");
}

TEST_F(HostSupportTest, TheTdxModuleIsThereWhenKvmOffersTds) {
  EXPECT_THAT(Find(IsolationMode::kTdx, "TDX module").found,
              HasSubstr("does not tell its version"));
  Put("/sys/devices/faux/tdx_host/version", "1.5.24\n");
  EXPECT_EQ(Find(IsolationMode::kTdx, "TDX module").found, "initialized, version 1.5.24");
  HideVmTypes();
  EXPECT_EQ(Find(IsolationMode::kTdx, "TDX module").found, "loaded, version 1.5.24");
  std::filesystem::remove_all(root_ + "/sys/devices");
  const Prerequisite unknown = Find(IsolationMode::kTdx, "TDX module");
  EXPECT_EQ(unknown.met, Met::kUnknown);
  EXPECT_THAT(unknown.found, HasSubstr("dmesg"));
}

TEST_F(HostSupportTest, KeyIdsOfTdx) {
  EXPECT_EQ(Find(IsolationMode::kTdx, "key IDs").found, "63 by misc.capacity");
  Put("/sys/fs/cgroup/misc.capacity", "sev 1\ntdx 0\n");
  EXPECT_THAT(Missing(IsolationMode::kTdx), HasSubstr("key IDs"));
  Put("/sys/fs/cgroup/misc.capacity", "tdx max\n");
  EXPECT_EQ(Find(IsolationMode::kTdx, "key IDs").met, Met::kUnknown);
}

}  // namespace
}  // namespace sealvm
