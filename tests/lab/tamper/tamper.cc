// SPDX-License-Identifier: Apache-2.0
// usage: tamper FILE COMMAND [ARGUMENT]...
//
// Runs a VMM that writes its events to descriptor 3. At the event "created", when the guest lies in
// the staging window with its digests, it stops the VMM, changes one byte of FILE's content there,
// and lets it go on. The exit code is the VMM's; 125 if there was nothing to change.
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

constexpr int kEventsFd = 3;
constexpr int kCannot = 125;
// The shared half of the guest's memory is one large mapping, and reading it would populate it; the
// window is made of smaller ones.
constexpr uint64_t kLargestMapping = 128u << 20;

using Needle = std::array<char, 64>;

// Bytes from the file's last part, which the loader comes to last.
std::optional<Needle> TakeNeedle(const char* path) {
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  struct stat status;
  Needle needle;
  if (!file.valid() || fstat(file.get(), &status) != 0) return std::nullopt;
  const off_t at = status.st_size / 10 * 9;
  if (pread(file.get(), needle.data(), needle.size(), at) != std::ssize(needle)) {
    return std::nullopt;
  }
  return needle;
}

// Changes the needle's first byte where [begin, end) of `memory` has it.
bool ChangeIn(int memory, uint64_t begin, uint64_t end, const Needle& needle) {
  std::vector<char> content(end - begin);
  if (pread(memory, content.data(), content.size(), static_cast<off_t>(begin)) !=
      std::ssize(content)) {
    return false;
  }
  const auto found = std::ranges::search(content, needle);
  if (found.empty()) return false;
  const uint64_t at = begin + static_cast<uint64_t>(found.begin() - content.begin());
  const char changed = static_cast<char>(needle[0] ^ 1);
  printf("changed a byte at %#" PRIx64 "\n", at);
  return pwrite(memory, &changed, 1, static_cast<off_t>(at)) == 1;
}

bool Change(pid_t vmm, const Needle& needle) {
  const std::string folder = "/proc/" + std::to_string(vmm);
  const Fd memory(open((folder + "/mem").c_str(), O_RDWR | O_CLOEXEC));
  FILE* maps = fopen((folder + "/maps").c_str(), "re");
  if (!memory.valid() || maps == nullptr) return false;
  bool changed = false;
  char line[512];
  while (!changed && fgets(line, sizeof(line), maps) != nullptr) {
    uint64_t begin = 0;
    uint64_t end = 0;
    const bool read = sscanf(line, "%" SCNx64 "-%" SCNx64, &begin, &end) == 2;
    if (!read || strstr(line, "memfd:") == nullptr || end - begin > kLargestMapping) continue;
    changed = ChangeIn(memory.get(), begin, end, needle);
  }
  fclose(maps);
  return changed;
}

// Reads events until this one has come.
bool WaitForEvent(int events, const char* event) {
  std::string text;
  char buffer[256];
  while (text.find(event) == text.npos) {
    const ssize_t count = read(events, buffer, sizeof(buffer));
    if (count <= 0) return false;
    text.append(buffer, static_cast<size_t>(count));
  }
  return true;
}

pid_t Start(char* const* command, int events) {
  const pid_t vmm = fork();
  if (vmm != 0) return vmm;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (dup2(events, kEventsFd) == kEventsFd) execvp(command[0], command);
  _exit(kCannot);
}

int Run(const char* path, char* const* command) {
  const std::optional<Needle> needle = TakeNeedle(path);
  int ends[2];
  if (!needle || pipe2(ends, O_CLOEXEC) != 0) return kCannot;
  const Fd events(ends[0]);
  Fd written(ends[1]);
  const pid_t vmm = Start(command, written.get());
  written.Reset();
  bool changed = false;
  int status = 0;
  if (vmm > 0 && WaitForEvent(events.get(), "\"created\"")) {
    kill(vmm, SIGSTOP);
    waitpid(vmm, &status, WUNTRACED);
    changed = Change(vmm, *needle);
    fflush(stdout);
    kill(vmm, changed ? SIGCONT : SIGKILL);
  }
  waitpid(vmm, &status, 0);
  if (!changed) fputs("tamper: the file's content was not found in the VMM\n", stderr);
  return changed && WIFEXITED(status) ? WEXITSTATUS(status) : kCannot;
}

}  // namespace
}  // namespace sealvm

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: tamper FILE COMMAND [ARGUMENT]...\n", stderr);
    return 2;
  }
  return sealvm::Run(argv[1], argv + 2);
}
