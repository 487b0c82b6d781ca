// SPDX-License-Identifier: Apache-2.0
// Runs a libFuzzer target without libFuzzer: on the files named, or on pseudo-random inputs that
// are the same in every run. So each fuzz target is an ordinary test too.
//
//   replay [--runs=N] [--seed=S] [--first=I] [--max-length=BYTES] [--corpus=DIR] [FILE...]
//
// The files of DIR come before the pseudo-random inputs; named files are all that is run.
// A failure names the run; `--first=I --runs=1` repeats it alone.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// The sanitizers' run time, where there is one.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

struct Options {
  uint64_t runs = 1000;
  uint64_t seed = 1;
  uint64_t first = 0;
  uint64_t max_length = 4096;
  std::string corpus;
  std::vector<std::string> files;
};

// What runs now, for the message of the one that dies.
char g_current[256];

void NameCurrent() {
  const ssize_t ignored = write(STDERR_FILENO, g_current, strlen(g_current));
  static_cast<void>(ignored);
}

void OnFatalSignal(int) { NameCurrent(); }

bool ParseNumber(std::string_view argument, std::string_view name, uint64_t* value) {
  if (!argument.starts_with(name)) return false;
  argument.remove_prefix(name.size());
  const auto result = std::from_chars(argument.data(), argument.data() + argument.size(), *value);
  return result.ec == std::errc() && result.ptr == argument.data() + argument.size();
}

bool ParseOptions(int argc, char** argv, Options* options) {
  constexpr std::string_view kCorpus = "--corpus=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with("--")) {
      options->files.push_back(argv[i]);
    } else if (argument.starts_with(kCorpus)) {
      options->corpus = argument.substr(kCorpus.size());
    } else if (!ParseNumber(argument, "--runs=", &options->runs) &&
               !ParseNumber(argument, "--seed=", &options->seed) &&
               !ParseNumber(argument, "--first=", &options->first) &&
               !ParseNumber(argument, "--max-length=", &options->max_length)) {
      fprintf(stderr, "%s: unknown option or no number\n", argv[i]);
      return false;
    }
  }
  return true;
}

void RunFile(const std::string& path) {
  snprintf(g_current, sizeof(g_current), "failed: %s\n", path.c_str());
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    fprintf(stderr, "%s: cannot be read\n", path.c_str());
    exit(1);
  }
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

// In the order of their names, so that every run is the same. A corpus without a file is none.
std::vector<std::string> ListCorpus(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.is_directory()) files.push_back(entry.path());
  }
  if (files.empty()) {
    fprintf(stderr, "%s: no corpus there\n", directory.c_str());
    exit(1);
  }
  std::ranges::sort(files);
  return files;
}

// Input `index`: each has its own generator, so that one can be repeated without those before it.
std::vector<uint8_t> MakeInput(const Options& options, uint64_t index) {
  std::mt19937_64 random(options.seed * 0x9e3779b97f4a7c15 + index);
  std::vector<uint8_t> input(random() % (options.max_length + 1));
  for (uint8_t& byte : input) byte = static_cast<uint8_t>(random() >> 56);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!ParseOptions(argc, argv, &options)) return 2;
  struct sigaction action = {};
  action.sa_handler = OnFatalSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGABRT, &action, nullptr);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(NameCurrent);

  for (const std::string& path : options.files) RunFile(path);
  if (!options.files.empty()) return 0;
  if (!options.corpus.empty()) {
    for (const std::string& path : ListCorpus(options.corpus)) RunFile(path);
  }
  for (uint64_t i = options.first; i < options.first + options.runs; ++i) {
    snprintf(g_current, sizeof(g_current), "failed: --first=%llu --seed=%llu\n",
             static_cast<unsigned long long>(i), static_cast<unsigned long long>(options.seed));
    const std::vector<uint8_t> input = MakeInput(options, i);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  printf("%llu inputs, none failed\n", static_cast<unsigned long long>(options.runs));
  return 0;
}
