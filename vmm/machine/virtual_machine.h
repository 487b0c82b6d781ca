// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_VIRTUAL_MACHINE_H_
#define SEALVM_VMM_MACHINE_VIRTUAL_MACHINE_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "devices/guest_request.h"
#include "memory/base/logger.h"
#include "memory/guest_memory.h"
#include "memory/shared_view.h"
#include "vmm/api/machine.h"
#include "vmm/boot/entry_state.h"
#include "vmm/boot/image_file.h"
#include "vmm/boot/kernel_image.h"
#include "vmm/boot/linux_loader.h"
#include "vmm/isolation/confidential/private_ram.h"
#include "vmm/isolation/sealed/sealed_guest.h"
#include "vmm/kvm/kernel.h"
#include "vmm/kvm/system.h"
#include "vmm/machine/confidential_launch.h"
#include "vmm/machine/deferred_task.h"
#include "vmm/machine/device_factory.h"
#include "vmm/machine/exit_dispatcher.h"
#include "vmm/machine/firmware_boot.h"
#include "vmm/machine/interrupt_lines.h"
#include "vmm/machine/isolation_choice.h"
#include "vmm/machine/lifecycle.h"
#include "vmm/machine/panic_watch.h"
#include "vmm/machine/pci_devices.h"
#include "vmm/machine/platform.h"
#include "vmm/machine/sealed_exits.h"
#include "vmm/machine/vcpu_setup.h"
#include "vmm/machine/vcpu_thread.h"

namespace sealvm {

// What a machine runs on: this host, or a test's double of it.
struct HostInterfaces {
  std::shared_ptr<kvm::Kernel> kernel = kvm::Kernel::Real();
  GuestMemfdMaker make_guest_memfd = MakeGuestMemfd;  // of snp and tdx
};

// What stands behind Machine: see there for the life and the threads.
class VirtualMachine : private GuestRequestSink {
 public:
  static Result<std::unique_ptr<VirtualMachine>> Create(const MachineConfig& config,
                                                        MachineCallbacks callbacks,
                                                        HostInterfaces host = {});
  VirtualMachine(const VirtualMachine&) = delete;
  VirtualMachine& operator=(const VirtualMachine&) = delete;
  ~VirtualMachine() override = default;

  // The buses, for devices attached before Start.
  Bus& pio() { return platform_->pio(); }
  Bus& mmio() { return platform_->mmio(); }
  bool started() const { return started_; }

  Result<> Start();
  Result<ExitReport> Run();
  void Stop();
  // Stops and joins all vCPU threads. False when one does not end: the object must then live on.
  bool StopAndJoin();

  size_t SendConsoleInput(std::span<const uint8_t> bytes);
  void ResizeConsole(uint16_t columns, uint16_t rows);
  void PressPowerButton();
  MachineStats GetStats() const;
  const std::string& effective_cmdline() const { return effective_cmdline_; }
  IsolationMode isolation() const { return choice_.mode; }
  const std::string& why_not_stronger() const { return choice_.why_not_stronger; }
  // Of a confidential machine, as its hardware measures it; else empty.
  std::span<const uint8_t> launch_digest() const {
    return confidential_ ? confidential_->digest() : std::span<const uint8_t>();
  }

 private:
  // The files that a guest boots from without a firmware, open and checked.
  struct GuestFiles {
    std::optional<KernelImage> kernel;
    std::optional<ImageFile> initrd;
  };

  VirtualMachine(const MachineConfig& config, MachineCallbacks callbacks, HostInterfaces host);

  // The steps of Create, in order.
  Result<> Build();
  Result<GuestFiles> OpenGuestFiles();
  Result<> RefuseWithoutFirmware() const;
  Result<kvm::Vm> CreateVm();
  Result<> CreateMemory();
  Result<> CreateInterruptControllers();
  Result<> CreatePlatform();
  Result<> CreatePciDevices();
  Result<PciSpace> PciBarSpace() const;
  PlatformDescription DescribePlatform() const;
  Result<> MakeDevices();
  void StopDevices();
  Result<VcpuModel> MakeVcpuModel() const;
  Result<> CreateVcpus(const std::optional<EntryState>& entry);
  Result<std::optional<EntryState>> LoadGuest(const GuestFiles& files);
  Result<std::optional<EntryState>> PrepareFirmware();
  void Prefault(kvm::Vcpu& boot_vcpu);

  bool is_sealed() const { return choice_.mode == IsolationMode::kSealed; }
  // KVM has no I/O APIC for a TD.
  bool has_own_io_apic() const { return choice_.mode == IsolationMode::kTdx; }
  const GuestLayout& ram_layout() const;
  IsolationExits* isolation_exits();

  void OnGuestRequest(const GuestRequest& request) override;
  void OnConsoleOutput(std::span<const uint8_t> bytes);
  void OnDeviceFailure(const std::string& id, const Error& error);
  void OnFirstInstruction();
  void KickBootVcpu();
  void Emit(Event event);
  std::chrono::nanoseconds SinceCreate() const;

  const std::chrono::steady_clock::time_point created_at_ = std::chrono::steady_clock::now();
  const MachineConfig config_;
  const MachineCallbacks callbacks_;
  const HostInterfaces host_;
  const Logger logger_;
  std::string effective_cmdline_;
  IsolationChoice choice_;
  bool started_ = false;

  std::mutex console_output_mutex_;  // the serial port and the virtio console have one output
  std::mutex events_mutex_;          // held during on_event; no lock is taken under it
  std::atomic<int64_t> first_instruction_ns_ = -1;

  Lifecycle lifecycle_{[this] { KickBootVcpu(); }};
  PanicWatch panic_watch_;

  // Destroyed from the last to the first: threads, then what they use, the guest's memory last.
  std::shared_ptr<GuestMemory> memory_;     // of a guest in mode none
  std::unique_ptr<FirmwareBoot> firmware_;  // null: a kernel is entered directly
  std::optional<kvm::System> system_;
  std::optional<kvm::Vm> vm_;
  std::unique_ptr<SealedGuest> sealed_;
  std::optional<SealedExits> sealed_exits_;
  std::unique_ptr<ConfidentialLaunch> confidential_;  // of sev, sev-es, snp and tdx
  std::unique_ptr<InterruptLines> lines_;
  std::unique_ptr<Platform> platform_;
  mutable std::mutex devices_mutex_;  // held while devices go, and by whoever asks them something
  std::shared_ptr<SharedView> device_view_;  // null where no device reaches the guest's memory
  MachineDevices devices_;                   // until pci_ has them
  std::unique_ptr<PciDevices> pci_;          // null where there are none, and after the end
  std::vector<DeviceStats> last_device_stats_;
  std::optional<ExitDispatcher> dispatcher_;
  std::vector<std::unique_ptr<VcpuThread>> vcpus_;
  DeferredTask flush_console_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_VIRTUAL_MACHINE_H_
