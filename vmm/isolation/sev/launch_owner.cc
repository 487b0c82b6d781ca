// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/launch_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <string_view>

#include "memory/base/fd.h"
#include "memory/base/file_io.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/sev_launch.h"

namespace sealvm::sev {
namespace {

constexpr size_t kBlock = 16;
constexpr size_t kMostBytes = attestation::kSevSecretHeaderSize + attestation::kMaxSevSecretSize;

std::unexpected<Error> FileError(const char* call, const std::string& name) {
  std::unexpected<Error> error = SystemError(call, name, errno);
  error.error().kind = ErrorKind::kInvalidInput;
  return error;
}

Result<> WriteText(const std::string& path, std::string_view text) {
  const std::string name = "--sev-measurement " + path;
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644));
  if (!file.valid()) return FileError("open", name);
  if (WriteAll(file.get(), text) != 0) return FileError("write", name);
  return {};
}

Result<std::vector<uint8_t>> ReadPacket(const std::string& path, const std::string& name) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) return FileError("open", name);
  std::vector<uint8_t> bytes(kMostBytes + 1);
  const auto size = ReadUpTo(file.get(), bytes);
  if (!size) return FileError("read", name);
  bytes.resize(*size);
  return bytes;
}

}  // namespace

Result<std::optional<LaunchSecretPacket>> LaunchOwner::Ask(const LaunchFacts& facts) const {
  if (!measurement_file_.empty()) {
    SEALVM_TRY(
        WriteText(measurement_file_,
                  fmt::format(R"({{"api_major":{},"api_minor":{},"build":{},"policy":"{:#x}",)"
                              R"("digest":"{}","measurement":"{}"}})"
                              "\n",
                              facts.api_major, facts.api_minor, facts.build, facts.policy,
                              HexText(facts.digest), HexText(facts.measurement))));
  }
  if (secret_file_.empty()) return std::nullopt;
  const std::string name = "--sev-secret " + secret_file_;
  const std::vector<uint8_t> bytes = SEALVM_TRY(ReadPacket(secret_file_, name));
  constexpr size_t kHeader = attestation::kSevSecretHeaderSize;
  if (bytes.size() <= kHeader || bytes.size() > kMostBytes ||
      (bytes.size() - kHeader) % kBlock != 0) {
    return InvalidInput(fmt::format("{}: is no header of {} bytes with up to {} bytes behind it",
                                    name, kHeader, attestation::kMaxSevSecretSize),
                        "the secret's length is a multiple of 16");
  }
  const auto data = bytes.begin() + static_cast<ptrdiff_t>(kHeader);
  return LaunchSecretPacket{.header = {bytes.begin(), data}, .data = {data, bytes.end()}};
}

}  // namespace sealvm::sev
