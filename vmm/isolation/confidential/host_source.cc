// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/host_source.h"

#include <cpuid.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <charconv>

#include "memory/base/fd.h"
#include "memory/base/file_io.h"

namespace sealvm {
namespace {

// Configurations have some 300 KiB.
constexpr size_t kConfigLimit = 4 << 20;

std::optional<std::string> Gunzip(std::string packed) {
  std::string text(kConfigLimit, '\0');
  z_stream stream = {};
  // 16 + 15: a gzip header, and any window (zlib.h, inflateInit2).
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int ended = inflate(&stream, Z_FINISH);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  if (ended != Z_STREAM_END) return std::nullopt;
  return text;
}

// The first line that begins with `start`, without it.
std::optional<std::string_view> LineAfter(std::string_view text, std::string_view start) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(start)) return line.substr(start.size());
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> HostFiles::Read(std::string_view path, size_t limit) const {
  const Fd file(open((root_ + std::string(path)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::string text(limit, '\0');
  const auto size = ReadUpTo(file.get(), std::span(reinterpret_cast<uint8_t*>(text.data()), limit));
  if (!size) return std::nullopt;
  text.resize(*size);
  return text;
}

bool HostFiles::Exists(std::string_view path) const {
  return access((root_ + std::string(path)).c_str(), F_OK) == 0;
}

HostSource HostSource::Real() {
  return {.files = HostFiles(), .cpuid = [](uint32_t leaf) {
            CpuidRegisters registers;
            // False, with nothing written, where the leaf is above the highest.
            __get_cpuid_count(leaf, 0, &registers.eax, &registers.ebx, &registers.ecx,
                              &registers.edx);
            return registers;
          }};
}

std::string KernelRelease(const HostFiles& files) {
  std::string release = files.Read("/proc/sys/kernel/osrelease").value_or("");
  release.resize(std::min(release.find('\n'), release.size()));
  return release;
}

std::optional<std::pair<int, int>> KernelVersionOf(std::string_view release) {
  std::pair<int, int> version;
  const char* const end = release.data() + release.size();
  const auto major = std::from_chars(release.data(), end, version.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.second);
  if (minor.ec != std::errc()) return std::nullopt;
  return version;
}

std::optional<std::string> KernelConfig(const HostFiles& files) {
  if (auto text = files.Read("/boot/config-" + KernelRelease(files), kConfigLimit)) return text;
  auto packed = files.Read("/proc/config.gz", kConfigLimit);
  return packed ? Gunzip(*std::move(packed)) : std::nullopt;
}

bool HasKernelOption(std::string_view config, std::string_view option) {
  const auto value = LineAfter(config, std::string(option) + "=");
  return value == "y" || value == "m";
}

bool HasCpuFlag(std::string_view cpuinfo, std::string_view flag) {
  const auto flags = LineAfter(cpuinfo, "flags");
  if (!flags) return false;
  const std::string words = " " + std::string(*flags) + " ";
  return words.find(" " + std::string(flag) + " ") != words.npos;
}

}  // namespace sealvm
