// SPDX-License-Identifier: Apache-2.0
// Hostile payloads of bzImages: the first byte chooses between the input as the payload itself and
// a good payload of each method with bytes changed.
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "vmm/boot/payload_decompressor.h"

namespace sealvm {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t kLimit = 1 * kMiB;

Bytes MakeContents() {
  Bytes bytes(3000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * i >> 7);
  return bytes;
}

Bytes Gzip(const Bytes& bytes) {
  z_stream stream = {};
  SEALVM_FUZZ_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) ==
                    Z_OK);
  Bytes packed(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  SEALVM_FUZZ_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes Xz(const Bytes& bytes) {
  Bytes packed(lzma_stream_buffer_bound(bytes.size()));
  size_t used = 0;
  // Without a check, so that changed bytes are not refused for their checksum alone.
  SEALVM_FUZZ_CHECK(lzma_easy_buffer_encode(0, LZMA_CHECK_NONE, nullptr, bytes.data(), bytes.size(),
                                            packed.data(), &used, packed.size()) == LZMA_OK);
  packed.resize(used);
  return packed;
}

Bytes Zstd(const Bytes& bytes) {
  Bytes packed(ZSTD_compressBound(bytes.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 1));
  return packed;
}

Bytes Lz4Legacy(const Bytes& bytes) {
  Bytes block(static_cast<size_t>(LZ4_compressBound(static_cast<int>(bytes.size()))));
  const int used = LZ4_compress_default(
      reinterpret_cast<const char*>(bytes.data()), reinterpret_cast<char*>(block.data()),
      static_cast<int>(bytes.size()), static_cast<int>(block.size()));
  SEALVM_FUZZ_CHECK(used > 0 && used < 0x10000);
  Bytes packed = {
      0x02, 0x21, 0x4c, 0x18, static_cast<uint8_t>(used), static_cast<uint8_t>(used >> 8), 0, 0};
  packed.insert(packed.end(), block.begin(), block.begin() + used);
  return packed;
}

const std::array<Bytes, 4>& GoodPayloads() {
  static const Bytes contents = MakeContents();
  static const std::array<Bytes, 4> payloads = {Gzip(contents), Xz(contents), Zstd(contents),
                                                Lz4Legacy(contents)};
  return payloads;
}

Bytes MakePayload(FuzzInput& input) {
  const uint8_t kind = input.TakeByte() % 5;
  if (kind == 4) {
    const auto bytes = input.TakeBytes(SIZE_MAX);
    return {bytes.begin(), bytes.end()};
  }
  Bytes payload = GoodPayloads()[kind];
  const uint8_t edits = input.TakeByte() % 8;
  for (uint8_t i = 0; i < edits; ++i) {
    const size_t offset = input.TakeNumber(2) % payload.size();
    payload[offset] = input.TakeByte();
  }
  if (input.TakeByte() % 4 == 0) payload.resize(input.TakeNumber(2) % (payload.size() + 1));
  return payload;
}

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  FuzzInput input({data, size});
  const Bytes payload = MakePayload(input);
  const auto unpacked =
      DecompressPayload(ImageFile::FromBytes("kernel", payload), 0, payload.size(), kLimit);
  if (unpacked) {
    SEALVM_FUZZ_CHECK(unpacked->size() <= kLimit);
  } else {
    SEALVM_FUZZ_CHECK(unpacked.error().kind == ErrorKind::kInvalidInput);
  }
  return 0;
}
