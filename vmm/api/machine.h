// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_API_MACHINE_H_
#define SEALVM_VMM_API_MACHINE_H_

#include <stddef.h>
#include <stdint.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "devices/bus_device.h"
#include "memory/base/log_level.h"
#include "memory/base/result.h"
#include "vmm/api/config.h"

namespace sealvm {

// Why a machine stopped.
enum class ExitReason {
  kPowerOff,     // the guest powered off
  kReset,        // the guest asked for a reset; the machine does not reboot
  kPanic,        // the guest's kernel reported a panic, or a confidential guest gave itself up
  kTripleFault,  // the guest shut its CPU down
  kGuestExit,    // the guest wrote to the exit device; ExitReport::guest_code holds the value
  kStopped,      // Stop() was called
  kError,        // the VMM or the host failed
};

// "power-off", "triple-fault", ...
std::string_view ExitReasonName(ExitReason reason);

struct ExitReport {
  ExitReason reason = ExitReason::kStopped;
  uint32_t guest_code = 0;
  // How it failed; of a guest that gave itself up, what it said.
  std::optional<Error> error = std::nullopt;
};

enum class EventKind {
  kCreated,
  kStarted,
  kFirstInstruction,
  kBootMark,
  kBooted,
  kPanicked,
  kDeviceFailed,
  kExit
};

// "created", "first-instruction", ...
std::string_view EventKindName(EventKind kind);

// A step in a machine's life. `since_create` counts from the beginning of Machine::Create.
struct Event {
  EventKind kind = EventKind::kCreated;
  std::chrono::nanoseconds since_create{0};
  // kBootMark: the byte written. kExit: what Run returns.
  uint32_t value = 0;
  std::optional<ExitReason> exit_reason = std::nullopt;
  // kDeviceFailed: the id of a device that does nothing more until its driver resets it.
  std::string device = {};
};

// What the embedder wants to hear. Each may be empty. Called on the machine's threads, each
// callback but on_log never concurrently with itself; must not call back into the machine except
// Stop().
struct MachineCallbacks {
  std::function<void(const Event&)> on_event;
  // Bytes that the guest wrote to its console, serial port and virtio; a line of the serial port
  // comes as one call.
  std::function<void(std::span<const uint8_t>)> on_console_output;
  // What the machine's parts have to say, from `log_level` up; unlike the others it may be called
  // from several threads at once.
  std::function<void(LogLevel, std::string_view)> on_log;
  LogLevel log_level = LogLevel::kWarning;
  // The console can take input again after SendConsoleInput took less than it was given.
  std::function<void()> on_console_input_space;
};

// Memory of a machine that has private memory. Bytes; allocated is what the host's kernel counts as
// populated, the peaks are the most that was seen of it.
struct PrivateMemoryStats {
  uint64_t private_allocated_bytes = 0;
  uint64_t private_peak_bytes = 0;
  uint64_t shared_allocated_bytes = 0;
  uint64_t shared_peak_bytes = 0;
  uint64_t device_bytes = 0;  // what devices may reach
  uint64_t refused_device_accesses = 0;
  uint64_t conversions_to_shared = 0;  // asked for by the guest and made
  uint64_t conversions_to_private = 0;
  uint64_t conversions_refused = 0;
};

// What a virtio device did. Bytes as the guest sees them: what it got, and what it gave.
struct DeviceStats {
  std::string id;
  std::string type;  // "block", "net", ...
  uint64_t requests = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  uint64_t errors = 0;
  uint64_t kicks = 0;
  uint64_t interrupts = 0;
  uint64_t refused_ranges = 0;  // descriptors of memory that the guest does not share, or none
  uint64_t throttled = 0;       // times that a rate limit held a request back
};

// Counters since creation.
struct MachineStats {
  uint64_t memory_bytes = 0;
  uint64_t memory_private_bytes = 0;  // RAM by what the guest uses it for, populated or not
  uint64_t memory_shared_bytes = 0;
  uint64_t memory_allocated_bytes = 0;
  std::string memory_provider;
  std::optional<PrivateMemoryStats> private_memory;
  std::string isolation;
  uint32_t cpus = 0;
  uint64_t exits_total = 0;
  // Exits to user space by KVM's reason, "io", "mmio", "hlt" ...
  std::map<std::string, uint64_t> exits_by_reason;
  // I/O accesses by device name; accesses that no device claimed under "unclaimed".
  std::map<std::string, uint64_t> accesses_by_device;
  std::vector<DeviceStats> devices;  // on the PCI bus, in its order
  std::optional<std::chrono::nanoseconds> time_to_first_instruction;
};

// A virtual machine. Several may live in one process; no global state, no signal handlers, no
// exit().
//
// Life: Create, Attach*, Start, Run, destruction. Create and Start do the work that can fail. The
// thread that calls Run becomes the boot vCPU until the guest stops; the other vCPUs have threads
// of their own from Start on. Stop, SendConsoleInput, ResizeConsole, PressPowerButton and GetStats
// may be called from any thread between Start and destruction; the rest belongs to one thread.
//
// Run keeps SIGRTMIN blocked in its thread and uses it there; other signals that the thread takes
// interrupt the guest for their handlers, and the guest goes on.
class Machine {
 public:
  static Result<Machine> Create(const MachineConfig& config, MachineCallbacks callbacks = {});

  Machine(Machine&&) noexcept;
  Machine& operator=(Machine&&) noexcept;
  // Stops the machine if it runs and joins its threads.
  ~Machine();

  // Adds a device before Start. Windows must not overlap what the machine itself has.
  Result<> AttachPio(uint16_t base, uint16_t length, std::shared_ptr<BusDevice> device);
  Result<> AttachMmio(Gpa base, uint64_t length, std::shared_ptr<BusDevice> device);

  // Starts the threads of all vCPUs but the boot vCPU.
  Result<> Start();
  // Runs the guest until it stops or Stop() is called; all vCPU threads are joined when it returns.
  Result<ExitReport> Run();
  void Stop();

  // Gives bytes to the guest's console, the virtio one if there is one; returns how many were
  // taken.
  size_t SendConsoleInput(std::span<const uint8_t> bytes);
  // Tells a virtio console's driver the size of the terminal, in characters.
  void ResizeConsole(uint16_t columns, uint16_t rows);
  // Presses the ACPI power button.
  void PressPowerButton();

  MachineStats GetStats() const;
  // The kernel command line with the machine's additions.
  const std::string& effective_cmdline() const;
  // The mode chosen for kAuto, or the one asked for.
  IsolationMode isolation() const;
  // After kAuto: why no stronger mode was taken; empty if there is none.
  const std::string& why_not_stronger() const;

 private:
  class Impl;
  explicit Machine(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_API_MACHINE_H_
