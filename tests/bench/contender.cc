// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/contender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sstream>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

constexpr char kQemu[] = "qemu-system-x86_64";

std::string WhyNoKvm() {
  const Fd kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  return kvm.valid() ? "" : std::string("/dev/kvm: ") + strerror(errno);
}

bool IsOnPath(const std::string& program) {
  const char* path = getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

// Everything that can be left out of microvm is left out. arch-capabilities: QEMU aborts where KVM
// announces the MSR but refuses it.
std::vector<std::string> QemuCommand(const std::string& payload) {
  return {kQemu,
          "-M",
          "microvm,rtc=off,pit=off,pic=off,isa-serial=on,x-option-roms=off,acpi=off,"
          "auto-kernel-cmdline=off",
          "-enable-kvm",
          "-cpu",
          "host,arch-capabilities=off",
          "-m",
          "128",
          "-smp",
          "1",
          "-nodefaults",
          "-no-user-config",
          "-display",
          "none",
          "-serial",
          "stdio",
          "-no-reboot",
          "-device",
          "isa-debug-exit,iobase=0x64,iosize=1",
          "-kernel",
          payload};
}

}  // namespace

std::vector<Contender> MakeContenders(const BenchFiles& files) {
  const std::string no_kvm = WhyNoKvm();
  std::vector<Contender> contenders = {
      {.name = "floor",
       .command = {files.floor, files.payload},
       .expected_exit = 0,
       .skip_reason = no_kvm},
      {.name = "sealvm",
       .command = {files.sealvm, "run", "--isolation", "none", "--memory", "128M", "--kernel",
                   files.payload},
       .expected_exit = 0,
       .skip_reason = no_kvm},
      {.name = "QEMU microvm",
       .command = QemuCommand(files.payload),
       .expected_exit = (0xfe * 2 + 1) & 0xff,
       .skip_reason = no_kvm},
  };
  if (no_kvm.empty() && !IsOnPath(kQemu)) {
    contenders.back().skip_reason = std::string(kQemu) + " is not installed";
  }
  return contenders;
}

}  // namespace sealvm
