// SPDX-License-Identifier: Apache-2.0
// The diagnostic guest with a C-bit, on any KVM: what it takes for private memory is ordinary
// memory, which every KVM can run. So its judgement can be tested on hosts that break their
// promises.
#include <asm/kvm_para.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm_para.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "devices/platform_addresses.h"
#include "guest-fw/diag_image.h"
#include "memory/base/mapping.h"
#include "memory/guest_memory.h"
#include "memory/memfd_provider.h"
#include "memory/page_conversions.h"
#include "vmm/boot/acpi/acpi_tables.h"
#include "vmm/boot/kernel_image.h"
#include "vmm/boot/linux_loader.h"
#include "vmm/isolation/sealed/sealed_cpuid.h"
#include "vmm/isolation/sealed/sealed_layout.h"
#include "vmm/kvm/system.h"
#include "vmm/machine/vcpu_setup.h"

namespace sealvm {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kRamSize = 16 * kMiB;
constexpr Gpa kTssAddress = 0xfffbd000;
// PC16550D: line status.
constexpr uint16_t kLineStatusPort = kSerialBase + 5;
constexpr uint8_t kTransmitterEmpty = 0x60;

// How a host treats its guest.
struct Host {
  bool two_halves = true;
  bool announces_conversions = true;
  bool converts = true;
  bool refuses = true;
};

enum class Ending { kPowerOff, kExitDevice, kPanic, kBroken, kStuck };

// A KVM without hardware virtualization emulates the guest's ring 0, and takes a hypercall there
// for one of the wrong vendor: it patches the instruction and starts it again, for ever.
constexpr std::chrono::seconds kHypercallPatience{10};

// Makes KVM_RUN return every second, while it lives.
class Ticker {
 public:
  Ticker() {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, nullptr);
    Set({{1, 0}, {1, 0}});
  }
  ~Ticker() { Set({{0, 0}, {0, 0}}); }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  static void Set(const itimerval& value) { setitimer(ITIMER_REAL, &value, nullptr); }
};

struct Half {
  std::shared_ptr<PrivateMemory> object;
  GuestMemory memory;

  static Half Create(const GuestLayout& layout) {
    std::shared_ptr<PrivateMemory> object = *MemfdProvider().Create(layout.ram_size(), {});
    return {object, *GuestMemory::Create(layout, object)};
  }
  uint64_t Address() const { return memory.HostAddressForMemslot(memory.layout().low_ram()); }
};

std::vector<uint8_t> AcpiTablesAt(Gpa base) {
  PlatformDescription platform;
  platform.io_apic = false;
  platform.dual_8259 = true;
  platform.fixed_hardware = AcpiFixedHardware{.sci_gsi = kAcpiSciGsi,
                                              .pm1_event_port = kAcpiPm1EventPort,
                                              .pm1_control_port = kAcpiPm1ControlPort};
  return BuildAcpiTables(platform, base, kAcpiAreaSize)->bytes;
}

// One vCPU, so that all of memory has two halves.
class SealedFaceTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<kvm::System> system = kvm::System::Open();
    if (!system) GTEST_SKIP() << system.error().ToString();
    system_.emplace(*std::move(system));
    for (const int capability :
         {KVM_CAP_X86_USER_SPACE_MSR, KVM_CAP_X86_MSR_FILTER, KVM_CAP_EXIT_HYPERCALL}) {
      if (*system_->CheckExtension(capability) == 0) {
        GTEST_SKIP() << "KVM has no capability " << capability;
      }
    }
  }

  // Runs the diagnostic guest to its end.
  Ending Run(const Host& host) {
    host_ = host;
    supported_ = *system_->SupportedCpuid();
    layout_.emplace(*SealedLayout::Create(*GuestLayout::Create(kRamSize),
                                          *PhysicalAddressBitsOf(supported_), 1));
    MakeMachine();
    kvm::Vcpu vcpu = MakeVcpu(PutGuest());
    const Ticker ticker;
    for (;;) {
      const Result<kvm::VcpuExit> exit = vcpu.Run();
      if (!exit) {
        ADD_FAILURE() << exit.error().ToString();
        return Ending::kBroken;
      }
      if (const auto ending = Handle(*exit)) return *ending;
    }
  }

  // For guests that make hypercalls.
  Ending RunConverting(const Host& host) {
    static bool hypercalls_hang = false;
    const Ending ending = hypercalls_hang ? Ending::kStuck : Run(host);
    hypercalls_hang = ending == Ending::kStuck;
    return ending;
  }

  const std::string& console() const { return console_; }
  std::string CBitText() const { return "C-bit " + std::to_string(layout_->c_bit()); }

 private:
  void MakeMachine() {
    vm_.emplace(*system_->CreateVm());
    private_.emplace(Half::Create(layout_->ram()));
    shared_.emplace(Half::Create(layout_->ram()));
    platform_ = *Mapping::Create(kSealedPlatformSize, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "platform pages");
    memset(platform_.data(), 0xff, kSealedOnesSize);
    conversions_ = *PageConversions::Create(layout_->ram(), private_->object, shared_->object, 0);
    for (const SealedMemslot& slot : layout_->memslots()) {
      const Half& half =
          slot.source == SealedSource::kPrivate || !host_.two_halves ? *private_ : *shared_;
      const uint64_t hva = slot.source == SealedSource::kPlatform
                               ? reinterpret_cast<uint64_t>(platform_.data())
                               : half.Address() + slot.offset;
      ASSERT_TRUE(vm_->SetUserMemoryRegion(
          {.slot = slot.slot, .gpa = slot.gpa, .size = slot.size, .hva = hva}));
    }
    ASSERT_TRUE(vm_->SetTssAddress(kTssAddress));
    ASSERT_TRUE(vm_->CreateIrqchip());
    ASSERT_TRUE(vm_->EnableCap(KVM_CAP_EXIT_HYPERCALL, 1u << KVM_HC_MAP_GPA_RANGE));
    constexpr std::array kFiltered = {
        kvm::Vm::FilteredMsr{.index = kMsrSevStatus, .accesses = KVM_MSR_FILTER_READ}};
    ASSERT_TRUE(vm_->FilterMsrs(kFiltered));
  }

  EntryState PutGuest() {
    const KernelImage image = *KernelImage::FromBytes("diagnostic guest", DiagnosticGuestImage());
    BootSources sources;
    sources.kernel = &image;
    sources.cmdline = "diag=quick";
    sources.entry = EntryChoice::kLinux64;
    sources.encryption_mask = layout_->c_mask();
    const std::vector<uint8_t> acpi = AcpiTablesAt(sources.layout.acpi);
    sources.acpi_tables = acpi;
    return LoadGuest(private_->memory, sources)->entry;
  }

  kvm::Vcpu MakeVcpu(const EntryState& entry) {
    kvm::Vcpu vcpu = *vm_->CreateVcpu(0);
    VcpuModel model = {.supported_cpuid = supported_};
    model.adjust_cpuid = [this](std::vector<kvm_cpuid_entry2>& cpuid) {
      SealedFace face;
      face.c_bit = layout_->c_bit();
      face.conversions = host_.announces_conversions;
      ApplySealedFace(cpuid, face);
    };
    EXPECT_TRUE(SetUpVcpu(vcpu, model));
    EXPECT_TRUE(SetUpEntry(vcpu, entry));
    return vcpu;
  }

  std::optional<Ending> Handle(const kvm::VcpuExit& exit) {
    const auto now = std::chrono::steady_clock::now();
    if (std::holds_alternative<kvm::InterruptedExit>(exit)) {
      const bool stuck = now - last_exit_ > kHypercallPatience;
      return stuck ? std::optional(Ending::kStuck) : std::nullopt;
    }
    last_exit_ = now;
    if (const auto* io = std::get_if<kvm::IoExit>(&exit)) return HandleIo(*io);
    if (const auto* msr = std::get_if<kvm::MsrExit>(&exit)) {
      *msr->value = kSealedSevStatus;
    } else if (const auto* call = std::get_if<kvm::HypercallExit>(&exit)) {
      *call->result = static_cast<uint64_t>(
          Convert(call->arguments[0], call->arguments[1], call->arguments[2]));
    } else {
      ADD_FAILURE() << "the guest left by " << kvm::ExitName(exit);
      return Ending::kBroken;
    }
    return std::nullopt;
  }

  std::optional<Ending> HandleIo(const kvm::IoExit& io) {
    if (!io.is_write) {
      memset(io.data.data(), io.port == kLineStatusPort ? kTransmitterEmpty : 0xff, io.data.size());
      return std::nullopt;
    }
    switch (io.port) {
      case kSerialBase:
        console_ += static_cast<char>(io.data[0]);
        return std::nullopt;
      case kAcpiPm1ControlPort:
        return Ending::kPowerOff;
      case kExitDevicePort:
        return Ending::kExitDevice;
      case kPvpanicPort:
        return Ending::kPanic;
      default:
        return std::nullopt;
    }
  }

  int64_t Convert(Gpa gpa, uint64_t pages, uint64_t attributes) {
    const bool possible = pages <= kRamSize / kPageSize && layout_->ram().low_ram().size >= gpa;
    if (!host_.converts && possible) return 0;
    const uint64_t length = possible ? pages * kPageSize : 0;
    const Result<> converted = (attributes & KVM_MAP_GPA_RANGE_ENCRYPTED) != 0
                                   ? conversions_->ToPrivate(gpa, length)
                                   : conversions_->ToShared(gpa, length);
    return converted || !host_.refuses ? 0 : -KVM_EINVAL;
  }

  Host host_;
  std::optional<kvm::System> system_;
  std::vector<kvm_cpuid_entry2> supported_;
  std::optional<SealedLayout> layout_;
  std::optional<Half> private_;
  std::optional<Half> shared_;
  Mapping platform_;
  std::shared_ptr<PageConversions> conversions_;
  std::optional<kvm::Vm> vm_;
  std::string console_;
  std::chrono::steady_clock::time_point last_exit_ = std::chrono::steady_clock::now();
};

#define SEALVM_SKIP_IF_STUCK(ending) \
  if ((ending) == Ending::kStuck) GTEST_SKIP() << "hypercalls hang on this KVM"

TEST_F(SealedFaceTest, AGoodHostPasses) {
  const Ending ending = RunConverting({});
  SEALVM_SKIP_IF_STUCK(ending);
  EXPECT_EQ(ending, Ending::kPowerOff);
  EXPECT_THAT(console(), HasSubstr("sealed: SEV's face without its hardware, " + CBitText()));
  EXPECT_THAT(console(), HasSubstr("no statement about hardware"));
  EXPECT_THAT(console(), HasSubstr("639 KiB, private"));
  EXPECT_THAT(console(), HasSubstr("15 MiB, private"));
  EXPECT_THAT(console(), HasSubstr("Private memory  self-test passed: 4 MiB read/write, "
                                   "16 conversions, 68 hostile requests refused"));
}

TEST_F(SealedFaceTest, AHostWithoutConversionsIsNoFailure) {
  EXPECT_EQ(Run({.announces_conversions = false}), Ending::kPowerOff);
  EXPECT_THAT(console(), HasSubstr("4 MiB read/write, the host takes no conversions"));
}

TEST_F(SealedFaceTest, ACBitWithoutEffectIsAFailure) {
  EXPECT_EQ(Run({.two_halves = false}), Ending::kExitDevice);
  EXPECT_THAT(console(), HasSubstr("FAILED: SEV's face, but no effect of " + CBitText()));
  EXPECT_THAT(console(), HasSubstr("15 MiB, shared"));
  EXPECT_THAT(console(), Not(HasSubstr("sealed:")));
}

TEST_F(SealedFaceTest, AHostThatOnlySaysThatItConvertsIsCaught) {
  const Ending ending = RunConverting({.converts = false});
  SEALVM_SKIP_IF_STUCK(ending);
  EXPECT_EQ(ending, Ending::kExitDevice);
  EXPECT_THAT(console(), HasSubstr("self-test FAILED: old content in memory that became private"));
}

TEST_F(SealedFaceTest, AHostThatAcceptsAnythingIsCaught) {
  const Ending ending = RunConverting({.refuses = false});
  SEALVM_SKIP_IF_STUCK(ending);
  EXPECT_EQ(ending, Ending::kExitDevice);
  // KVM itself refuses what comes before it.
  EXPECT_THAT(console(), HasSubstr("self-test FAILED: a range that wraps"));
}

}  // namespace
}  // namespace sealvm
