// SPDX-License-Identifier: Apache-2.0
// What it costs to get a guest to its first instruction: sealvm beside a program that does only
// what is needed, and beside QEMU's microvm. docs: tests/bench/README.md.

#include <fmt/core.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/contender.h"
#include "tests/bench/counted_run.h"
#include "tests/bench/statistics.h"
#include "tests/bench/timed_run.h"

namespace sealvm {
namespace {

constexpr int kDefaultRounds = 20;
constexpr int kMaxRounds = 10000;

struct Results {
  std::vector<double> first;
  std::vector<double> whole;
  std::vector<double> cpu;
  CountedRun counts;
};

// A contender that fails once is out, with the reason.
void Drop(Contender& contender, const Error& error) { contender.skip_reason = error.ToString(); }

void Time(Contender& contender, Results& results) {
  const auto run = RunTimed(contender);
  if (!run) {
    Drop(contender, run.error());
    return;
  }
  results.first.push_back(run->first_instruction_ms);
  results.whole.push_back(run->whole_ms);
  results.cpu.push_back(run->cpu_ms);
}

// A B C, B C A, C A B, ...: no contender always runs behind the same one. The first round warms the
// page cache and does not count.
void RunRounds(std::vector<Contender>& contenders, std::vector<Results>& results, int rounds) {
  for (int round = 0; round <= rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      const size_t turn = (i + static_cast<size_t>(round)) % contenders.size();
      if (contenders[turn].skip_reason.empty()) {
        Time(contenders[turn], results[turn]);
      }
    }
    if (round == 0) {
      results.assign(contenders.size(), {});
    }
    fmt::print(stderr, "\rround {} of {}", round, rounds);
  }
  fmt::print(stderr, "\n");
}

void Count(std::vector<Contender>& contenders, std::vector<Results>& results) {
  for (size_t i = 0; i < contenders.size(); ++i) {
    if (!contenders[i].skip_reason.empty()) {
      continue;
    }
    const auto counts = RunCounted(contenders[i]);
    if (counts) {
      results[i].counts = *counts;
    } else {
      Drop(contenders[i], counts.error());
    }
  }
}

std::string WithRatio(const std::vector<double>& values, const std::vector<double>& floor) {
  return fmt::format("{:.2f} ({:.2f}x)", Median(values), MedianRatio(values, floor));
}

void Print(const std::vector<Contender>& contenders, const std::vector<Results>& results,
           int rounds) {
  const Results& floor = results.front();
  fmt::print(
      "Medians of {} interleaved rounds; in brackets the median of each round's ratio to the "
      "floor.\n\n",
      rounds);
  fmt::print("{:<14}{:>22}{:>20}{:>20}{:>12}{:>10}{:>10}{:>12}\n", "", "first instruction ms",
             "whole process ms", "CPU ms", "RSS KiB", "at start", "syscalls", "KVM ioctls");
  for (size_t i = 0; i < contenders.size(); ++i) {
    const Results& r = results[i];
    if (!contenders[i].skip_reason.empty()) {
      fmt::print("{:<14}SKIPPED: {}\n", contenders[i].name, contenders[i].skip_reason);
      continue;
    }
    fmt::print("{:<14}{:>22}{:>20}{:>20}{:>12}{:>10}{:>10}{:>12}\n", contenders[i].name,
               WithRatio(r.first, floor.first), WithRatio(r.whole, floor.whole),
               WithRatio(r.cpu, floor.cpu), r.counts.peak_rss / 1024, r.counts.syscalls_at_start,
               r.counts.syscalls, r.counts.kvm_ioctls);
  }
  fmt::print("\nRSS: peak without the guest's {} MiB. Counts and RSS are of one traced run.\n",
             kBenchGuestMemory >> 20);
}

std::optional<int> ParseRounds(int argc, char** argv) {
  if (argc == 1) {
    return kDefaultRounds;
  }
  if (argc != 3 || strcmp(argv[1], "--rounds") != 0) {
    return std::nullopt;
  }
  char* end = nullptr;
  const long rounds = strtol(argv[2], &end, 10);
  return *end == 0 && rounds >= 1 && rounds <= kMaxRounds ? std::optional(static_cast<int>(rounds))
                                                          : std::nullopt;
}

int Main(int argc, char** argv) {
  const auto rounds = ParseRounds(argc, argv);
  if (!rounds) {
    fmt::print(stderr, "usage: startup [--rounds N], N from 1 to {}\n", kMaxRounds);
    return 2;
  }
#ifndef __OPTIMIZE__
  fmt::print(stderr, "note: not an optimized build; use bazel run -c opt\n");
#endif
  std::vector<Contender> contenders = MakeContenders(BenchFiles());
  std::vector<Results> results(contenders.size());
  RunRounds(contenders, results, *rounds);
  Count(contenders, results);
  Print(contenders, results, *rounds);
  return 0;
}

}  // namespace
}  // namespace sealvm

int main(int argc, char** argv) { return sealvm::Main(argc, argv); }
