// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/secrecy/descriptor_doors.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "memory/base/fd.h"

namespace sealvm::secrecy {
namespace {

// Devices do not tell what they can map; KVM's vCPUs have three pages.
constexpr uint64_t kDeviceSize = 16 * kScanPage;
constexpr size_t kMaxPrintedRanges = 40;

Door::ReadAt ReadCalls(int fd) {
  return [fd](uint64_t address, std::span<uint8_t> bytes) {
    return pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(address));
  };
}

void PrintObject(const std::string& link, uint64_t size, const std::vector<uint64_t>& not_zero) {
  std::error_code ignored;
  const std::string target = std::filesystem::read_symlink(link, ignored).string();
  printf("object %s pages=%ju nonzero=%zu", target.c_str(), uintmax_t{size / kScanPage},
         not_zero.size());
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const uint64_t page : not_zero) {
    if (ranges.empty() || ranges.back().second != page) ranges.emplace_back(page, page);
    ranges.back().second = page + kScanPage;
  }
  if (ranges.size() <= kMaxPrintedRanges) {
    for (const auto& [begin, end] : ranges) {
      printf(" %#jx-%#jx", uintmax_t{begin}, uintmax_t{end});
    }
  }
  printf("\n");
}

}  // namespace

void DescriptorDoors::Try(int fd, const std::string& link) {
  struct stat status;
  if (fstat(fd, &status) != 0) return;
  if (!S_ISREG(status.st_mode)) {  // reading a pipe or an eventfd would take what is in it
    Map(fd, kDeviceSize);
    return;
  }
  const auto size = (static_cast<uint64_t>(status.st_size) + kScanPage - 1) & ~(kScanPage - 1);
  PrintObject(link, size, read_.Read(0, size, ReadCalls(fd)));
  Map(fd, size);
  const Fd again(open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (again.valid()) {
    reopen_.Read(0, size, ReadCalls(again.get()));
  } else {
    reopen_.CountPart({});
  }
}

void DescriptorDoors::Map(int fd, uint64_t size) {
  void* memory = size == 0 ? MAP_FAILED : mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    map_.CountPart({});
    return;
  }
  map_.Load(static_cast<const uint8_t*>(memory), size);
  munmap(memory, size);
}

void DescriptorDoors::Print() const {
  for (const Door* door : {&read_, &map_, &reopen_}) door->Print();
}

}  // namespace sealvm::secrecy
