// SPDX-License-Identifier: Apache-2.0
//
// Shows whether a guest can live in memory that KVM itself cannot read: code, stack and page tables
// lie in a guest_memfd without a host mapping, so whatever KVM would have to fetch or walk is out
// of its reach. Speaks to /dev/kvm directly, for it judges the machine that sealvm is tested on.
//
// Prints a line for each step, and at the end what an MMIO access did: "mmio exit" where the CPU
// hands the instruction's bytes to KVM, "mmio shutdown" where it does not (KVM then injects a page
// fault, and this guest has no handler). Exit code 0: all steps before that are right. 1: the line
// "failed STEP: ..." says which is not. 2: the machine cannot run this at all.

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

extern "C" {
extern const char loader_begin[];
extern const char loader_handler[];
extern const char loader_end[];
extern const char image_begin[];
extern const char image_handler[];
extern const char image_end[];
}

namespace sealvm {
namespace {

constexpr uint64_t kPage = 4096;

// Ordinary memory: the loader, its tables, a page that the guest writes, an untouched one for its
// stack, and the image to copy.
constexpr uint64_t kOrdinarySize = 0x40000;
constexpr uint64_t kLoader = 0x1000;
constexpr uint64_t kLoaderTables = 0x2000;
constexpr uint64_t kOrdinaryPage = 0x8000;
constexpr uint64_t kOrdinaryStack = 0x9000;
constexpr uint64_t kStaging = 0x10000;

// Private memory: the image's pages, tables (four for paging, GDT, IDT), stack, untouched stack.
constexpr uint64_t kPrivateBase = 0x100000;
constexpr uint64_t kPrivateSize = 0x100000;
constexpr uint64_t kTablePages = 6;

constexpr uint64_t kMmio = 0xc0000000;
constexpr uint64_t kCodeSelector = 8;
constexpr uint64_t kVector = 0x20;

constexpr uint16_t kReportPort = 0x10;
constexpr uint16_t kInPort = 0x11;
constexpr uint32_t kInValue = 0x77;
constexpr uint32_t kOrdinaryValue = 0x600d;
constexpr uint32_t kCpuidLeaf = 0x40000200;
constexpr uint32_t kCpuidValue = 0x5ea1ed;
constexpr uint32_t kNoSuchHypercall = static_cast<uint32_t>(-1000);  // -KVM_ENOSYS

// A guest that KVM cannot emulate may fault at the same instruction for ever.
constexpr unsigned kSeconds = 30;

[[noreturn]] void Die(const char* what) {
  std::printf("cannot %s: %s\n", what, std::strerror(errno));
  std::exit(2);
}

int Check(int result, const char* what) {
  if (result < 0) Die(what);
  return result;
}

uint64_t ImageSize() { return static_cast<uint64_t>(image_end - image_begin); }
uint64_t PrivateTables() { return kPrivateBase + ImageSize(); }
uint64_t StackEnd() { return PrivateTables() + (kTablePages + 1) * kPage; }

// Fills kTablePages pages that will lie at `gpa`: identity mapping of 0 to 2 MiB and of the 2 MiB
// at kMmio, a GDT with one code segment, an IDT with one handler (AMD64 vol. 2 sections 5.3
// and 4.8).
void WriteTables(std::span<uint64_t> tables, uint64_t gpa, uint64_t handler) {
  constexpr uint64_t kPresentWritable = 3;
  constexpr uint64_t kLarge = 1 << 7;
  constexpr size_t kEntries = kPage / sizeof(uint64_t);
  tables[0] = (gpa + kPage) | kPresentWritable;
  tables[kEntries] = (gpa + 2 * kPage) | kPresentWritable;
  tables[kEntries + (kMmio >> 30)] = (gpa + 3 * kPage) | kPresentWritable;
  tables[2 * kEntries] = kPresentWritable | kLarge;
  tables[3 * kEntries] = kMmio | kPresentWritable | kLarge;
  tables[4 * kEntries + kCodeSelector / 8] = 0x00209b0000000000;  // 64-bit code, present
  tables[5 * kEntries + size_t{2} * kVector] =
      (handler & 0xffff) | kCodeSelector << 16 | uint64_t{0x8e} << 40 | (handler >> 16) << 48;
}

class Guest {
 public:
  Guest();
  void Run();  // until the next exit
  kvm_run& run() { return *run_; }
  uint32_t ordinary_value() const { return Ordinary<uint32_t>(kOrdinaryPage)[0]; }

 private:
  template <typename T>
  std::span<T> Ordinary(uint64_t gpa) const {
    return {reinterpret_cast<T*>(ordinary_ + gpa), (kOrdinarySize - gpa) / sizeof(T)};
  }
  void AddOrdinaryMemory();
  void AddPrivateMemory();
  void WriteImage();
  void SetCpuid(int kvm);
  void SetRegisters();

  int vm_ = -1;
  int vcpu_ = -1;
  std::byte* ordinary_ = nullptr;
  kvm_run* run_ = nullptr;
};

Guest::Guest() {
  const int kvm = Check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
  vm_ = Check(ioctl(kvm, KVM_CREATE_VM, 0), "create a VM");
  AddOrdinaryMemory();
  AddPrivateMemory();
  WriteImage();
  vcpu_ = Check(ioctl(vm_, KVM_CREATE_VCPU, 0), "create a vCPU");
  const int size = Check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "ask for kvm_run's size");
  void* run =
      mmap(nullptr, static_cast<size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_, 0);
  if (run == MAP_FAILED) Die("map kvm_run");
  run_ = static_cast<kvm_run*>(run);
  SetCpuid(kvm);
  SetRegisters();
}

void Guest::AddOrdinaryMemory() {
  void* memory =
      mmap(nullptr, kOrdinarySize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) Die("map ordinary memory");
  ordinary_ = static_cast<std::byte*>(memory);
  kvm_userspace_memory_region region{};
  region.memory_size = kOrdinarySize;
  region.userspace_addr = reinterpret_cast<uint64_t>(memory);
  Check(ioctl(vm_, KVM_SET_USER_MEMORY_REGION, &region), "add ordinary memory");
}

void Guest::AddPrivateMemory() {
  kvm_create_guest_memfd create{};
  create.size = kPrivateSize;
  create.flags = GUEST_MEMFD_FLAG_MMAP;
  const int memory = Check(ioctl(vm_, KVM_CREATE_GUEST_MEMFD, &create), "create a guest_memfd");
  void* view = mmap(nullptr, kPrivateSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (view == MAP_FAILED) Die("map the guest_memfd");
  kvm_userspace_memory_region2 region{};
  region.slot = 1;
  region.flags = KVM_MEM_GUEST_MEMFD;
  region.guest_phys_addr = kPrivateBase;
  region.memory_size = kPrivateSize;
  region.userspace_addr = reinterpret_cast<uint64_t>(view);
  region.guest_memfd = static_cast<uint32_t>(memory);
  Check(ioctl(vm_, KVM_SET_USER_MEMORY_REGION2, &region), "add private memory");

  // The kernel reads for write(2) as it reads for KVM: it must not get anything.
  std::array<int, 2> ends{};
  Check(pipe(ends.data()), "make a pipe");
  const bool refused = write(ends[1], view, 1) < 0 && errno == EFAULT;
  std::printf("%s\n", refused ? "host cannot read" : "host can read");
  if (!refused) std::exit(2);
}

void Guest::WriteImage() {
  std::memcpy(Ordinary<char>(kLoader).data(), loader_begin,
              static_cast<size_t>(loader_end - loader_begin));
  WriteTables(Ordinary<uint64_t>(kLoaderTables), kLoaderTables,
              kLoader + static_cast<uint64_t>(loader_handler - loader_begin));
  std::memcpy(Ordinary<char>(kStaging).data(), image_begin, ImageSize());
  WriteTables(Ordinary<uint64_t>(kStaging + ImageSize()), PrivateTables(),
              kPrivateBase + static_cast<uint64_t>(image_handler - image_begin));
}

// What KVM supports, and one leaf to recognize.
void Guest::SetCpuid(int kvm) {
  constexpr uint32_t kMaxEntries = 256;
  constexpr size_t kSize = sizeof(kvm_cpuid2) + kMaxEntries * sizeof(kvm_cpuid_entry2);
  alignas(kvm_cpuid2) static std::array<std::byte, kSize> buffer;
  auto* cpuid = reinterpret_cast<kvm_cpuid2*>(buffer.data());
  cpuid->nent = kMaxEntries - 1;
  Check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "ask for the supported CPUID");
  auto* entries = reinterpret_cast<kvm_cpuid_entry2*>(cpuid + 1);
  kvm_cpuid_entry2& entry = entries[cpuid->nent++];
  entry = {};
  entry.function = kCpuidLeaf;
  entry.eax = kCpuidValue;
  Check(ioctl(vcpu_, KVM_SET_CPUID2, cpuid), "set CPUID");
}

void Guest::SetRegisters() {
  kvm_sregs sregs{};
  Check(ioctl(vcpu_, KVM_GET_SREGS, &sregs), "read the system registers");
  sregs.cr0 = 0x80010033;  // PG, WP, NE, ET, MP, PE
  sregs.cr3 = kLoaderTables;
  sregs.cr4 = 0x20;    // PAE
  sregs.efer = 0x500;  // LMA, LME
  sregs.cs.l = 1;
  sregs.cs.db = 0;
  sregs.cs.base = 0;
  sregs.cs.selector = kCodeSelector;
  sregs.gdt = {kLoaderTables + 4 * kPage, kPage - 1, {}};
  sregs.idt = {kLoaderTables + 5 * kPage, kPage - 1, {}};
  Check(ioctl(vcpu_, KVM_SET_SREGS, &sregs), "set the system registers");
  kvm_regs regs{};
  regs.rip = kLoader;
  regs.rflags = 2;
  regs.rsi = kStaging;
  regs.rdi = kPrivateBase;
  regs.rcx = (ImageSize() + kTablePages * kPage) / sizeof(uint64_t);
  regs.rdx = kPrivateBase;
  regs.rsp = kOrdinaryStack + kPage;
  regs.r8 = PrivateTables();
  regs.r9 = kOrdinaryPage;
  regs.r10 = kMmio;
  regs.r11 = StackEnd();
  Check(ioctl(vcpu_, KVM_SET_REGS, &regs), "set the registers");
}

void Guest::Run() {
  if (ioctl(vcpu_, KVM_RUN, 0) < 0) {
    const int error = errno;
    std::printf("KVM_RUN: %s\n", std::strerror(error));
    run_->exit_reason = error == EINTR ? KVM_EXIT_INTR : KVM_EXIT_UNKNOWN;
  }
}

// What the guest should do next: report a value, or halt.
struct Step {
  const char* name;
  uint32_t exit_reason;
  uint32_t value;
};

std::vector<Step> Steps() {
  const auto tables = static_cast<uint32_t>(PrivateTables());
  return {
      {"interrupt", KVM_EXIT_IO, 1},
      {"alive", KVM_EXIT_IO, 1},
      {"cr3", KVM_EXIT_IO, tables},
      {"cr0-write-and-read", KVM_EXIT_IO, 1},
      {"cr3-while-cr0-is-intercepted", KVM_EXIT_IO, tables},
      {"cr0-back", KVM_EXIT_IO, 1},
      {"cr4-write-and-read", KVM_EXIT_IO, 1 << 18},
      {"xsetbv", KVM_EXIT_IO, 3},
      {"dr0-write-and-read", KVM_EXIT_IO, 0x12345678},
      {"cpuid", KVM_EXIT_IO, kCpuidValue},
      {"msr-write-and-read", KVM_EXIT_IO, 0x406},
      {"vmmcall", KVM_EXIT_IO, kNoSuchHypercall},
      {"wbinvd-and-invlpg", KVM_EXIT_IO, 2},
      {"in", KVM_EXIT_IO, kInValue},
      {"private-store", KVM_EXIT_IO, 0x55},
      {"ordinary-store", KVM_EXIT_IO, 3},
      {"private-interrupt", KVM_EXIT_IO, 1},
      {"another-page", KVM_EXIT_IO, 4},
      {"hlt", KVM_EXIT_HLT, 0},
      {"after-hlt", KVM_EXIT_IO, 5},
  };
}

uint32_t& IoData(kvm_run& run) {
  return *reinterpret_cast<uint32_t*>(reinterpret_cast<std::byte*>(&run) + run.io.data_offset);
}

bool IsIo(const kvm_run& run, uint8_t direction, uint16_t port) {
  return run.exit_reason == KVM_EXIT_IO && run.io.direction == direction && run.io.port == port &&
         run.io.size == sizeof(uint32_t) && run.io.count == 1;
}

std::string Describe(kvm_run& run) {
  std::array<char, 64> text{};
  if (IsIo(run, KVM_EXIT_IO_OUT, kReportPort)) {
    std::snprintf(text.data(), text.size(), "value 0x%x", IoData(run));
  } else {
    std::snprintf(text.data(), text.size(), "exit reason %u", run.exit_reason);
  }
  return text.data();
}

bool Fulfils(kvm_run& run, const Step& step) {
  if (step.exit_reason != KVM_EXIT_IO) return run.exit_reason == step.exit_reason;
  return IsIo(run, KVM_EXIT_IO_OUT, kReportPort) && IoData(run) == step.value;
}

bool Take(Guest& guest, const Step& step) {
  guest.Run();
  while (IsIo(guest.run(), KVM_EXIT_IO_IN, kInPort)) {
    IoData(guest.run()) = kInValue;
    guest.Run();
  }
  if (!Fulfils(guest.run(), step)) {
    std::printf("failed %s: %s, expected exit reason %u, value 0x%x\n", step.name,
                Describe(guest.run()).c_str(), step.exit_reason, step.value);
    return false;
  }
  std::printf("step %s\n", step.name);
  return true;
}

// The last access has no memory behind it.
const char* MmioOutcome(Guest& guest) {
  guest.Run();
  const kvm_run& run = guest.run();
  if (run.exit_reason == KVM_EXIT_SHUTDOWN) return "shutdown";
  const bool right = run.exit_reason == KVM_EXIT_MMIO && run.mmio.is_write != 0 &&
                     run.mmio.phys_addr == kMmio && run.mmio.len == 4 && run.mmio.data[0] == 0x77;
  return right ? "exit" : "unexpected";
}

void OnAlarm(int) {}

int Main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  // No SA_RESTART: KVM_RUN must return.
  struct sigaction action {};
  action.sa_handler = OnAlarm;
  sigaction(SIGALRM, &action, nullptr);
  Guest guest;
  alarm(kSeconds);
  for (const Step& step : Steps()) {
    if (!Take(guest, step)) return 1;
  }
  if (guest.ordinary_value() != kOrdinaryValue) {
    std::printf("failed ordinary-store: memory holds 0x%x\n", guest.ordinary_value());
    return 1;
  }
  std::printf("mmio %s\n", MmioOutcome(guest));
  return 0;
}

}  // namespace
}  // namespace sealvm

int main() { return sealvm::Main(); }
