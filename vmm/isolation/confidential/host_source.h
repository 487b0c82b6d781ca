// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_SOURCE_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_SOURCE_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sealvm {

// Text files of the host's kernel, below a root that tests choose. Thread-safe.
class HostFiles {
 public:
  // Enough of /proc/cpuinfo for one processor; others of the files that are read are smaller.
  static constexpr size_t kDefaultLimit = 8192;

  explicit HostFiles(std::string root = {}) : root_(std::move(root)) {}

  // The first `limit` bytes of an absolute path; nothing when it cannot be read.
  std::optional<std::string> Read(std::string_view path, size_t limit = kDefaultLimit) const;
  bool Exists(std::string_view path) const;

 private:
  const std::string root_;
};

struct CpuidRegisters {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// What is known of a host besides what its KVM says.
struct HostSource {
  HostFiles files;
  // CPUID of subleaf 0; zeroes for a leaf that this CPU does not have.
  std::function<CpuidRegisters(uint32_t leaf)> cpuid;

  static HostSource Real();
};

// "6.12.95+deb13-amd64": /proc/sys/kernel/osrelease; empty when it cannot be read.
std::string KernelRelease(const HostFiles& files);

// The numbers at the start of a release: {6, 12}; nothing when there are none.
std::optional<std::pair<int, int>> KernelVersionOf(std::string_view release);

// Lines "CONFIG_X=y" of the running kernel: /boot/config-RELEASE or /proc/config.gz. Nothing when
// neither can be read.
std::optional<std::string> KernelConfig(const HostFiles& files);

// Whether such text says y (or m) of an option: "CONFIG_KVM_AMD_SEV".
bool HasKernelOption(std::string_view config, std::string_view option);

// Whether /proc/cpuinfo's text has the flag.
bool HasCpuFlag(std::string_view cpuinfo, std::string_view flag);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_SOURCE_H_
