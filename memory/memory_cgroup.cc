// SPDX-License-Identifier: Apache-2.0
#include "memory/memory_cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

// These files are shorter; more than that is not what is looked for.
constexpr size_t kMaxFileBytes = 4096;

std::optional<std::string> ReadSmallFile(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::string text(kMaxFileBytes, '\0');
  const ssize_t count = read(file.get(), text.data(), text.size());
  if (count < 0) return std::nullopt;
  text.resize(static_cast<size_t>(count));
  return text;
}

// The path of cgroup v2 in /proc/self/cgroup: the line "0::PATH" (cgroups(7)).
std::optional<std::string> OwnPath(std::string_view lines) {
  constexpr std::string_view kPrefix = "0::";
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    if (line.starts_with(kPrefix)) return std::string(line.substr(kPrefix.size()));
    lines = end == lines.npos ? std::string_view() : lines.substr(end + 1);
  }
  return std::nullopt;
}

// "max" and anything that is no number are no limit.
std::optional<uint64_t> ReadLimit(const std::string& folder) {
  const std::optional<std::string> text = ReadSmallFile(folder + "/memory.max");
  uint64_t bytes = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), bytes).ec != std::errc())
    return std::nullopt;
  return bytes;
}

}  // namespace

std::optional<MemoryCgroup> FindMemoryCgroup(const std::string& cgroup_file,
                                             const std::string& hierarchy) {
  const std::optional<std::string> lines = ReadSmallFile(cgroup_file);
  const std::optional<std::string> path = lines ? OwnPath(*lines) : std::nullopt;
  if (!path || access((hierarchy + "/cgroup.controllers").c_str(), F_OK) != 0) return std::nullopt;
  MemoryCgroup cgroup{.path = *path, .limit = std::nullopt, .limiting_path = {}};
  for (std::string level = *path; level.size() > 1; level.resize(level.rfind('/'))) {
    const std::optional<uint64_t> limit = ReadLimit(hierarchy + level);
    if (limit && (!cgroup.limit || *limit < *cgroup.limit)) {
      cgroup.limit = limit;
      cgroup.limiting_path = level;
    }
    if (level.rfind('/') == level.npos) break;
  }
  return cgroup;
}

Result<> CheckMemoryCgroup(uint64_t bytes, const std::optional<MemoryCgroup>& cgroup) {
  if (!cgroup || !cgroup->limit || bytes <= *cgroup->limit) return {};
  return HostError(fmt::format("--memory: private memory cannot be swapped, and {} bytes are more "
                               "than the {} that the memory cgroup {} may use",
                               bytes, *cgroup->limit, cgroup->limiting_path),
                   "give the guest less, or raise the cgroup's memory.max");
}

}  // namespace sealvm
