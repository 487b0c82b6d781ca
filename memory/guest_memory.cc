// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_memory.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace sealvm {

Result<GuestMemory> GuestMemory::Create(const GuestLayout& layout,
                                        std::shared_ptr<PrivateMemory> backing) {
  if (backing->size() != layout.ram_size()) {
    return HostError(fmt::format("guest memory object has {} bytes, the layout needs {}",
                                 backing->size(), layout.ram_size()));
  }
  if (!backing->can_host_access()) {
    return HostError(fmt::format("{} memory is out of the VMM's reach", backing->ProviderName()));
  }
  // No swap reservation: an overcommitted host decides when pages are touched, as for any guest.
  Mapping mapping =
      SEALVM_TRY(Mapping::Create(layout.ram_size(), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_NORESERVE, backing->fd(), 0, "guest memory"));
  return GuestMemory(layout, std::move(backing), std::move(mapping));
}

GuestMemory::GuestMemory(const GuestLayout& layout, std::shared_ptr<PrivateMemory> backing,
                         Mapping mapping)
    : layout_(layout), backing_(std::move(backing)), mapping_(std::move(mapping)) {}

bool GuestMemory::Contains(Gpa gpa, uint64_t length) const {
  return Translate(gpa, length).has_value();
}

Result<uint8_t*> GuestMemory::Translate(Gpa gpa, uint64_t length) const {
  const std::optional<BackingRange> bytes = layout_.BackingOf(gpa, length);
  if (bytes) return mapping_.data() + bytes->offset;
  return InvalidInput(fmt::format("guest physical range {:#x}+{:#x} is not RAM", gpa, length));
}

Result<> GuestMemory::Read(Gpa gpa, std::span<uint8_t> out) const {
  const uint8_t* source = SEALVM_TRY(Translate(gpa, out.size()));
  if (!out.empty()) memcpy(out.data(), source, out.size());
  return {};
}

Result<> GuestMemory::Write(Gpa gpa, std::span<const uint8_t> bytes) {
  uint8_t* target = SEALVM_TRY(Translate(gpa, bytes.size()));
  if (!bytes.empty()) memcpy(target, bytes.data(), bytes.size());
  return {};
}

Result<> GuestMemory::Fill(Gpa gpa, uint64_t length, uint8_t value) {
  uint8_t* target = SEALVM_TRY(Translate(gpa, length));
  memset(target, value, length);
  return {};
}

Result<> GuestMemory::ReadFromFile(Gpa gpa, uint64_t length, int fd, uint64_t file_offset,
                                   std::string_view name) {
  uint8_t* target = SEALVM_TRY(Translate(gpa, length));
  // read(2) transfers at most 0x7ffff000 bytes per call; a chunk below that keeps the loop simple.
  constexpr uint64_t kMaxChunk = 1 * kGiB;
  uint64_t done = 0;
  while (done < length) {
    const ssize_t count = pread(fd, target + done, std::min(length - done, kMaxChunk),
                                static_cast<off_t>(file_offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("pread", name, errno);
    if (count == 0) {
      return InvalidInput(fmt::format("{}: ends at byte {}, {} more were expected", name,
                                      file_offset + done, length - done));
    }
    done += static_cast<uint64_t>(count);
  }
  return {};
}

uint64_t GuestMemory::HostAddressForMemslot(const RamRange& range) const {
  return reinterpret_cast<uint64_t>(mapping_.data()) + range.backing_offset;
}

}  // namespace sealvm
