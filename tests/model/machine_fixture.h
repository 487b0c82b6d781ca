// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_MACHINE_FIXTURE_H_
#define SEALVM_TESTS_MODEL_MACHINE_FIXTURE_H_

#include <gtest/gtest.h>
#include <stdint.h>

#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/model/kvm_double.h"
#include "tests/model/launch_fixture.h"
#include "vmm/api/config.h"
#include "vmm/machine/virtual_machine.h"

namespace sealvm::model {

using Bytes = std::vector<uint8_t>;

template <typename Digest>
Bytes ToBytes(const Digest& digest) {
  return {std::begin(digest), std::end(digest)};
}

// CPUID(1).EAX of FullHost.
inline constexpr uint32_t kSignature = 0xa00f11;

// Writes a file of the test's own; its path.
std::string WriteFile(const std::string& name, const Bytes& bytes);
std::string ReadText(const std::string& path);

// The guest writes a byte to a port; 0, what KVM_RUN returns.
int WritePort(kvm_run& run, uint16_t port, uint8_t value);

// Whole machines on a double of the host.
class MachineTest : public testing::Test {
 protected:
  static MachineConfig ConfigOf(IsolationMode mode, uint32_t cpus = 2);
  // A kernel for the firmware of ConfigOf, which has the area for its hashes and no code.
  static void AddKernel(MachineConfig& config);
  // A kernel for guest-fw, which compares it with its hashes.
  static void AddKernelFor(MachineConfig& config, std::string_view firmware);

  // What `sealvm measure` prints for the same options.
  static Bytes Measured(const MachineConfig& config);
  // What the model computed.
  Bytes Found() const;

  Result<> Create(const MachineConfig& config);
  // Runs the guest to its end.
  ExitReport RunMachine();
  // Another host for the next machine.
  void Renew(HostModel host);
  void Renew();

  std::shared_ptr<KvmDouble> kvm_;
  std::mutex log_mutex_;
  std::string log_;
  std::unique_ptr<VirtualMachine> machine_;

  MachineTest() { Renew(); }
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_MACHINE_FIXTURE_H_
