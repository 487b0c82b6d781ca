// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MACHINE_MACHINE_FIXTURE_H_
#define SEALVM_TESTS_MACHINE_MACHINE_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "vmm/api/machine.h"

namespace sealvm {

// What a machine said. Thread-safe.
class Recorder {
 public:
  // Callbacks that write here; the recorder outlives the machine.
  MachineCallbacks Callbacks();

  std::string console() const;
  std::vector<Event> events() const;
  std::vector<std::string> log() const;
  // False when the console has not shown `text` after a generous time.
  bool WaitForConsole(const std::string& text);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string console_;
  std::vector<Event> events_;
  std::vector<std::string> log_;
};

// Machines of 32 MiB with the diagnostic guest. Skips where /dev/kvm cannot be opened.
class MachineTest : public testing::Test {
 protected:
  void SetUp() override;

  // A machine whose guest gets `cmdline`.
  static MachineConfig Config(const std::string& cmdline);
  // Creates, starts and runs such a machine; fails the test when that is not possible.
  ExitReport RunToEnd(const MachineConfig& config);

  Recorder recorder_;
};

}  // namespace sealvm

#endif  // SEALVM_TESTS_MACHINE_MACHINE_FIXTURE_H_
