// SPDX-License-Identifier: Apache-2.0
//
// usage: scan_outside VMM [ARGUMENT]...
//
// Runs a VMM whose guest holds secrets (hold_secrets), looks for them through every door that root
// has to another process, and prints a line for each door. The last one is a core dump, so the VMM
// does not survive it. Exit code 0: all doors were tried, whatever was found.

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <string_view>

#include "memory/base/fd.h"
#include "tests/lab/secrecy/address_space.h"
#include "tests/lab/secrecy/descriptor_doors.h"
#include "tests/lab/secrecy/door.h"

namespace sealvm::secrecy {
namespace {

constexpr const char* kCore = "/tmp/secrecy.core";
// ptrace takes a system call for each word, so of a region only so many pages are looked at.
constexpr uint64_t kPeeks = 4096;

[[noreturn]] void Die(const std::string& what) {
  fprintf(stderr, "scan_outside: %s: %s\n", what.c_str(), strerror(errno));
  exit(1);
}

void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) Die("write " + path);
}

// A VMM with its console on pipes.
class Vmm {
 public:
  explicit Vmm(char** command);
  // Passes the console on until a line begins with `line`; false if it ended before.
  bool WaitFor(std::string_view line);
  void Type(std::string_view text);
  pid_t pid() const { return pid_; }
  std::string proc() const { return "/proc/" + std::to_string(pid_); }

 private:
  pid_t pid_ = -1;
  Fd input_;
  FILE* output_ = nullptr;
};

Vmm::Vmm(char** command) {
  std::array<int, 2> in;
  std::array<int, 2> out;
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) Die("pipe2");
  pid_ = fork();
  if (pid_ < 0) Die("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execvp(command[0], command);
    Die(std::string("start ") + command[0]);
  }
  close(in[0]);
  close(out[1]);
  input_.Reset(in[1]);
  output_ = fdopen(out[0], "r");
}

bool Vmm::WaitFor(std::string_view line) {
  std::array<char, 4096> text;
  while (fgets(text.data(), text.size(), output_) != nullptr) {
    fputs(text.data(), stdout);
    if (std::string_view(text.data()).starts_with(line)) return true;
  }
  errno = 0;
  return false;
}

void Vmm::Type(std::string_view text) {
  if (write(input_.get(), text.data(), text.size()) < 0) Die("type into the console");
}

void ReadMemoryFile(const Vmm& vmm, const Finder& finder) {
  const Fd memory(open((vmm.proc() + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory.valid()) Die("open the VMM's /proc/PID/mem");
  Door door("proc-mem", finder);
  for (const Region& region : ReadRegions(std::to_string(vmm.pid()))) {
    door.Read(region.begin, region.end, [&](uint64_t address, std::span<uint8_t> bytes) {
      return pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    });
  }
  door.Print();
}

void ReadProcess(const Vmm& vmm, const Finder& finder) {
  Door door("vm-readv", finder);
  for (const Region& region : ReadRegions(std::to_string(vmm.pid()))) {
    door.Read(region.begin, region.end, [&](uint64_t address, std::span<uint8_t> bytes) {
      const iovec to = {bytes.data(), bytes.size()};
      const iovec from = {reinterpret_cast<void*>(address), bytes.size()};
      return process_vm_readv(vmm.pid(), &to, 1, &from, 1, 0);
    });
  }
  door.Print();
}

void TakeDescriptors(const Vmm& vmm, const Finder& finder) {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, vmm.pid(), 0)));
  if (!process.valid()) Die("pidfd_open");
  DescriptorDoors doors(finder);
  for (const int number : ReadDescriptors(std::to_string(vmm.pid()))) {
    const Fd taken(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0)));
    if (!taken.valid()) Die("pidfd_getfd");
    doors.Try(taken.get(), vmm.proc() + "/fd/" + std::to_string(number));
  }
  doors.Print();
}

// Words that stand spread over every region, unreadable ones included: ptrace ignores protections.
void Peek(const Vmm& vmm, const Finder& finder) {
  if (ptrace(PTRACE_ATTACH, vmm.pid(), nullptr, nullptr) != 0) Die("ptrace attach");
  if (waitpid(vmm.pid(), nullptr, __WALL) < 0) Die("wait for ptrace");
  Door door("ptrace", finder);
  for (const Region& region : ReadRegions(std::to_string(vmm.pid()))) {
    const uint64_t pages = (region.end - region.begin) / kScanPage;
    const uint64_t step = std::max<uint64_t>(1, pages / kPeeks) * kScanPage;
    for (uint64_t at = region.begin; at < region.end; at += step) {
      errno = 0;
      const long word = ptrace(PTRACE_PEEKDATA, vmm.pid(), at, nullptr);
      const auto* bytes = reinterpret_cast<const uint8_t*>(&word);
      door.CountPart({bytes, errno == 0 ? sizeof(word) : 0});
    }
  }
  door.Print();
  if (ptrace(PTRACE_DETACH, vmm.pid(), nullptr, nullptr) != 0) Die("ptrace detach");
}

// All that a core dump can hold, whatever the process said of it before.
void AskForCores() {
  constexpr rlimit kUnlimited = {RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_CORE, &kUnlimited) != 0) Die("raise RLIMIT_CORE");
  WriteFile("/proc/sys/kernel/core_pattern", kCore);
  WriteFile("/proc/sys/fs/suid_dumpable", "2");
}

void DumpCore(const Vmm& vmm, const Finder& finder) {
  constexpr rlimit kUnlimited = {RLIM_INFINITY, RLIM_INFINITY};
  if (prlimit(vmm.pid(), RLIMIT_CORE, &kUnlimited, nullptr) != 0)
    Die("raise the VMM's RLIMIT_CORE");
  WriteFile(vmm.proc() + "/coredump_filter", "0x1ff");
  if (kill(vmm.pid(), SIGABRT) != 0) Die("abort the VMM");
  int status = 0;
  if (waitpid(vmm.pid(), &status, 0) < 0) Die("wait for the VMM");
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) Die("the VMM did not die of SIGABRT");
  const Fd core(open(kCore, O_RDONLY | O_CLOEXEC));
  if (!core.valid()) {
    printf("no core: the VMM left none\n");
    return;
  }
  Door door("core", finder);
  const auto size = static_cast<uint64_t>(lseek(core.get(), 0, SEEK_END));
  door.Read(0, size, [&](uint64_t address, std::span<uint8_t> bytes) {
    return pread(core.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
  });
  unlink(kCore);
  door.Print();
}

int Main(char** command) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const Finder finder;
  unlink(kCore);
  AskForCores();
  Vmm vmm(command);
  if (!vmm.WaitFor("@@SECRETS")) Die("the guest ended before it had secrets");
  PrintExpected();
  TakeDescriptors(vmm, finder);
  ReadMemoryFile(vmm, finder);
  ReadProcess(vmm, finder);
  Peek(vmm, finder);
  vmm.Type("check\n");
  if (!vmm.WaitFor("@@SECRETS-INTACT")) Die("the guest ended without its secrets");
  DumpCore(vmm, finder);
  return 0;
}

}  // namespace
}  // namespace sealvm::secrecy

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: scan_outside VMM [ARGUMENT]...\n");
    return 2;
  }
  return sealvm::secrecy::Main(argv + 1);
}
