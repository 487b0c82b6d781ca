// SPDX-License-Identifier: Apache-2.0
#include "tests/model/machine_fixture.h"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "tests/model/sev_model.h"
#include "tests/model/snp_model.h"
#include "tests/model/tdx_model.h"
#include "vmm/boot/testing/bzimage_builder.h"
#include "vmm/cli/measurement_report.h"

namespace sealvm::model {
namespace {

Bytes KernelFile() {
  Bytes kernel = BzImageBuilder{.xloadflags = 0x0f}.Build();
  kernel[0] = 'M';
  kernel[1] = 'Z';
  return kernel;
}

}  // namespace

std::string WriteFile(const std::string& name, const Bytes& bytes) {
  const std::string path = testing::TempDir() + "/machine-" + std::to_string(getpid()) + name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int WritePort(kvm_run& run, uint16_t port, uint8_t value) {
  run.exit_reason = KVM_EXIT_IO;
  run.io.direction = KVM_EXIT_IO_OUT;
  run.io.port = port;
  run.io.size = 1;
  run.io.count = 1;
  run.io.data_offset = sizeof(kvm_run);
  reinterpret_cast<uint8_t*>(&run)[sizeof(kvm_run)] = value;
  return 0;
}

MachineConfig MachineTest::ConfigOf(IsolationMode mode, uint32_t cpus) {
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

void MachineTest::AddKernelFor(MachineConfig& config, std::string_view firmware) {
  config.firmware = firmware;
  config.kernel = WriteFile("kernel", KernelFile());
  config.initrd = WriteFile("initrd", Bytes(5000, 0x33));
  config.cmdline = "console=ttyS0 quiet";
}

void MachineTest::AddKernel(MachineConfig& config) {
  AddKernelFor(config, config.firmware);
  if (config.isolation != IsolationMode::kTdx) config.launch.allow_unenforced_hashes = true;
}

Bytes MachineTest::Measured(const MachineConfig& config) {
  MeasureRequest request;
  request.isolation = config.isolation;
  request.firmware = config.firmware.empty() ? kGuestFw : config.firmware;
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

Bytes MachineTest::Found() const {
  if (kvm_->vm().sev) return ToBytes(kvm_->vm().sev->Digest());
  if (kvm_->vm().snp) return ToBytes(kvm_->vm().snp->launch_digest());
  return ToBytes(kvm_->vm().tdx->Mrtd());
}

Result<> MachineTest::Create(const MachineConfig& config) {
  MachineCallbacks callbacks;
  callbacks.on_log = [this](LogLevel, std::string_view line) {
    const std::lock_guard lock(log_mutex_);
    log_.append(line).append("\n");
  };
  machine_ = SEALVM_TRY(VirtualMachine::Create(
      config, std::move(callbacks), {.kernel = kvm_, .make_guest_memfd = MakeModelMemfd}));
  return {};
}

ExitReport MachineTest::RunMachine() {
  EXPECT_TRUE(machine_->Start());
  const Result<ExitReport> report = machine_->Run();
  EXPECT_TRUE(report) << report.error().ToString();
  return report.value_or(ExitReport{});
}

void MachineTest::Renew(HostModel host) {
  machine_.reset();
  kvm_ = std::make_shared<KvmDouble>(std::move(host));
}

void MachineTest::Renew() { Renew(FullHost()); }

}  // namespace sealvm::model
