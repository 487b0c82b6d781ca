// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_BENCH_CONTENDER_H_
#define SEALVM_TESTS_BENCH_CONTENDER_H_

#include <stdint.h>

#include <string>
#include <vector>

namespace sealvm {

// Guest memory of every contender.
inline constexpr uint64_t kBenchGuestMemory = 128 << 20;

// A VMM that boots the benchmark's payload.
struct Contender {
  std::string name;
  std::vector<std::string> command;
  // Exit code of a good run. QEMU's exit device makes code 2n+1 of the byte n.
  int expected_exit = 0;
  // Empty when it can run here, else why not.
  std::string skip_reason;
};

// Files that the build made, relative to the working directory of Bazel's runs and tests.
struct BenchFiles {
  std::string sealvm = "./sealvm";  // execvp would look for one without a slash on the PATH
  std::string floor = "tests/bench/floor";
  std::string payload = "tests/bench/payload.elf";
};

// The floor first, then sealvm, then QEMU's microvm.
std::vector<Contender> MakeContenders(const BenchFiles& files);

}  // namespace sealvm

#endif  // SEALVM_TESTS_BENCH_CONTENDER_H_
