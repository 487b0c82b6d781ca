// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/virtual_machine.h"

#include <fmt/format.h>

#include <utility>

#include "devices/debug_port.h"
#include "devices/platform_addresses.h"
#include "devices/sealed_status_port.h"
#include "guest-fw/diag_image.h"
#include "memory/memfd_provider.h"
#include "vmm/boot/acpi/acpi_tables.h"
#include "vmm/boot/linux_loader.h"
#include "vmm/isolation/confidential/host_support.h"
#include "vmm/isolation/sealed/host_cpu.h"
#include "vmm/machine/effective_cmdline.h"
#include "vmm/machine/sealed_launch.h"

namespace sealvm {
namespace {

using std::chrono::milliseconds;

// How long an unfinished line of console output may wait.
constexpr milliseconds kPartialLineDelay{20};
// How long a vCPU thread may take to leave KVM_RUN after its kick.
constexpr milliseconds kJoinLimit{10'000};

// Three pages for KVM on Intel CPUs without unrestricted guest, at the place that Linux'
// Documentation/virt/kvm/api.rst advises for KVM_SET_TSS_ADDR: below 4 GiB, above the APICs.
constexpr uint64_t kTssAddress = 0xfffbd000;
// Below the room for firmware, the same pages and the one that such CPUs have a page table in.
constexpr uint64_t kTssAddressBelowFirmware = 0xfeffd000;
constexpr uint64_t kIdentityMapBelowFirmware = 0xfeffc000;

static_assert(kGuestFw == kBuiltInFirmware);

// A kernel that is to be measured needs a firmware to check it.
MachineConfig WithDefaults(MachineConfig config) {
  if (config.firmware.empty() && !config.kernel.empty()) {
    config.firmware = DefaultFirmware(config.isolation);
  }
  return config;
}

EntryChoice ToEntryChoice(KernelProtocol protocol) {
  switch (protocol) {
    case KernelProtocol::kLinux:
      return EntryChoice::kLinux64;
    case KernelProtocol::kPvh:
      return EntryChoice::kPvh;
    case KernelProtocol::kAuto:
      break;
  }
  return EntryChoice::kAuto;
}

}  // namespace

Result<std::unique_ptr<VirtualMachine>> VirtualMachine::Create(const MachineConfig& config,
                                                               MachineCallbacks callbacks,
                                                               HostInterfaces host) {
  std::unique_ptr<VirtualMachine> machine(
      new VirtualMachine(config, std::move(callbacks), std::move(host)));
  SEALVM_TRY(machine->Build());
  return machine;
}

VirtualMachine::VirtualMachine(const MachineConfig& config, MachineCallbacks callbacks,
                               HostInterfaces host)
    : config_(WithDefaults(config)),
      callbacks_(std::move(callbacks)),
      host_(std::move(host)),
      logger_(callbacks_.log_level, callbacks_.on_log),
      flush_console_(kPartialLineDelay, [this] {
        if (platform_->serial().FlushPartialLine()) flush_console_.Schedule();
      }) {}

// Files come first, so that bad input is found on any host; memslots come before the interrupt
// controllers, because some kernels need milliseconds for a memslot afterwards.
Result<> VirtualMachine::Build() {
  SEALVM_TRY(ValidateConfig(config_));
  const GuestFiles files = SEALVM_TRY(OpenGuestFiles());
  SEALVM_TRY(MakeDevices());
  system_ = SEALVM_TRY(kvm::System::Open(kvm::System::kDevice, host_.kernel));
  if (IsConfidential(config_.isolation) && !firmware_) return RefuseWithoutFirmware();
  choice_ = firmware_ ? ChooseFirmwareIsolation(config_)
                      : SEALVM_TRY(ChooseIsolation(config_, *system_, *files.kernel));
  effective_cmdline_ = EffectiveCmdline(config_, choice_.mode);
  vm_ = SEALVM_TRY(CreateVm());
  SEALVM_TRY(CreateMemory());
  SEALVM_TRY(CreateInterruptControllers());
  SEALVM_TRY(CreatePlatform());
  SEALVM_TRY(CreatePciDevices());
  SEALVM_TRY(CreateVcpus(SEALVM_TRY(firmware_ ? PrepareFirmware() : LoadGuest(files))));
  Emit({.kind = EventKind::kCreated});
  return {};
}

// A host that cannot have the mode is the first thing to know.
Result<> VirtualMachine::RefuseWithoutFirmware() const {
  SEALVM_TRY(CheckHostSupport(*system_, config_.isolation));
  return InvalidInput(
      fmt::format("--isolation {} needs --firmware: it is what the hardware measures",
                  IsolationModeName(config_.isolation)),
      "such as OVMF.amdsev.fd of Debian's ovmf-amdsev; snp and tdx can start a "
      "--kernel with sealvm's own, guest-fw");
}

Result<VirtualMachine::GuestFiles> VirtualMachine::OpenGuestFiles() {
  GuestFiles files;
  if (!config_.firmware.empty()) {
    firmware_ = SEALVM_TRY(FirmwareBoot::Open(config_, logger_));
    if (IsConfidential(config_.isolation)) {
      confidential_ = SEALVM_TRY(
          ConfidentialLaunch::Open(config_, firmware_->image(), firmware_->files(), logger_));
    }
    return files;
  }
  if (config_.kernel.empty()) {
    files.kernel = SEALVM_TRY(KernelImage::FromBytes("diagnostic guest", DiagnosticGuestImage()));
  } else {
    files.kernel = SEALVM_TRY(KernelImage::Open(config_.kernel, "--kernel"));
  }
  if (!config_.initrd.empty()) {
    files.initrd = SEALVM_TRY(ImageFile::Open(config_.initrd, "--initrd"));
  }
  return files;
}

Result<kvm::Vm> VirtualMachine::CreateVm() {
  if (is_sealed()) return CreateVmFor(*choice_.private_kind, *system_);
  return confidential_ ? confidential_->CreateVm(*system_) : system_->CreateVm();
}

const GuestLayout& VirtualMachine::ram_layout() const {
  if (is_sealed()) return sealed_->layout().ram();
  return confidential_ ? confidential_->layout() : memory_->layout();
}

IsolationExits* VirtualMachine::isolation_exits() {
  if (confidential_) return &confidential_->exits();
  return sealed_exits_ ? &*sealed_exits_ : nullptr;
}

Result<> VirtualMachine::CreateMemory() {
  if (confidential_) {
    return confidential_->CreateGuest(*system_, *vm_, CpuidOf(SEALVM_TRY(MakeVcpuModel()), 0),
                                      host_.make_guest_memfd);
  }
  if (is_sealed()) {
    sealed_ = SEALVM_TRY(CreateSealedGuest(config_, *choice_.private_kind, *system_, *vm_));
    sealed_exits_.emplace(*sealed_, logger_, [this](Error error) {
      lifecycle_.RequestStop({.reason = ExitReason::kError, .error = std::move(error)});
    });
    return {};
  }
  const GuestLayout layout = SEALVM_TRY(GuestLayout::Create(config_.memory_bytes));
  memory_ = std::make_shared<GuestMemory>(SEALVM_TRY(GuestMemory::Create(
      layout, SEALVM_TRY(MemfdProvider().Create(layout.ram_size(), config_.memory)))));
  uint32_t slot = 0;
  for (const RamRange& range : layout.ram()) {
    SEALVM_TRY(vm_->SetUserMemoryRegion({.slot = slot++,
                                         .gpa = range.base,
                                         .size = range.size,
                                         .hva = memory_->HostAddressForMemslot(range)}));
  }
  return firmware_ ? firmware_->MapRom(*vm_, slot) : Result<>();
}

Result<> VirtualMachine::CreateInterruptControllers() {
  if (!has_own_io_apic()) lines_ = std::make_unique<KvmInterruptLines>(*vm_, logger_);
  if (confidential_) return {};
  if (firmware_) SEALVM_TRY(vm_->SetIdentityMapAddress(kIdentityMapBelowFirmware));
  SEALVM_TRY(vm_->SetTssAddress(firmware_ ? kTssAddressBelowFirmware : kTssAddress));
  SEALVM_TRY(vm_->CreateIrqchip());
  // With 8259s in place of an I/O APIC, Linux sets the PC's timer up before it finds a better one.
  return is_sealed() ? vm_->CreatePit() : Result<>();
}

Result<> VirtualMachine::CreatePlatform() {
  SerialPortCallbacks serial;
  serial.output = [this](std::span<const uint8_t> bytes) { OnConsoleOutput(bytes); };
  serial.on_partial_output = [this] { flush_console_.Schedule(); };
  serial.on_input_space = callbacks_.on_console_input_space;
  std::shared_ptr<IoApic> io_apic;
  if (has_own_io_apic()) {
    io_apic = std::make_shared<IoApic>([this](uint64_t address, uint32_t data) {
      if (Result<bool> sent = vm_->SignalMsi(address, data); !sent) {
        logger_.Log(LogLevel::kError, "lost interrupt: {}", sent.error().ToString());
      }
    });
    lines_ = std::make_unique<IoApicLines>(io_apic);
  }
  platform_ =
      SEALVM_TRY(Platform::Create(*lines_, ram_layout(), *this, std::move(serial), logger_));
  if (io_apic) {
    SEALVM_TRY(platform_->mmio().Insert(kIoApicBase, IoApic::kLength, std::move(io_apic)));
  }
  dispatcher_.emplace(platform_->pio(), platform_->mmio(), isolation_exits());
  if (!is_sealed()) return {};
  return platform_->pio().Insert(kSealedStatusPort, kSealedStatusLength,
                                 std::make_shared<SealedStatusPort>([this](uint32_t status) {
                                   sealed_exits_->OnLoaderStatus(status);
                                 }));
}

// Before there is a VM: what the user named wrongly is found on any host.
Result<> VirtualMachine::MakeDevices() {
  if (!config_.devices.any()) return {};
  ConsoleCallbacks console;
  console.output = [this](std::span<const uint8_t> bytes) { OnConsoleOutput(bytes); };
  console.on_input_space = callbacks_.on_console_input_space;
  devices_ = SEALVM_TRY(MakeMachineDevices(config_, std::move(console), logger_));
  return {};
}

// KVM emulates the instructions that reach memory BARs: it reads them from the guest's memory, or
// gets them from an AMD CPU.
Result<PciSpace> VirtualMachine::PciBarSpace() const {
  switch (config_.devices.pci_bars) {
    case PciBars::kIo:
      return PciSpace::kIo;
    case PciBars::kMmio:
      if (!is_sealed() || !ReadHostCpu().is_intel) return PciSpace::kMemory;
      return Refused(
          "--pci-bars mmio: KVM cannot emulate the instructions of a sealed guest on an "
          "Intel CPU",
          "use --pci-bars io");
    case PciBars::kAuto:
      break;
  }
  return is_sealed() ? PciSpace::kIo : PciSpace::kMemory;
}

Result<> VirtualMachine::CreatePciDevices() {
  if (!config_.devices.any() && !firmware_) return {};
  if (confidential_) {
    device_view_ = confidential_->view();
  } else {
    device_view_ = is_sealed() ? sealed_->view() : SEALVM_TRY(SharedView::Create(memory_, nullptr));
  }
  PciDevices::Options options;
  if (firmware_) {
    options.chipset = PciDevices::Chipset::kI440fx;
    options.windows = OvmfPciWindows(ram_layout());
  }
  options.bars = SEALVM_TRY(PciBarSpace());
  options.on_8259 = is_sealed();
  options.lines_in_kernel = !has_own_io_apic();
  options.require_access_platform = is_sealed() || confidential_;
  options.logger = logger_;
  options.on_device_failure = [this](const std::string& id, const Error& error) {
    OnDeviceFailure(id, error);
  };
  pci_ =
      SEALVM_TRY(PciDevices::Create(std::move(options), *vm_, *lines_, device_view_,
                                    std::move(devices_.all), platform_->pio(), platform_->mmio()));
  return {};
}

PlatformDescription VirtualMachine::DescribePlatform() const {
  PlatformDescription description = Platform::Describe(
      config_.cpus, is_sealed() ? Platform::Kind::kPortIo : Platform::Kind::kStandard);
  if (pci_) description.pci_host_bridge = pci_->Describe();
  return description;
}

Result<std::optional<EntryState>> VirtualMachine::LoadGuest(const GuestFiles& files) {
  const BootLayout layout =
      is_sealed() ? SealedGuest::BootLayoutFor(sealed_->layout()) : BootLayout();
  const AcpiTables acpi =
      SEALVM_TRY(BuildAcpiTables(DescribePlatform(), layout.acpi, kAcpiAreaSize));
  BootSources sources;
  sources.kernel = choice_.unpacked ? &*choice_.unpacked : &*files.kernel;
  sources.initrd = files.initrd ? &*files.initrd : nullptr;
  sources.cmdline = effective_cmdline_;
  sources.entry = ToEntryChoice(config_.kernel_protocol);
  sources.acpi_tables = acpi.bytes;
  sources.layout = layout;
  logger_.Log(LogLevel::kInfo, "kernel command line: {}", effective_cmdline_);
  if (is_sealed()) {
    EntryState entry = SEALVM_TRY(LoadSealedGuest(*sealed_, sources, config_));
    choice_.unpacked.reset();
    return entry;
  }
  const BootState state = SEALVM_TRY(sealvm::LoadGuest(*memory_, sources));
  for (const LoadedRegion& region : state.regions) {
    logger_.Log(LogLevel::kDebug, "{:#x}+{:#x} {}", region.gpa, region.size, region.name);
  }
  return state.entry;
}

// No entry: the CPU's reset leads into the ROM.
Result<std::optional<EntryState>> VirtualMachine::PrepareFirmware() {
  SEALVM_TRY(firmware_->InsertDevices(platform_->pio(), *this, device_view_, DescribePlatform(),
                                      effective_cmdline_));
  return std::nullopt;
}

Result<VcpuModel> VirtualMachine::MakeVcpuModel() const {
  VcpuModel model;
  model.supported_cpuid = SEALVM_TRY(system_->SupportedCpuid());
  model.cpus = config_.cpus;
  model.tsc_deadline = SEALVM_TRY(system_->CheckExtension(KVM_CAP_TSC_DEADLINE_TIMER)) != 0;
  model.in_reset = firmware_ != nullptr;
  if (is_sealed()) {
    model.adjust_cpuid = [face = FaceOf(*sealed_)](std::vector<kvm_cpuid_entry2>& cpuid) {
      ApplySealedFace(cpuid, face);
    };
  }
  return model;
}

Result<> VirtualMachine::CreateVcpus(const std::optional<EntryState>& entry) {
  const VcpuModel model = SEALVM_TRY(MakeVcpuModel());
  for (uint32_t id = 0; id < config_.cpus; ++id) {
    kvm::Vcpu vcpu = SEALVM_TRY(vm_->CreateVcpu(id));
    SEALVM_TRY(confidential_ ? confidential_->AddVcpu(vcpu, CpuidOf(model, id))
                             : SetUpVcpu(vcpu, model));
    std::function<void()> before_first_run;
    if (id == 0) {
      if (entry) SEALVM_TRY(SetUpEntry(vcpu, *entry));
      if (is_sealed()) Prefault(vcpu);
      before_first_run = [this] { OnFirstInstruction(); };
    }
    vcpus_.push_back(std::make_unique<VcpuThread>(std::move(vcpu), *dispatcher_, lifecycle_,
                                                  std::move(before_first_run)));
  }
  if (!confidential_) return {};
  std::vector<kvm::Vcpu*> all;
  for (const auto& vcpu : vcpus_) all.push_back(&vcpu->vcpu());
  return confidential_->Launch(all);
}

// The guest runs without it too, with a fault for each page.
void VirtualMachine::Prefault(kvm::Vcpu& boot_vcpu) {
  if (Result<> done = sealed_->Prefault(boot_vcpu); !done) {
    logger_.Log(LogLevel::kDebug, "private memory is not mapped ahead: {}", done.error().message);
  }
}

Result<> VirtualMachine::Start() {
  if (started_) return HostError("the machine was started already");
  started_ = true;
  Emit({.kind = EventKind::kStarted});
  // Application processors wait in the kernel for the boot processor's IPIs.
  for (const auto& vcpu : std::span(vcpus_).subspan(1)) {
    if (Result<> result = vcpu->Start(); !result) {
      lifecycle_.RequestStop({.reason = ExitReason::kError, .error = result.error()});
      return result;
    }
  }
  return {};
}

Result<ExitReport> VirtualMachine::Run() {
  if (!started_) return HostError("the machine was not started");
  vcpus_.front()->RunOnThisThread();
  if (!StopAndJoin()) {
    return HostError(
        fmt::format("a vCPU thread did not stop within {} s", kJoinLimit.count() / 1000),
        "the host's kernel holds it; see its log");
  }
  StopDevices();
  platform_->serial().Flush();
  if (firmware_) firmware_->FlushLog();
  ExitReport report = *lifecycle_.report();
  if (report.reason == ExitReason::kReset && panic_watch_.panicked()) {
    report.reason = ExitReason::kPanic;
    Emit({.kind = EventKind::kPanicked});
  }
  Emit({.kind = EventKind::kExit, .value = report.guest_code, .exit_reason = report.reason});
  return report;
}

void VirtualMachine::Stop() { lifecycle_.RequestStop({.reason = ExitReason::kStopped}); }

bool VirtualMachine::StopAndJoin() {
  Stop();
  for (const auto& vcpu : vcpus_) vcpu->Kick();  // so that all leave at the same time
  bool all_joined = true;
  for (const auto& vcpu : vcpus_) all_joined = vcpu->Join(kJoinLimit) && all_joined;
  return all_joined;
}

// What devices have under way is finished, and what the host lent them is given back: files are
// unlocked, sockets removed.
void VirtualMachine::StopDevices() {
  if (!pci_) return;
  pci_->Stop();
  const std::lock_guard lock(devices_mutex_);
  last_device_stats_ = pci_->Stats();
  devices_.console.reset();
  pci_.reset();
}

size_t VirtualMachine::SendConsoleInput(std::span<const uint8_t> bytes) {
  if (!config_.devices.virtio_console) return platform_->serial().EnqueueInput(bytes);
  const std::lock_guard lock(devices_mutex_);
  return devices_.console ? devices_.console->EnqueueInput(bytes) : bytes.size();
}

void VirtualMachine::ResizeConsole(uint16_t columns, uint16_t rows) {
  const std::lock_guard lock(devices_mutex_);
  if (devices_.console) devices_.console->Resize(columns, rows);
}

void VirtualMachine::PressPowerButton() { platform_->acpi_pm().PressPowerButton(); }

MachineStats VirtualMachine::GetStats() const {
  MachineStats stats;
  stats.memory_bytes = config_.memory_bytes;
  if (is_sealed()) {
    AddMemoryStats(*sealed_, stats);
  } else if (confidential_) {
    confidential_->AddMemoryStats(stats);
  } else {
    stats.memory_shared_bytes = config_.memory_bytes;
    stats.memory_allocated_bytes = memory_->backing().AllocatedBytes().value_or(0);
    stats.memory_provider = memory_->backing().ProviderName();
  }
  stats.isolation = IsolationModeName(choice_.mode);
  stats.cpus = config_.cpus;
  for (const auto& vcpu : vcpus_) {
    const VcpuThread::ExitCounts counts = vcpu->exit_counts();
    for (size_t kind = 0; kind < counts.size(); ++kind) {
      stats.exits_total += counts[kind];
      if (counts[kind] > 0) {
        stats.exits_by_reason[std::string(kvm::ExitNameByIndex(kind))] += counts[kind];
      }
    }
  }
  for (const Bus* bus : {&platform_->pio(), &platform_->mmio()}) {
    for (const auto& [name, count] : bus->AccessCounts()) stats.accesses_by_device[name] += count;
  }
  {
    const std::lock_guard lock(devices_mutex_);
    stats.devices = pci_ ? pci_->Stats() : last_device_stats_;
  }
  if (const int64_t ns = first_instruction_ns_.load(); ns >= 0) {
    stats.time_to_first_instruction = std::chrono::nanoseconds(ns);
  }
  return stats;
}

void VirtualMachine::OnGuestRequest(const GuestRequest& request) {
  switch (request.kind) {
    case GuestRequestKind::kPowerOff:
      lifecycle_.RequestStop({.reason = ExitReason::kPowerOff});
      break;
    case GuestRequestKind::kReset:
      lifecycle_.RequestStop({.reason = ExitReason::kReset});
      break;
    case GuestRequestKind::kPanic:
      if (lifecycle_.RequestStop({.reason = ExitReason::kPanic})) {
        Emit({.kind = EventKind::kPanicked});
      }
      break;
    case GuestRequestKind::kExitCode:
      lifecycle_.RequestStop({.reason = ExitReason::kGuestExit, .guest_code = request.value});
      break;
    case GuestRequestKind::kBootMark:
      Emit({.kind = EventKind::kBootMark, .value = request.value});
      if (request.value == kBootMarkUserspace) Emit({.kind = EventKind::kBooted});
      break;
  }
}

void VirtualMachine::OnDeviceFailure(const std::string& id, const Error& error) {
  logger_.Log(LogLevel::kWarning, "{}: stopped until the guest resets it: {}", id,
              error.ToString());
  Event event;
  event.kind = EventKind::kDeviceFailed;
  event.device = id;
  Emit(std::move(event));
}

void VirtualMachine::OnConsoleOutput(std::span<const uint8_t> bytes) {
  const std::lock_guard lock(console_output_mutex_);
  panic_watch_.Observe(bytes);
  if (callbacks_.on_console_output) callbacks_.on_console_output(bytes);
}

void VirtualMachine::OnFirstInstruction() {
  first_instruction_ns_.store(SinceCreate().count());
  Emit({.kind = EventKind::kFirstInstruction});
}

void VirtualMachine::KickBootVcpu() {
  if (!vcpus_.empty()) vcpus_.front()->Kick();
}

void VirtualMachine::Emit(Event event) {
  if (!callbacks_.on_event) return;
  const std::lock_guard lock(events_mutex_);
  event.since_create = SinceCreate();
  callbacks_.on_event(event);
}

std::chrono::nanoseconds VirtualMachine::SinceCreate() const {
  return std::chrono::steady_clock::now() - created_at_;
}

}  // namespace sealvm
