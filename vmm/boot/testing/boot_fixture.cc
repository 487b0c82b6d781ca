// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/testing/boot_fixture.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory/memfd_provider.h"

namespace sealvm {
namespace {

void AbortUnless(bool condition, const char* what) {
  if (condition) return;
  fmt::print(stderr, "test set-up failed: {}\n", what);
  abort();
}

template <typename T>
T ValueOrAbort(Result<T> result) {
  AbortUnless(result.has_value(), result ? "" : result.error().message.c_str());
  return *std::move(result);
}

}  // namespace

GuestMemory MakeTestMemory(uint64_t bytes) {
  MemfdProvider provider;
  return ValueOrAbort(GuestMemory::Create(ValueOrAbort(GuestLayout::Create(bytes)),
                                          ValueOrAbort(provider.Create(bytes, MemoryPolicy{}))));
}

TemporaryFile::TemporaryFile(const std::vector<uint8_t>& contents) {
  const char* directory = getenv("TEST_TMPDIR");
  path_ = fmt::format("{}/boot-XXXXXX", directory != nullptr ? directory : "/tmp");
  const Fd fd(mkstemp(path_.data()));
  AbortUnless(fd.valid(), "mkstemp");
  AbortUnless(
      write(fd.get(), contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()),
      "write");
}

TemporaryFile::~TemporaryFile() { unlink(path_.c_str()); }

void TemporaryFile::Truncate(uint64_t size) const {
  AbortUnless(truncate(path_.c_str(), static_cast<off_t>(size)) == 0, "truncate");
}

std::vector<uint8_t> ReadBytes(const GuestMemory& memory, Gpa gpa, uint64_t size) {
  std::vector<uint8_t> bytes(size);
  AbortUnless(memory.Read(gpa, bytes).has_value(), "read of guest memory");
  return bytes;
}

}  // namespace sealvm
