// SPDX-License-Identifier: Apache-2.0
// The floor that sealvm's start-up is compared with: floor PAYLOAD. It makes only the system calls
// without which no Linux-capable VMM gets a guest to run (RAM, in-kernel interrupt controllers, one
// vCPU with the host's CPUID) and serves only what the benchmark's payload does. RAM comes before
// the interrupt controllers: on some hosts the other order costs milliseconds.

#include <elf.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr uint64_t kRamSize = 128 << 20;
constexpr uint32_t kMaxCpuidEntries = 128;
constexpr uint16_t kSerialPort = 0x3f8;
constexpr uint16_t kKeyboardPort = 0x64;
constexpr uint64_t kProtectionEnable = 1;
constexpr uint64_t kFixedRflags = 2;

long Check(long result, const char* call) {
  if (result < 0) {
    perror(call);
    exit(1);
  }
  return result;
}

// Copies the payload's first segment to its place; returns its entry point.
uint64_t LoadPayload(const char* path, uint8_t* ram) {
  uint8_t file[16384];
  const int fd = static_cast<int>(Check(open(path, O_RDONLY | O_CLOEXEC), path));
  const auto size = static_cast<uint64_t>(Check(read(fd, file, sizeof(file)), path));
  close(fd);
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  memcpy(&header, file, sizeof(header));
  memcpy(&segment, file + sizeof(header), sizeof(segment));
  if (size < sizeof(header) + sizeof(segment) || header.e_phoff != sizeof(header) ||
      segment.p_offset + segment.p_filesz > size || segment.p_paddr + segment.p_filesz > kRamSize) {
    fprintf(stderr, "%s: not the benchmark's payload\n", path);
    exit(1);
  }
  memcpy(ram + segment.p_paddr, file + segment.p_offset, segment.p_filesz);
  return header.e_entry;
}

void CopyHostCpuid(int kvm, int vcpu) {
  alignas(kvm_cpuid2) static uint8_t
      storage[sizeof(kvm_cpuid2) + kMaxCpuidEntries * sizeof(kvm_cpuid_entry2)];
  auto* cpuid = reinterpret_cast<kvm_cpuid2*>(storage);
  cpuid->nent = kMaxCpuidEntries;
  Check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
  Check(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
}

// Flat 32-bit protected mode, as PVH has it.
void SetEntryState(int vcpu, uint64_t entry) {
  kvm_sregs sregs;
  Check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
  kvm_segment segment = {};
  segment.limit = UINT32_MAX;
  segment.selector = 0x10;
  segment.type = 3;
  segment.present = segment.db = segment.s = segment.g = 1;
  sregs.ds = sregs.es = sregs.ss = segment;
  segment.selector = 0x8;
  segment.type = 11;
  sregs.cs = segment;
  sregs.cr0 |= kProtectionEnable;
  Check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
  kvm_regs regs = {};
  regs.rip = entry;
  regs.rflags = kFixedRflags;
  Check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

int Run(int vcpu, const kvm_run* run) {
  for (;;) {
    Check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT) {
      fprintf(stderr, "unexpected exit %u\n", run->exit_reason);
      return 1;
    }
    const auto* data = reinterpret_cast<const uint8_t*>(run) + run->io.data_offset;
    if (run->io.port == kKeyboardPort) {
      return 0;
    }
    if (run->io.port == kSerialPort) {
      Check(write(STDOUT_FILENO, data, 1), "write");
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: floor PAYLOAD\n");
    return 2;
  }
  const int kvm = static_cast<int>(Check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm"));
  if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
    return 1;
  }
  const int vm = static_cast<int>(Check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM"));
  void* ram = mmap(nullptr, kRamSize, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  Check(ram == MAP_FAILED ? -1 : 0, "mmap");
  const kvm_userspace_memory_region region = {
      .slot = 0,
      .flags = 0,
      .guest_phys_addr = 0,
      .memory_size = kRamSize,
      .userspace_addr = reinterpret_cast<uint64_t>(ram),
  };
  Check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  Check(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
  const int vcpu = static_cast<int>(Check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU"));
  const auto run_size =
      static_cast<size_t>(Check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"));
  void* run = mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  Check(run == MAP_FAILED ? -1 : 0, "mmap");
  CopyHostCpuid(kvm, vcpu);
  SetEntryState(vcpu, LoadPayload(argv[1], static_cast<uint8_t*>(ram)));
  return Run(vcpu, static_cast<const kvm_run*>(run));
}
