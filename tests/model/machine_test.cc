// SPDX-License-Identifier: Apache-2.0
// Whole machines on a double of the host: what `run` launches has the digest that `measure` prints.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "tests/model/launch_fixture.h"
#include "tests/model/sev_model.h"
#include "tests/model/snp_model.h"
#include "tests/model/tdx_model.h"
#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/cli/measurement_report.h"
#include "vmm/isolation/attestation/cert_table.h"
#include "vmm/machine/virtual_machine.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

constexpr uint32_t kSignature = 0xa00f11;

std::string WriteFile(const std::string& name, const Bytes& bytes) {
  const std::string path = testing::TempDir() + "/machine-" + std::to_string(getpid()) + name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

Bytes KernelFile() {
  Bytes kernel = BzImageBuilder{.xloadflags = 0x0f}.Build();
  kernel[0] = 'M';
  kernel[1] = 'Z';
  return kernel;
}

class MachineTest : public testing::Test {
 protected:
  static MachineConfig ConfigOf(IsolationMode mode, uint32_t cpus = 2) {
    MachineConfig config;
    config.isolation = mode;
    config.firmware = WriteFile("firmware", FirmwareBuilder{}.Build());
    config.memory_bytes = 64 * kMiB;
    config.memory_lock_limit = mode == IsolationMode::kSnp || mode == IsolationMode::kTdx
                                   ? std::optional(kNoMemoryLockLimit)
                                   : std::nullopt;
    config.cpus = cpus;
    if (mode != IsolationMode::kTdx) config.launch.vcpu_signature = kSignature;
    return config;
  }

  static void AddKernel(MachineConfig& config) {
    config.kernel = WriteFile("kernel", KernelFile());
    config.initrd = WriteFile("initrd", Bytes(5000, 0x33));
    config.cmdline = "console=ttyS0 quiet";
    // The builder's firmware has the area and no code.
    if (config.isolation != IsolationMode::kTdx) config.launch.allow_unenforced_hashes = true;
  }

  static Bytes Measured(const MachineConfig& config) {
    MeasureRequest request;
    request.isolation = config.isolation;
    request.firmware = config.firmware;
    request.kernel = config.kernel;
    request.initrd = config.initrd;
    request.cmdline = config.cmdline;
    request.cpus = config.cpus;
    request.vcpu_signature = config.launch.vcpu_signature;
    request.guest_features = config.launch.guest_features;
    request.allow_unenforced_hashes = config.launch.allow_unenforced_hashes;
    const Result<Measurement> measurement = Measure(request);
    EXPECT_TRUE(measurement) << measurement.error().ToString();
    return measurement ? measurement->digest : Bytes();
  }

  Bytes Found() const {
    if (kvm_->vm().sev) return ToBytes(kvm_->vm().sev->Digest());
    if (kvm_->vm().snp) return ToBytes(kvm_->vm().snp->launch_digest());
    return ToBytes(kvm_->vm().tdx->Mrtd());
  }

  Result<> Create(const MachineConfig& config) {
    MachineCallbacks callbacks;
    callbacks.on_log = [this](LogLevel, std::string_view line) {
      const std::lock_guard lock(log_mutex_);
      log_.append(line).append("\n");
    };
    machine_ = SEALVM_TRY(VirtualMachine::Create(
        config, std::move(callbacks), {.kernel = kvm_, .make_guest_memfd = MakeModelMemfd}));
    return {};
  }

  // Runs the guest to its end.
  ExitReport RunMachine() {
    EXPECT_TRUE(machine_->Start());
    const Result<ExitReport> report = machine_->Run();
    EXPECT_TRUE(report) << report.error().ToString();
    return report.value_or(ExitReport{});
  }

  template <typename Digest>
  static Bytes ToBytes(const Digest& digest) {
    return {digest.begin(), digest.end()};
  }

  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>(FullHost());
  std::mutex log_mutex_;
  std::string log_;
  std::unique_ptr<VirtualMachine> machine_;
};

struct Case {
  IsolationMode mode;
  uint32_t cpus;
  bool with_kernel;
  uint64_t features = 1;
};

class MachineDigestTest : public MachineTest, public testing::WithParamInterface<Case> {};

TEST_P(MachineDigestTest, RunLaunchesWhatMeasureSays) {
  MachineConfig config = ConfigOf(GetParam().mode, GetParam().cpus);
  config.launch.guest_features = GetParam().features;
  if (GetParam().with_kernel) AddKernel(config);
  const Result<> created = Create(config);
  ASSERT_TRUE(created) << created.error().ToString();
  const Bytes measured = Measured(config);
  EXPECT_EQ(Found(), measured);
  EXPECT_EQ(ToBytes(machine_->launch_digest()), measured);
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
}

INSTANTIATE_TEST_SUITE_P(
    Modes, MachineDigestTest,
    testing::Values(Case{IsolationMode::kSev, 1, false}, Case{IsolationMode::kSev, 64, true},
                    Case{IsolationMode::kSevEs, 1, true}, Case{IsolationMode::kSevEs, 64, false},
                    Case{IsolationMode::kSnp, 1, false}, Case{IsolationMode::kSnp, 3, true},
                    Case{IsolationMode::kSnp, 64, true, 0x21}, Case{IsolationMode::kTdx, 1, true},
                    Case{IsolationMode::kTdx, 64, false}));

TEST_F(MachineTest, TheHostsSignatureIsMeasuredWhereNoneIsGiven) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.launch.vcpu_signature.reset();
  ASSERT_TRUE(Create(config));
  config.launch.vcpu_signature = kSignature;
  EXPECT_EQ(Found(), Measured(config));
}

TEST_F(MachineTest, AnExpectedDigestIsTheOneOrThereIsNoVm) {
  for (IsolationMode mode :
       {IsolationMode::kSev, IsolationMode::kSevEs, IsolationMode::kSnp, IsolationMode::kTdx}) {
    MachineConfig config = ConfigOf(mode);
    config.launch.expected_digest = Measured(config);
    EXPECT_TRUE(Create(config)) << IsolationModeName(mode);
    config.launch.expected_digest[3] ^= 1;
    kvm_ = std::make_shared<KvmDouble>(FullHost());
    const Result<> refused = Create(config);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(refused.error().message, HasSubstr("--expect-digest"));
    EXPECT_FALSE(kvm_->has_vm());
  }
}

TEST_F(MachineTest, AHostWithoutTheModeIsRefused) {
  for (IsolationMode mode :
       {IsolationMode::kSev, IsolationMode::kSevEs, IsolationMode::kSnp, IsolationMode::kTdx}) {
    HostModel host = FullHost();
    host.vm_types = 1;
    kvm_ = std::make_shared<KvmDouble>(host);
    const Result<> refused = Create(ConfigOf(mode));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kRefused) << refused.error().ToString();
    EXPECT_FALSE(kvm_->has_vm());
  }
}

TEST_F(MachineTest, WithoutAFirmwareThereIsNothingToLaunch) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.firmware.clear();
  const Result<> refused = Create(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(refused.error().message, HasSubstr("--firmware"));
  // Where the mode cannot be had anyway, that is what counts.
  HostModel host = FullHost();
  host.vm_types = 1;
  kvm_ = std::make_shared<KvmDouble>(host);
  const Result<> unavailable = Create(config);
  ASSERT_FALSE(unavailable);
  EXPECT_EQ(unavailable.error().kind, ErrorKind::kRefused);
}

TEST_F(MachineTest, AKernelThatIsNotEnforcedIsRefusedByItsTrap) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  AddKernel(config);
  config.launch.allow_unenforced_hashes = false;
  const Result<> refused = Create(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(refused.error().message, HasSubstr("measured and not enforced"));
}

// Exits, by what the guest does next.
TEST_F(MachineTest, PagesChangeHandsWhileTheGuestRuns) {
  for (IsolationMode mode : {IsolationMode::kSnp, IsolationMode::kTdx}) {
    kvm_ = std::make_shared<KvmDouble>(FullHost());
    ASSERT_TRUE(Create(ConfigOf(mode)));
    int step = 0;
    uint64_t results[3] = {};
    kvm_->guest = [&](VmModel& vm, kvm_run& run) {
      if (step > 0 && step <= 3) results[step - 1] = run.hypercall.ret;
      switch (step++) {
        case 0:
          AskForConversion(run, 0x10000, 4, false);
          return 0;
        case 1:
          EXPECT_FALSE(vm.private_pages.Contains(0x10000, 0x14000));
          AskForConversion(run, 0x10000, 4, true);
          return 0;
        case 2:
          EXPECT_TRUE(vm.private_pages.Contains(0x10000, 0x14000));
          AskForConversion(run, 1 << 20, UINT64_MAX, true);
          return 0;
        default:
          run.exit_reason = KVM_EXIT_SHUTDOWN;
          return 0;
      }
    };
    EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
    EXPECT_EQ(results[0], 0u);
    EXPECT_EQ(results[1], 0u);
    EXPECT_EQ(results[2], uint64_t{EINVAL});
    const MachineStats stats = machine_->GetStats();
    ASSERT_TRUE(stats.private_memory);
    EXPECT_EQ(stats.private_memory->conversions_to_shared, 1u);
    EXPECT_EQ(stats.private_memory->conversions_to_private, 1u);
    EXPECT_EQ(stats.isolation, IsolationModeName(mode));
    machine_.reset();
  }
}

TEST_F(MachineTest, AnUnspokenConversionIsMadeAndAnImpossibleOneEndsTheGuest) {
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kSnp)));
  int step = 0;
  kvm_->guest = [&](VmModel& vm, kvm_run& run) {
    run.exit_reason = KVM_EXIT_MEMORY_FAULT;
    run.memory_fault.size = kPageSize;
    run.memory_fault.flags = 0;
    run.memory_fault.gpa = step == 0 ? 0x20000 : uint64_t{1} << 40;
    if (step++ == 1) {
      EXPECT_FALSE(vm.private_pages.Contains(0x20000, 0x21000));
    }
    return EFAULT;
  };
  const ExitReport report = RunMachine();
  EXPECT_EQ(report.reason, ExitReason::kError);
  EXPECT_EQ(step, 2);
}

TEST_F(MachineTest, AGuestThatGivesUpIsQuoted) {
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kSevEs)));
  kvm_->guest = [](VmModel&, kvm_run& run) {
    run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run.system_event.type = KVM_SYSTEM_EVENT_SEV_TERM;
    run.system_event.ndata = 1;
    run.system_event.data[0] = 0x1100 | uint64_t{1} << 16;
    return 0;
  };
  ExitReport report = RunMachine();
  EXPECT_EQ(report.reason, ExitReason::kPanic);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("gave up"));
  machine_.reset();

  kvm_ = std::make_shared<KvmDouble>(FullHost());
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kTdx)));
  kvm_->guest = [](VmModel&, kvm_run& run) {
    run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run.system_event.type = KVM_SYSTEM_EVENT_TDX_FATAL;
    run.system_event.ndata = 16;
    memset(run.system_event.data, 0, sizeof(run.system_event.data));
    memcpy(&run.system_event.data[14], "No SEPT_", 8);
    return 0;
  };
  report = RunMachine();
  EXPECT_EQ(report.reason, ExitReason::kPanic);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("No SEPT_"));
}

TEST_F(MachineTest, CertificatesReachASharedPage) {
  const attestation::CertTableEntry entry = {attestation::kGuidVcek, Bytes(300, 0x77)};
  const Bytes table = *attestation::BuildCertTable({&entry, 1}, "table");
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.launch.certificates = WriteFile("certificates", table);
  ASSERT_TRUE(Create(config));
  EXPECT_EQ(kvm_->CountOf("KVM_SEV_SNP_ENABLE_REQ_CERTS"), 1u);
  int step = 0;
  kvm_->guest = [&](VmModel&, kvm_run& run) {
    if (step == 2) {
      EXPECT_EQ(run.snp_req_certs.ret, 0u);
    }
    if (step == 3) {
      EXPECT_EQ(run.snp_req_certs.ret, uint64_t{EIO});
    }
    const auto ask = [&](uint64_t gpa) {
      run.exit_reason = KVM_EXIT_SNP_REQ_CERTS;
      run.snp_req_certs.gpa = gpa;
      run.snp_req_certs.npages = 1;
      run.snp_req_certs.ret = 0;
      return 0;
    };
    switch (step++) {
      case 0:
        AskForConversion(run, 0x30000, 1, false);
        return 0;
      case 1:
        return ask(0x30000);
      case 2:
        return ask(0x50000);  // private
      default:
        run.exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
  };
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
  EXPECT_EQ(step, 4);
  EXPECT_THAT(log_, HasSubstr("the guest got no certificates"));
}

TEST_F(MachineTest, ATdIsToldWhichCallsThereAre) {
  MachineConfig config = ConfigOf(IsolationMode::kTdx);
  config.launch.quote_service = "unix:nobody-listens";
  ASSERT_TRUE(Create(config));
  int step = 0;
  kvm_->guest = [&](VmModel&, kvm_run& run) {
    constexpr uint64_t kUnsupported = 0x8000000000000003;
    if (step == 1) {
      EXPECT_EQ(run.tdx.get_tdvmcall_info.ret, 0u);
      EXPECT_EQ(run.tdx.get_tdvmcall_info.r11, 2u);
      EXPECT_EQ(run.tdx.get_tdvmcall_info.r14, 0u);
    }
    if (step == 2) {
      EXPECT_EQ(run.tdx.setup_event_notify.ret, 0x8000000000000000u);
    }
    if (step == 3) {
      EXPECT_EQ(run.tdx.setup_event_notify.ret, 0u);
    }
    if (step == 4) {  // private memory
      EXPECT_NE(run.tdx.get_quote.ret, 0u);
    }
    if (step == 5) {
      EXPECT_EQ(run.tdx.unknown.ret, kUnsupported);
    }
    run.exit_reason = KVM_EXIT_TDX;
    run.tdx.flags = 0;
    memset(&run.tdx.unknown, 0, sizeof(run.tdx.unknown));
    run.tdx.unknown.ret = kUnsupported;
    switch (step++) {
      case 0:
        run.tdx.nr = 0x10000;
        run.tdx.get_tdvmcall_info.leaf = 1;
        run.tdx.get_tdvmcall_info.r14 = 7;
        return 0;
      case 1:
        run.tdx.nr = 0x10004;
        run.tdx.setup_event_notify.vector = 31;
        return 0;
      case 2:
        run.tdx.nr = 0x10004;
        run.tdx.setup_event_notify.vector = 0x41;
        return 0;
      case 3:
        run.tdx.nr = 0x10002;
        run.tdx.get_quote.gpa = 0x40000;
        run.tdx.get_quote.size = 0x4000;
        return 0;
      case 4:
        run.tdx.nr = 0x12345;
        return 0;
      default:
        run.exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
  };
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
  EXPECT_EQ(step, 6);
}

TEST_F(MachineTest, ATdsInterruptsGoThroughItsOwnIoApic) {
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kTdx)));
  EXPECT_EQ(kvm_->CountOf("KVM_IRQ_LINE"), 0u);
  int step = 0;
  kvm_->guest = [&](VmModel&, kvm_run& run) {
    const auto mmio = [&](uint64_t gpa, uint32_t value) {
      run.exit_reason = KVM_EXIT_MMIO;
      run.mmio.phys_addr = gpa;
      run.mmio.is_write = 1;
      run.mmio.len = 4;
      memcpy(run.mmio.data, &value, 4);
      return 0;
    };
    const auto out = [&](uint16_t port, uint8_t value) {
      run.exit_reason = KVM_EXIT_IO;
      run.io.direction = KVM_EXIT_IO_OUT;
      run.io.port = port;
      run.io.size = 1;
      run.io.count = 1;
      run.io.data_offset = sizeof(kvm_run);
      reinterpret_cast<uint8_t*>(&run)[sizeof(kvm_run)] = value;
      return 0;
    };
    switch (step++) {
      case 0:
        return mmio(0xfec00000, 0x10 + 2 * 4);
      case 1:
        return mmio(0xfec00010, 0x34);
      case 2:
        return out(0x3fc, 0x0b);  // OUT2: the serial port's interrupt leaves it
      case 3:
        return out(0x3f9, 0x02);  // transmitter empty
      default:
        run.exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
  };
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
  EXPECT_GE(kvm_->CountOf("KVM_SIGNAL_MSI"), 1u);
  EXPECT_EQ(kvm_->CountOf("KVM_IRQ_LINE"), 0u);
}

}  // namespace
}  // namespace sealvm::model
