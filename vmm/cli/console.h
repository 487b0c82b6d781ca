// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_CONSOLE_H_
#define SEALVM_VMM_CLI_CONSOLE_H_

#include <poll.h>
#include <stdint.h>

#include <memory>
#include <optional>
#include <span>

#include "memory/base/result.h"
#include "vmm/cli/run_options.h"

namespace sealvm {

// In characters.
struct ConsoleSize {
  uint16_t columns = 0;
  uint16_t rows = 0;
};

// The far end of the guest's console. Write is called on one of the machine's threads at a time,
// Abandon and Size on any; the rest belongs to the front-end's main thread.
class Console {
 public:
  virtual ~Console() = default;

  // The guest's output. An error means that the console is lost for good.
  virtual Result<> Write(std::span<const uint8_t> bytes) = 0;
  // From now on Write does not wait for a slow reader.
  virtual void Abandon() {}

  // What poll(2) is to watch now; an fd of -1 is nothing. `wants_input`: Read would be welcome.
  virtual pollfd Watch(bool wants_input) const = 0;
  // Called when what Watch named is ready. Returns the bytes read into `buffer`; 0 when there are
  // none, as when a peer came or went, or input ended.
  virtual size_t Read(std::span<uint8_t> buffer) = 0;

  // Whether a person types here, who may use the Ctrl-A keys.
  virtual bool is_interactive() const { return false; }
  // Shows a message of the VMM to that person.
  virtual void Show(std::string_view) {}

  // How large the terminal is on which a person sees the console; nothing where there is none.
  virtual std::optional<ConsoleSize> Size() const { return std::nullopt; }

  // Around a stop of the process by job control.
  virtual void Suspend() {}
  virtual void Resume() {}
  // Undoes what outlives the process: terminal modes, a socket's path. Idempotent; destructors do
  // it.
  virtual void CleanUp() {}
};

// Opens the console that `target` names.
Result<std::unique_ptr<Console>> OpenConsole(const ConsoleTarget& target);

Result<std::unique_ptr<Console>> OpenStdioConsole();
Result<std::unique_ptr<Console>> OpenPtyConsole();
Result<std::unique_ptr<Console>> OpenFileConsole(const std::string& path);
Result<std::unique_ptr<Console>> OpenSocketConsole(const std::string& path);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_CONSOLE_H_
