// SPDX-License-Identifier: Apache-2.0
// usage: disk_load random-read|sequential-read FILE COUNT
//        disk_load fill|check FILE MIB
//        disk_load write-records FILE
//        disk_load check-records FILE
//
// The reads bypass the page cache, COUNT times one block after the other, of 4 KiB at random places
// or of 1 MiB in order; they print "disk WHAT count=N seconds=S". fill writes known bytes and
// fsyncs, check compares them and names each block that cannot be read.
//
// write-records appends numbered records to a file until something fails, each with an fsync, and
// prints "@@DURABLE N" when it is on the disk. check-records prints "@@RECORDS N": that many from
// the first are intact. Behind them may be the start of one more, which was being written; it is
// cut off.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm::load {
namespace {

constexpr size_t kSmall = 4 << 10;
constexpr size_t kLarge = 1 << 20;
constexpr size_t kRecord = 3000;  // records lie across blocks

std::unexpected<Error> Failed(std::string_view call, const char* path) {
  return SystemError(call, path, errno);
}

double Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Free {
  void operator()(void* memory) const { free(memory); }
};
using Buffer = std::unique_ptr<char, Free>;

Buffer MakeBuffer(size_t size) { return Buffer(static_cast<char*>(aligned_alloc(kSmall, size))); }

// Bytes that no other number gives.
void FillBlock(uint64_t number, char* block, size_t size) {
  std::mt19937_64 bytes(number);
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    const uint64_t word = bytes();
    memcpy(block + at, &word, std::min(sizeof(word), size - at));
  }
}

Result<bool> Read(const char* path, uint64_t count, bool random) {
  const size_t size = random ? kSmall : kLarge;
  const Fd file(open(path, O_RDONLY | O_DIRECT | O_CLOEXEC));
  const off_t end = file.valid() ? lseek(file.get(), 0, SEEK_END) : -1;
  if (end < static_cast<off_t>(size)) return Failed("open", path);
  const uint64_t blocks = static_cast<uint64_t>(end) / size;
  const Buffer buffer = MakeBuffer(size);
  std::mt19937_64 places(count);
  const double start = Now();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t block = (random ? places() : i) % blocks;
    if (pread(file.get(), buffer.get(), size, static_cast<off_t>(block * size)) !=
        static_cast<ssize_t>(size)) {
      return Failed("pread", path);
    }
  }
  printf("disk %s count=%lu seconds=%.4f\n", random ? "random-read" : "sequential-read", count,
         Now() - start);
  return true;
}

Result<bool> FillFile(const char* path, uint64_t mib) {
  const Fd file(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return Failed("open", path);
  const Buffer buffer = MakeBuffer(kLarge);
  for (uint64_t i = 0; i < mib; ++i) {
    FillBlock(i, buffer.get(), kLarge);
    if (pwrite(file.get(), buffer.get(), kLarge, static_cast<off_t>(i * kLarge)) !=
        static_cast<ssize_t>(kLarge)) {
      return Failed("pwrite", path);
    }
  }
  if (fsync(file.get()) != 0) return Failed("fsync", path);
  return true;
}

Result<bool> CheckFile(const char* path, uint64_t mib) {
  const Fd file(open(path, O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (!file.valid()) return Failed("open", path);
  const Buffer expected = MakeBuffer(kLarge);
  const Buffer found = MakeBuffer(kLarge);
  uint64_t intact = 0;
  uint64_t unreadable = 0;
  for (uint64_t i = 0; i < mib; ++i) {
    FillBlock(i, expected.get(), kLarge);
    const ssize_t length = pread(file.get(), found.get(), kLarge, static_cast<off_t>(i * kLarge));
    if (length != static_cast<ssize_t>(kLarge)) {
      ++unreadable;
    } else if (memcmp(expected.get(), found.get(), kLarge) == 0) {
      ++intact;
    }
  }
  printf("disk check mib=%lu intact=%lu unreadable=%lu\n", mib, intact, unreadable);
  return intact == mib;
}

using Record = std::array<char, kRecord>;

Record MakeRecord(uint64_t number) {
  Record record;
  FillBlock(number, record.data(), record.size());
  return record;
}

Result<bool> WriteRecords(const char* path) {
  const Fd file(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  struct stat status;
  if (!file.valid() || fstat(file.get(), &status) != 0) return Failed("open", path);
  for (uint64_t number = static_cast<uint64_t>(status.st_size) / kRecord;; ++number) {
    const Record record = MakeRecord(number);
    if (write(file.get(), record.data(), record.size()) != std::ssize(record) ||
        fsync(file.get()) != 0) {
      return Failed("write", path);
    }
    printf("@@DURABLE %lu\n", number + 1);
    fflush(stdout);
  }
}

Result<bool> CheckRecords(const char* path) {
  const Fd file(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return Failed("open", path);
  uint64_t number = 0;
  Record found;
  while (pread(file.get(), found.data(), found.size(), static_cast<off_t>(number * kRecord)) ==
             std::ssize(found) &&
         found == MakeRecord(number)) {
    ++number;
  }
  if (ftruncate(file.get(), static_cast<off_t>(number * kRecord)) != 0) {
    return Failed("ftruncate", path);
  }
  printf("@@RECORDS %lu\n", number);
  return true;
}

// Nothing if the arguments say nothing.
std::optional<Result<bool>> Do(std::string_view verb, const char* path, const char* number) {
  if (verb == "write-records" && number == nullptr) return WriteRecords(path);
  if (verb == "check-records" && number == nullptr) return CheckRecords(path);
  if (number == nullptr) return std::nullopt;
  const uint64_t count = strtoull(number, nullptr, 10);
  if (verb == "random-read") return Read(path, count, true);
  if (verb == "sequential-read") return Read(path, count, false);
  if (verb == "fill") return FillFile(path, count);
  if (verb == "check") return CheckFile(path, count);
  return std::nullopt;
}

int Main(int count, char** arguments) {
  std::optional<Result<bool>> done;
  if (count == 3 || count == 4) {
    done = Do(arguments[1], arguments[2], count == 4 ? arguments[3] : nullptr);
  }
  if (!done) {
    fputs(
        "usage: disk_load random-read|sequential-read FILE COUNT | fill|check FILE MIB | "
        "write-records|check-records FILE\n",
        stderr);
    return 2;
  }
  if (!*done) fprintf(stderr, "disk_load: %s\n", done->error().ToString().c_str());
  return *done && **done ? 0 : 1;
}

}  // namespace
}  // namespace sealvm::load

int main(int count, char** arguments) { return sealvm::load::Main(count, arguments); }
