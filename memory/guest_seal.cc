// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "memory/guest_layout.h"
#include "memory/host_access_probe.h"

namespace sealvm {
namespace {

// Linux include/uapi/linux/fcntl.h, 6.3; the headers of Debian 12 do not have it.
constexpr int kSealExec = 0x20;

// The flag is the recommended door: it leaves no moment in which the file is open and unsealed.
// Then the first bit that mainline does not use, and last the series' own, which mainline uses
// otherwise.
constexpr std::array<GuestSeal, 3> kCandidates = {{{.creation_flag = 0x20, .seal = 0},
                                                   {.creation_flag = 0, .seal = 0x40},
                                                   {.creation_flag = 0, .seal = 0x20}}};

constexpr uint64_t kProbeSize = 2 * kPageSize;

// As /proc/PID/fd shows it; ordinary guest memory is called otherwise.
constexpr const char* kName = "sealvm-sealed";

Result<Fd> CreateMemfd(const GuestSeal& seal) {
  const unsigned door = seal.creation_flag != 0 ? seal.creation_flag : MFD_ALLOW_SEALING;
  Fd fd(memfd_create(kName, MFD_CLOEXEC | door));
  if (!fd.valid()) return SystemError("memfd_create", "", errno);
  return fd;
}

// Adds the seal and demands that it, and nothing else, is there afterwards.
Result<> AddSeal(int fd, const GuestSeal& seal) {
  if (seal.seal == 0) return {};
  const int before = fcntl(fd, F_GET_SEALS);
  if (before < 0) return SystemError("fcntl(F_GET_SEALS)", "", errno);
  if (before & seal.seal) return Refused("the seal was set already and means something else");
  if (fcntl(fd, F_ADD_SEALS, seal.seal) != 0) {
    return SystemError("fcntl(F_ADD_SEALS)", "", errno);
  }
  const int after = fcntl(fd, F_GET_SEALS);
  if (after != (seal.seal | (before & kSealExec))) {
    return Refused(
        fmt::format("the kernel set the seals {:#x}: the number means something else", after));
  }
  return {};
}

Result<> Populate(int fd, uint64_t size) {
  if (ftruncate(fd, static_cast<off_t>(size)) != 0)
    return SystemError("ftruncate", "sealed memfd", errno);
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0) {
    return SystemError("fallocate", "sealed memfd", errno);
  }
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, static_cast<off_t>(kPageSize)) !=
      0) {
    return SystemError("fallocate(PUNCH_HOLE)", "sealed memfd", errno);
  }
  return {};
}

// Whether this candidate is the seal.
Result<> TryCandidate(const GuestSeal& seal) {
  const Fd fd = SEALVM_TRY(CreateMemfd(seal));
  SEALVM_TRY(AddSeal(fd.get(), seal));
  SEALVM_TRY(Populate(fd.get(), kProbeSize));
  const HostAccess access = SEALVM_TRY(ProbeHostAccess(fd.get(), kProbeSize));
  if (access.any()) return Refused("the memory can still be reached (" + access.answers + ")");
  return {};
}

}  // namespace

std::string GuestSeal::ToString() const {
  return creation_flag != 0 ? fmt::format("memfd_create flag {:#x}", creation_flag)
                            : fmt::format("seal {:#x}", seal);
}

Result<GuestSeal> FindGuestSeal() {
  std::string reasons;
  for (const GuestSeal& candidate : kCandidates) {
    const Result<> result = TryCandidate(candidate);
    if (result) return candidate;
    if (!reasons.empty()) reasons += "; ";
    reasons += candidate.ToString() + ": " + result.error().message;
  }
  return Refused("this kernel has no guest seal (" + reasons + ")");
}

Result<Fd> CreateGuestSealedMemfd(const GuestSeal& seal, uint64_t size) {
  Fd fd = SEALVM_TRY(CreateMemfd(seal));
  SEALVM_TRY(AddSeal(fd.get(), seal));
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return SystemError("ftruncate", fmt::format("sealed memfd, {} bytes", size), errno);
  }
  return fd;
}

}  // namespace sealvm
