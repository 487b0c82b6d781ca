// SPDX-License-Identifier: Apache-2.0
//
// usage: scan_inside ISOLATION PROVIDER CPUS MEMORY_MIB KERNEL INITRD CMDLINE
//
// Embeds libsealvm and runs a guest that holds secrets (hold_secrets) in its own process, then
// looks for them in all that it can read or map itself, and prints a line for each door. Exit code
// 0: all doors were tried and the guest powered off with its secrets intact.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "memory/base/fd.h"
#include "tests/lab/secrecy/address_space.h"
#include "tests/lab/secrecy/descriptor_doors.h"
#include "tests/lab/secrecy/door.h"
#include "vmm/api/machine.h"

namespace sealvm::secrecy {
namespace {

// The guest's console: prints it, and remembers the lines that are waited for. Thread-safe.
class Console {
 public:
  void Take(std::span<const uint8_t> bytes) {
    fwrite(bytes.data(), 1, bytes.size(), stdout);
    const std::lock_guard lock(mutex_);
    text_.append(bytes.begin(), bytes.end());
    changed_.notify_all();
  }
  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  // False if the guest ended without this line.
  bool WaitFor(const std::string& line) {
    std::unique_lock lock(mutex_);
    const auto found = [&] { return text_.find("\n" + line + "\r\n") != std::string::npos; };
    changed_.wait(lock, [&] { return ended_ || found(); });
    return found();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  bool ended_ = false;
};

// Smaller ones are malloc's, which may turn them into heap at any time.
constexpr uint64_t kMinReservation = 128 * kMiB;

// Every mapping, a reservation without access too: whoever runs in here can give himself that.
void LoadAll(const Finder& finder) {
  Door door("load", finder);
  for (const Region& region : ReadRegions("self")) {
    auto* memory = reinterpret_cast<uint8_t*>(region.begin);
    const uint64_t size = region.end - region.begin;
    const bool opened =
        region.unreadable() && size >= kMinReservation && mprotect(memory, size, PROT_READ) == 0;
    door.Load(memory, size);
    if (opened) mprotect(memory, size, PROT_NONE);
  }
  door.Print();
}

void ReadMemoryFile(const Finder& finder) {
  const Fd memory(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  Door door("self-mem", finder);
  for (const Region& region : ReadRegions("self")) {
    door.Read(region.begin, region.end, [&](uint64_t address, std::span<uint8_t> bytes) {
      return pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    });
  }
  door.Print();
}

// `own` had this program before it had a guest.
void TryDescriptors(const Finder& finder, const std::set<int>& own) {
  DescriptorDoors doors(finder);
  for (const int number : ReadDescriptors("self")) {
    if (!own.contains(number)) doors.Try(number, "/proc/self/fd/" + std::to_string(number));
  }
  doors.Print();
}

bool Scan(Machine& machine, Console& console, const std::set<int>& own) {
  if (!console.WaitFor("@@SECRETS")) return false;
  const Finder finder;
  PrintExpected();
  TryDescriptors(finder, own);
  LoadAll(finder);
  ReadMemoryFile(finder);
  constexpr std::string_view kEnd = "end\n";
  machine.SendConsoleInput({reinterpret_cast<const uint8_t*>(kEnd.data()), kEnd.size()});
  return console.WaitFor("@@SECRETS-INTACT");
}

int Fail(const Error& error) {
  fprintf(stderr, "scan_inside: %s\n", error.ToString().c_str());
  return 1;
}

int Main(char** arguments) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  MachineConfig config;
  const Result<IsolationMode> isolation = ParseIsolationMode(arguments[0]);
  if (!isolation) return Fail(isolation.error());
  config.isolation = *isolation;
  const Result<MemoryProvider> provider = ParseMemoryProvider(arguments[1]);
  if (!provider) return Fail(provider.error());
  config.memory_provider = *provider;
  config.cpus = static_cast<uint32_t>(strtoul(arguments[2], nullptr, 10));
  config.memory_bytes = strtoul(arguments[3], nullptr, 10) * kMiB;
  config.kernel = arguments[4];
  config.initrd = arguments[5];
  config.cmdline = arguments[6];

  const std::vector<int> before = ReadDescriptors("self");
  const std::set<int> own(before.begin(), before.end());
  Console console;
  MachineCallbacks callbacks;
  callbacks.on_console_output = [&](std::span<const uint8_t> bytes) { console.Take(bytes); };
  Result<Machine> machine = Machine::Create(config, callbacks);
  if (!machine) return Fail(machine.error());
  if (Result<> started = machine->Start(); !started) return Fail(started.error());
  bool intact = false;
  std::thread scan([&] { intact = Scan(*machine, console, own); });
  const Result<ExitReport> report = machine->Run();
  console.End();
  scan.join();
  if (!report) return Fail(report.error());
  if (!intact) fprintf(stderr, "scan_inside: the guest ended without its secrets\n");
  return intact && report->reason == ExitReason::kPowerOff ? 0 : 1;
}

}  // namespace
}  // namespace sealvm::secrecy

int main(int argc, char** argv) {
  constexpr int kArguments = 7;
  if (argc != kArguments + 1) {
    fprintf(stderr,
            "usage: scan_inside ISOLATION PROVIDER CPUS MEMORY_MIB KERNEL INITRD CMDLINE\n");
    return 2;
  }
  return sealvm::secrecy::Main(argv + 1);
}
