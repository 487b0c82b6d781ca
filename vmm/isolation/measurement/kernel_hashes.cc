// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/kernel_hashes.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/firmware/kernel_hash_guids.h"

namespace sealvm {
namespace {

// Fits the CPU's second cache, so that what was just read is hashed from there.
constexpr uint64_t kPiece = 256 * kKiB;

constexpr size_t kGuidSize = sizeof(Guid);
constexpr size_t kHeaderSize = kGuidSize + 2;
constexpr size_t kEntrySize = kGuidSize + 2 + sizeof(Sha256Digest);
constexpr size_t kTableSize = kHeaderSize + 3 * kEntrySize;
static_assert((kTableSize + 15) / 16 * 16 == kKernelHashTableSize);

Result<Sha256Digest> HashFile(const ImageFile& file) {
  if (file.size() > kMaxFirmwareLoadSize) {
    return InvalidInput(fmt::format("{}: has {} bytes, and firmware loads less than 4 GiB",
                                    file.name(), file.size()));
  }
  std::vector<uint8_t> buffer(std::min(file.size(), kPiece));
  Sha256Stream stream;
  for (uint64_t offset = 0; offset < file.size(); offset += kPiece) {
    const auto piece = std::span(buffer).first(std::min(file.size() - offset, kPiece));
    SEALVM_TRY(file.Read(offset, piece));
    stream.Update(piece);
  }
  return stream.Finish();
}

// Writes GUID and length, which counts itself and the GUID; returns what follows.
std::span<uint8_t> PutHeader(std::span<uint8_t> out, const Guid& guid, size_t length) {
  std::ranges::copy(guid.bytes, out.begin());
  StoreLeAny(out.subspan(kGuidSize, 2), length);
  return out.subspan(kHeaderSize);
}

}  // namespace

Result<KernelHashes> HashKernelFiles(const ImageFile& kernel, const ImageFile* initrd,
                                     std::string_view cmdline) {
  KernelHashes hashes;
  hashes.kernel = SEALVM_TRY(HashFile(kernel));
  hashes.initrd = initrd != nullptr ? SEALVM_TRY(HashFile(*initrd)) : Sha256Of({});
  std::vector<uint8_t> text(cmdline.begin(), cmdline.end());
  text.push_back(0);
  hashes.cmdline = Sha256Of(text);
  return hashes;
}

KernelHashTable MakeKernelHashTable(const KernelHashes& hashes) {
  KernelHashTable table = {};
  std::span<uint8_t> rest = PutHeader(table, kKernelHashTableGuid, kTableSize);
  const std::pair<Guid, const Sha256Digest&> entries[] = {{kCmdlineHashGuid, hashes.cmdline},
                                                          {kInitrdHashGuid, hashes.initrd},
                                                          {kKernelHashGuid, hashes.kernel}};
  for (const auto& [guid, digest] : entries) {
    rest = PutHeader(rest, guid, kEntrySize);
    std::ranges::copy(digest, rest.begin());
    rest = rest.subspan(digest.size());
  }
  return table;
}

}  // namespace sealvm
