// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/host_facilities.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

constexpr const char* kTunDevice = "/dev/net/tun";
// Linux Documentation/admin-guide/sysctl/kernel.rst: 1 and 2 keep it from (most) processes.
constexpr const char* kIoUringSwitch = "/proc/sys/kernel/io_uring_disabled";
// Where distributions put programs that are started by other programs.
constexpr std::string_view kHelperFolders[] = {"/usr/libexec", "/usr/lib/qemu"};

FacilityReport Usable(HostFacility facility, std::string detail) {
  return {facility, true, std::move(detail), 0};
}

FacilityReport Broken(HostFacility facility, std::string what, int error) {
  return {facility, false, std::move(what) + ": " + strerrordesc_np(error), error};
}

// '0' where there is no such switch, as before Linux 6.6.
char IoUringSwitch() {
  const Fd file(open(kIoUringSwitch, O_RDONLY | O_CLOEXEC));
  char digit = '0';
  if (!file.valid() || read(file.get(), &digit, 1) != 1) return '0';
  return digit;
}

FacilityReport ExamineIoUring() {
  io_uring_params params = {};
  const Fd ring(static_cast<int>(syscall(SYS_io_uring_setup, 1, &params)));
  if (ring.valid()) return Usable(HostFacility::kIoUring, "works");
  const int error = errno;
  std::string what = "io_uring_setup";
  if (const char level = IoUringSwitch(); level != '0') {
    what += std::string(" (kernel.io_uring_disabled is ") + level + ")";
  }
  return Broken(HostFacility::kIoUring, std::move(what), error);
}

FacilityReport ExamineTun() {
  const Fd device(open(kTunDevice, O_RDWR | O_CLOEXEC));
  if (device.valid()) return Usable(HostFacility::kTun, kTunDevice);
  return Broken(HostFacility::kTun, kTunDevice, errno);
}

FacilityReport ExamineProgram(HostFacility facility, std::span<const std::string_view> more) {
  const char* path = getenv("PATH");
  const std::string name(HostFacilityName(facility));
  std::optional<std::string> found = internal::FindProgram(name, path == nullptr ? "" : path, more);
  if (found) return Usable(facility, *std::move(found));
  std::string where = "not found in PATH";
  for (const std::string_view folder : more) where.append(", ").append(folder);
  return {facility, false, std::move(where), ENOENT};
}

bool IsExecutableFile(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

std::string InFolder(std::string_view folder, std::string_view name) {
  std::string path(folder.empty() ? "." : folder);
  return path.append("/").append(name);
}

}  // namespace

std::vector<FacilityReport> ExamineFacilities() {
  return {ExamineIoUring(), ExamineTun(), ExamineProgram(HostFacility::kPasst, {}),
          ExamineProgram(HostFacility::kVirtiofsd, kHelperFolders)};
}

std::optional<std::string> internal::FindProgram(std::string_view name, std::string_view path,
                                                 std::span<const std::string_view> more) {
  while (!path.empty()) {
    const size_t colon = path.find(':');
    std::string candidate = InFolder(path.substr(0, colon), name);
    if (IsExecutableFile(candidate)) return candidate;
    path.remove_prefix(colon == path.npos ? path.size() : colon + 1);
  }
  for (const std::string_view folder : more) {
    std::string candidate = InFolder(folder, name);
    if (IsExecutableFile(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace sealvm
