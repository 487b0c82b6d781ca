// SPDX-License-Identifier: Apache-2.0
// The sealed loader from its entry state to a kernel's first instruction, on the machine's own KVM.
// Behind the alias bit lies ordinary memory, at which the tests can look, or guest_memfd.
#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guest-fw/sealed_loader_image.h"
#include "memory/base/mapping.h"
#include "vmm/boot/handover_status.h"
#include "vmm/boot/handover_tree.h"
#include "vmm/boot/page_tables.h"
#include "vmm/isolation/private_memory_kind.h"
#include "vmm/isolation/private_memory_trial.h"
#include "vmm/kvm/system.h"

namespace sealvm {
namespace {

constexpr uint64_t kRamSize = 4 * kMiB;
constexpr Gpa kWindow = 1 * kGiB;
constexpr uint64_t kWindowSize = 256 * kKiB;
constexpr uint64_t kKernelSize = 20000;
constexpr Gpa kKernel = 2 * kMiB + 0x123;
constexpr Gpa kBootParams = 3 * kMiB;
constexpr Gpa kPageTables = 3 * kMiB + kPageSize;
constexpr Gpa kLoader = 1 * kMiB;
constexpr uint64_t kEntryOffset = 0x40;
constexpr uint8_t kKernelPort = 0x80;

// Offsets in the window.
constexpr uint64_t kImageAt = 0;
constexpr uint64_t kTreeAt = 0x8000;
constexpr uint64_t kStackTopAt = 0x10000;
constexpr uint64_t kFirstTablesAt = 0x10000;
constexpr uint64_t kKernelAt = 0x13000;
constexpr uint64_t kBootAt = 0x20000;

Mapping Anonymous(uint64_t size) {
  return *Mapping::Create(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "RAM");
}

std::array<uint8_t, 32> Digest(std::span<const uint8_t> bytes) {
  std::array<uint8_t, 32> digest;
  SHA256(bytes.data(), bytes.size(), digest.data());
  return digest;
}

// What the loader runs on: the SHA extensions change how it computes digests, the place of the
// alias bit its page tables, guest_memfd what KVM can do for it.
struct Guest {
  bool sha_ni = false;
  unsigned c_bit = 0;
  bool guest_memfd = false;
};

class SealedLoaderTest : public testing::TestWithParam<Guest> {
 protected:
  void SetUp() override {
    auto system = kvm::System::Open();
    if (!system) GTEST_SKIP() << system.error().ToString();
    system_.emplace(*std::move(system));
    cpuid_ = *system_->SupportedCpuid();
    if (!HasGiBPages()) GTEST_SKIP() << "this KVM has no pages of 1 GiB for guests";
    if (!ShowOrHideShaNi(GetParam().sha_ni)) {
      GTEST_SKIP() << "this KVM has no SHA extensions for guests";
    }
    if (PhysicalBits() <= c_bit_) {
      GTEST_SKIP() << "this KVM's guests have " << PhysicalBits() << " physical address bits";
    }
    if (GetParam().guest_memfd) {
      const auto report = TryPrivateMemory(PrivateMemoryKind::kGuestMemfd, *system_);
      if (!report) GTEST_SKIP() << report.error().ToString();
      if (!report->works) GTEST_SKIP() << report->reason;
    }
    MakeMachine();
    FillWindow();
  }

  kvm_cpuid_entry2* Leaf(uint32_t function) {
    const auto leaf = std::ranges::find_if(
        cpuid_, [=](const auto& e) { return e.function == function && e.index == 0; });
    return leaf == cpuid_.end() ? nullptr : &*leaf;
  }
  bool HasGiBPages() {
    const kvm_cpuid_entry2* leaf = Leaf(0x80000001);
    return leaf != nullptr && (leaf->edx & 1u << 26) != 0;
  }
  bool ShowOrHideShaNi(bool show) {
    kvm_cpuid_entry2* leaf = Leaf(7);
    if (leaf == nullptr || (leaf->ebx & 1u << 29) == 0) return !show;
    if (!show) leaf->ebx &= ~(1u << 29);
    return true;
  }
  unsigned PhysicalBits() {
    const kvm_cpuid_entry2* leaf = Leaf(0x80000008);
    return leaf == nullptr ? 36 : leaf->eax & 0xff;
  }

  void MakeMachine() {
    vm_.emplace(*system_->CreateVm());
    shared_ = Anonymous(kRamSize);
    window_ = Anonymous(kWindowSize);
    AddSlot(0, 0, shared_);
    AddSlot(2, kWindow, window_);
    if (GetParam().guest_memfd) {
      AddGuestMemfd();
    } else {
      private_ = Anonymous(kRamSize);
      AddSlot(1, c(), private_);
    }
  }
  void AddGuestMemfd() {
    constexpr PrivateMemoryKind kKind = PrivateMemoryKind::kGuestMemfd;
    guest_memfd_ = *CreatePrivateMemory(kKind, *vm_, kRamSize, {});
    unmapped_ = *Mapping::Create(kRamSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "hole");
    const PrivateMemslot slot{.slot = 1,
                              .gpa = c(),
                              .size = kRamSize,
                              .offset = 0,
                              .unmapped_hva = reinterpret_cast<uint64_t>(unmapped_.data())};
    const auto bound = BindPrivateMemory(kKind, *vm_, *guest_memfd_, slot);
    ASSERT_TRUE(bound) << bound.error().ToString();
  }
  void AddSlot(uint32_t slot, Gpa gpa, const Mapping& memory) {
    const auto added = vm_->SetUserMemoryRegion({.slot = slot,
                                                 .gpa = gpa,
                                                 .size = memory.size(),
                                                 .hva = reinterpret_cast<uint64_t>(memory.data())});
    ASSERT_TRUE(added) << added.error().ToString();
  }

  uint64_t c() const { return uint64_t{1} << c_bit_; }
  std::span<uint8_t> Window(uint64_t offset, uint64_t size) {
    return std::span(window_.data(), window_.size()).subspan(offset, size);
  }
  std::span<const uint8_t> Private(Gpa gpa, uint64_t size) {
    return std::span(private_.data(), private_.size()).subspan(gpa, size);
  }

  void Put(uint64_t offset, std::span<const uint8_t> bytes) {
    std::ranges::copy(bytes, Window(offset, bytes.size()).begin());
  }
  void FillWindow() {
    std::vector<uint8_t> kernel(kKernelSize);
    for (size_t i = 0; i < kernel.size(); ++i) kernel[i] = static_cast<uint8_t>(i * 3 + (i >> 8));
    kernel[kEntryOffset] = 0xe6;  // out %al, $kKernelPort
    kernel[kEntryOffset + 1] = kKernelPort;
    Put(kKernelAt, kernel);
    Put(kBootAt, std::vector<uint8_t>(kPageSize, 0xb0));
    Put(kBootAt + kPageSize, BuildIdentityPageTables(kPageTables, c()));
    Put(kImageAt, SealedLoaderImage());
    PutFirstTables();
    handover_ = {.ram = {{kMiB, kRamSize - kMiB, 0}},
                 .c_bit = c_bit_,
                 .cpus = 1,
                 .window_base = kWindow,
                 .window_size = kWindowSize,
                 .payloads = {},
                 .entry = kKernel + kEntryOffset,
                 .boot_params = kBootParams,
                 .page_tables = kPageTables};
    AddPayload("kernel", kKernelAt, kKernel, kKernelSize);
    AddPayload("boot", kBootAt, kBootParams, kPageSize + kPageTablesSize);
    AddPayload("loader", kImageAt, kLoader, SealedLoaderImage().size());
    handover_.payloads.back().is_loader = true;
  }
  void AddPayload(const char* name, uint64_t offset, Gpa destination, uint64_t size) {
    handover_.payloads.push_back(
        {name, kWindow + offset, destination, size, Digest(Window(offset, size)), false});
  }
  // VA = GPA for the window and private memory, by pages of 1 GiB.
  void PutFirstTables() {
    PutEntry(0, 0, kWindow + kFirstTablesAt + kPageSize);
    PutEntry(1, kWindow >> 30, kWindow | 0x80);
    if (c_bit_ < 39) {
      PutEntry(1, c() >> 30, c() | 0x80);
    } else {
      PutEntry(0, c() >> 39, kWindow + kFirstTablesAt + 2 * kPageSize);
      PutEntry(2, 0, c() | 0x80);
    }
  }
  void PutEntry(size_t table, size_t index, uint64_t value) {
    value |= 3;
    memcpy(Window(kFirstTablesAt + table * kPageSize + index * 8, 8).data(), &value, 8);
  }

  kvm::Vcpu Enter() {
    Put(kTreeAt, *BuildHandoverTree(handover_));
    kvm::Vcpu vcpu = *vm_->CreateVcpu(0);
    EXPECT_TRUE(vcpu.SetCpuid(cpuid_));
    kvm_sregs sregs = *vcpu.GetSregs();
    sregs.cr0 = 0x80050033;
    sregs.cr3 = kWindow + kFirstTablesAt;
    sregs.cr4 = kCr4;
    sregs.efer = 0x500;
    sregs.idt = {};
    kvm_segment flat = {};
    flat.limit = 0xffffffff;
    flat.selector = 0x10;
    flat.type = 0xb;
    flat.present = flat.s = flat.g = flat.l = 1;
    sregs.cs = flat;
    flat.selector = 0x18;
    flat.type = 3;
    flat.l = 0;
    flat.db = 1;
    sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat;
    EXPECT_TRUE(vcpu.SetSregs(sregs));
    kvm_regs regs = {};
    regs.rip = kWindow + kImageAt;
    regs.rdi = kWindow + kTreeAt;
    regs.rsp = kWindow + kStackTopAt;
    regs.rflags = 2;
    EXPECT_TRUE(vcpu.SetRegs(regs));
    return vcpu;
  }
  // Runs to the next port write; its value, or nullopt for another exit.
  static std::optional<uint32_t> RunToPort(kvm::Vcpu& vcpu, uint16_t port) {
    for (;;) {
      auto exit = vcpu.Run();
      if (!exit) {
        ADD_FAILURE() << exit.error().ToString();
        return std::nullopt;
      }
      if (std::holds_alternative<kvm::InterruptedExit>(*exit)) continue;
      const auto* io = std::get_if<kvm::IoExit>(&*exit);
      if (io == nullptr || io->port != port || !io->is_write) {
        ADD_FAILURE() << "exit " << exit->index() << ", rip " << std::hex << vcpu.GetRegs()->rip;
        return std::nullopt;
      }
      uint32_t value = 0;
      memcpy(&value, io->data.data(), io->width);
      return value;
    }
  }
  std::optional<uint32_t> RunToStatus(kvm::Vcpu& vcpu) {
    return RunToPort(vcpu, handover_.status_port);
  }

  static constexpr uint64_t kCr4 = 0x20;  // PAE

  std::optional<kvm::System> system_;
  std::vector<kvm_cpuid_entry2> cpuid_;
  unsigned c_bit_ = GetParam().c_bit;
  // Before vm_: memory outlives the memslots that show it.
  Mapping shared_, private_, unmapped_, window_;
  std::shared_ptr<PrivateMemory> guest_memfd_;
  std::optional<kvm::Vm> vm_;
  Handover handover_;
};

std::string GuestName(const testing::TestParamInfo<Guest>& info) {
  return std::string(info.param.sha_ni ? "ShaNi" : "Scalar") + "C" +
         std::to_string(info.param.c_bit) + (info.param.guest_memfd ? "GuestMemfd" : "");
}

INSTANTIATE_TEST_SUITE_P(Guests, SealedLoaderTest,
                         testing::Values(Guest{false, 38, false}, Guest{false, 39, false},
                                         Guest{true, 35, false}, Guest{true, 39, false},
                                         Guest{false, 38, true}, Guest{true, 39, true}),
                         GuestName);

TEST_P(SealedLoaderTest, CopiesPayloadsAndReportsDone) {
  if (GetParam().guest_memfd) GTEST_SKIP() << "nobody but the guest can look into guest_memfd";
  kvm::Vcpu vcpu = Enter();
  const auto kernel = Window(kKernelAt, kKernelSize);
  const std::vector<uint8_t> expected(kernel.begin(), kernel.end());

  ASSERT_EQ(RunToStatus(vcpu), kStatusDone);

  EXPECT_TRUE(std::ranges::equal(Private(kKernel, kKernelSize), expected));
  EXPECT_EQ(Private(kBootParams, 1)[0], 0xb0);
  EXPECT_EQ(Private(kBootParams + kPageSize - 1, 1)[0], 0xb0);
}

TEST_P(SealedLoaderTest, LeavesTheWholeWindowAndSharedMemoryZero) {
  kvm::Vcpu vcpu = Enter();

  ASSERT_EQ(RunToStatus(vcpu), kStatusDone);

  const auto zero = [](uint8_t byte) { return byte == 0; };
  EXPECT_TRUE(std::ranges::all_of(Window(0, kWindowSize), zero));
  EXPECT_TRUE(std::ranges::all_of(std::span(shared_.data(), shared_.size()), zero));
}

TEST_P(SealedLoaderTest, EntersTheKernelWithoutTheWindow) {
  kvm::Vcpu vcpu = Enter();
  ASSERT_EQ(RunToStatus(vcpu), kStatusDone);
  ASSERT_TRUE(vm_->SetUserMemoryRegion({.slot = 2, .gpa = kWindow, .size = 0}));

  ASSERT_TRUE(RunToPort(vcpu, kKernelPort).has_value());

  const kvm_regs regs = *vcpu.GetRegs();
  EXPECT_GE(regs.rip, handover_.entry);  // KVM may show it before or after the OUT
  EXPECT_LE(regs.rip, handover_.entry + 2);
  EXPECT_EQ(regs.rsi, kBootParams);
  EXPECT_EQ(regs.rflags, 2u);
  for (const uint64_t other :
       {regs.rax, regs.rbx, regs.rcx, regs.rdx, regs.rdi, regs.rsp, regs.rbp, regs.r8, regs.r9,
        regs.r10, regs.r11, regs.r12, regs.r13, regs.r14, regs.r15}) {
    EXPECT_EQ(other, 0u);
  }
}

TEST_P(SealedLoaderTest, EntersTheKernelOnItsTablesAndSegments) {
  kvm::Vcpu vcpu = Enter();
  ASSERT_EQ(RunToStatus(vcpu), kStatusDone);
  ASSERT_TRUE(RunToPort(vcpu, kKernelPort).has_value());

  const kvm_sregs sregs = *vcpu.GetSregs();

  EXPECT_EQ(sregs.cr3, c() | kPageTables);
  EXPECT_EQ(sregs.cr4, kCr4);
  EXPECT_EQ(sregs.cs.selector, 0x10);
  EXPECT_EQ(sregs.cs.l, 1);
  for (const kvm_segment& data : {sregs.ds, sregs.es, sregs.ss, sregs.fs, sregs.gs}) {
    EXPECT_EQ(data.selector, 0x18);
  }
  EXPECT_GE(sregs.gdt.base, kLoader);
  EXPECT_LE(sregs.gdt.base + sregs.gdt.limit, kLoader + SealedLoaderImage().size());
}

TEST_P(SealedLoaderTest, LeavesTheBootProtocolsGdtInPrivateMemory) {
  if (GetParam().guest_memfd) GTEST_SKIP() << "nobody but the guest can look into guest_memfd";
  kvm::Vcpu vcpu = Enter();
  ASSERT_EQ(RunToStatus(vcpu), kStatusDone);

  const kvm_sregs sregs = *vcpu.GetSregs();

  ASSERT_LE(sregs.gdt.base + 0x20, private_.size());
  uint64_t descriptors[2] = {};
  memcpy(descriptors, Private(sregs.gdt.base + 0x10, 16).data(), 16);
  EXPECT_EQ(descriptors[0], 0x00af9b000000ffffu);
  EXPECT_EQ(descriptors[1], 0x00cf93000000ffffu);
}

TEST_P(SealedLoaderTest, NamesThePayloadThatWasTamperedWith) {
  kvm::Vcpu vcpu = Enter();
  Window(kBootAt + 5, 1)[0] ^= 1;

  const auto status = RunToStatus(vcpu);

  ASSERT_EQ(status, EncodeLoaderStatus({LoaderError::kDigestMismatch, 1}));
  EXPECT_NE(ReadHandoverStatus(*status, handover_).error().message.find("boot"), std::string::npos);
}

TEST_P(SealedLoaderTest, RefusesATamperedLoader) {
  kvm::Vcpu vcpu = Enter();
  Window(kImageAt + SealedLoaderImage().size() - 1, 1)[0] ^= 1;

  EXPECT_EQ(RunToStatus(vcpu), EncodeLoaderStatus({LoaderError::kDigestMismatch, 2}));
}

TEST_P(SealedLoaderTest, HaltsAfterAnError) {
  handover_.payloads[0].destination = kRamSize - 1;
  kvm::Vcpu vcpu = Enter();

  EXPECT_EQ(RunToStatus(vcpu), EncodeLoaderStatus({LoaderError::kBadDestination, 0}));

  const auto exit = vcpu.Run();
  ASSERT_TRUE(exit);
  EXPECT_TRUE(std::holds_alternative<kvm::HaltExit>(*exit));
}

TEST_P(SealedLoaderTest, ReportsAMissingTreeToTheDefaultPort) {
  handover_.status_port = 0x520;
  kvm::Vcpu vcpu = Enter();
  Window(kTreeAt, 1)[0] = 0;

  EXPECT_EQ(RunToPort(vcpu, kDefaultStatusPort),
            EncodeLoaderStatus({LoaderError::kTreeHeader, kNoPayload}));
}

TEST_P(SealedLoaderTest, UsesTheTreesStatusPort) {
  handover_.status_port = 0x520;
  kvm::Vcpu vcpu = Enter();

  EXPECT_EQ(RunToPort(vcpu, 0x520), kStatusDone);
}

}  // namespace
}  // namespace sealvm
