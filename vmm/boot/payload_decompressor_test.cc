// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/payload_decompressor.h"

#include <gtest/gtest.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

using Bytes = std::vector<uint8_t>;

// Compressible, longer than one input chunk when packed badly, and not periodic.
Bytes MakeText(size_t size) {
  Bytes bytes(size);
  uint32_t state = 1;
  for (uint8_t& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<uint8_t>("sealed guest"[(state >> 24) % 12]);
  }
  return bytes;
}

void AppendLe32(Bytes& bytes, uint64_t value) {
  bytes.resize(bytes.size() + 4);
  StoreLeAny(std::span(bytes).last(4), value);
}

Bytes Gzip(const Bytes& bytes) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes packed(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes Xz(const Bytes& bytes) {
  Bytes packed(lzma_stream_buffer_bound(bytes.size()));
  size_t used = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr, bytes.data(), bytes.size(),
                                    packed.data(), &used, packed.size()),
            LZMA_OK);
  packed.resize(used);
  return packed;
}

Bytes Zstd(const Bytes& bytes) {
  Bytes packed(ZSTD_compressBound(bytes.size()));
  const size_t used = ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 1);
  EXPECT_EQ(ZSTD_isError(used), 0u);
  packed.resize(used);
  return packed;
}

Bytes Lz4Legacy(const Bytes& bytes) {
  constexpr size_t kBlock = 8 << 20;
  Bytes packed = {0x02, 0x21, 0x4c, 0x18};
  for (size_t at = 0; at < bytes.size(); at += kBlock) {
    const int size = static_cast<int>(std::min(kBlock, bytes.size() - at));
    Bytes block(static_cast<size_t>(LZ4_compressBound(size)));
    const int used = LZ4_compress_default(reinterpret_cast<const char*>(bytes.data() + at),
                                          reinterpret_cast<char*>(block.data()), size,
                                          static_cast<int>(block.size()));
    EXPECT_GT(used, 0);
    AppendLe32(packed, static_cast<uint64_t>(used));
    packed.insert(packed.end(), block.begin(), block.begin() + used);
  }
  return packed;
}

Result<Bytes> Unpack(const Bytes& packed, uint64_t limit = kMaxVmlinuxSize) {
  return DecompressPayload(ImageFile::FromBytes("kernel", packed), 0, packed.size(), limit);
}

struct Method {
  std::string name;
  Bytes (*pack)(const Bytes&);
  // The kernel's build appends the unpacked size to these.
  bool has_trailer;
};

class EveryMethod : public testing::TestWithParam<Method> {
 protected:
  // As a kernel's build packs it.
  Bytes Pack(const Bytes& bytes) const {
    Bytes packed = GetParam().pack(bytes);
    if (GetParam().has_trailer) AppendLe32(packed, bytes.size());
    return packed;
  }
};

INSTANTIATE_TEST_SUITE_P(PayloadDecompressor, EveryMethod,
                         testing::Values(Method{"gzip", Gzip, false}, Method{"xz", Xz, true},
                                         Method{"zstd", Zstd, true},
                                         Method{"lz4", Lz4Legacy, true}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(EveryMethod, RoundTrips) {
  const Bytes bytes = MakeText(3'000'000);

  const auto unpacked = Unpack(Pack(bytes));

  ASSERT_TRUE(unpacked.has_value()) << unpacked.error().ToString();
  EXPECT_TRUE(*unpacked == bytes);
}

TEST_P(EveryMethod, RoundTripsWithoutATrailer) {
  const Bytes bytes = MakeText(1000);

  const auto unpacked = Unpack(GetParam().pack(bytes));

  ASSERT_TRUE(unpacked.has_value()) << unpacked.error().ToString();
  EXPECT_TRUE(*unpacked == bytes);
}

TEST_P(EveryMethod, LimitOfExactlyTheSizeIsEnough) {
  const Bytes bytes = MakeText(5000);

  const auto unpacked = Unpack(Pack(bytes), 5000);

  EXPECT_TRUE(unpacked.has_value()) << unpacked.error().ToString();
}

TEST_P(EveryMethod, OneByteMoreThanTheLimitIsRefused) {
  EXPECT_FALSE(Unpack(Pack(MakeText(5000)), 4999).has_value());
}

TEST_P(EveryMethod, BombIsRefused) {
  const Bytes zeroes(4 << 20);

  const auto unpacked = Unpack(Pack(zeroes), 1 << 20);

  ExpectInvalidInput(unpacked, "kernel: " + GetParam().name + " payload: ");
}

TEST_P(EveryMethod, TruncationIsRefused) {
  const Bytes packed = GetParam().pack(MakeText(2000));
  for (const size_t missing : {size_t{1}, size_t{5}, packed.size() / 2, packed.size() - 7}) {
    const Bytes cut(packed.begin(), packed.end() - static_cast<ptrdiff_t>(missing));
    EXPECT_FALSE(Unpack(cut).has_value()) << missing;
  }
}

TEST_P(EveryMethod, WrongSizeTrailerIsRefused) {
  const Bytes bytes = MakeText(1000);
  Bytes packed = GetParam().pack(bytes);
  AppendLe32(packed, 1001);

  ExpectInvalidInput(Unpack(packed), "unpacks to 1000 bytes, but its build says 1001");
}

TEST_P(EveryMethod, DamageIsAnErrorOrChangesOnlyContents) {
  const Bytes packed = GetParam().pack(MakeText(2000));
  for (size_t i = 4; i < packed.size(); i += 29) {
    Bytes damaged = packed;
    damaged[i] ^= 0x55;
    const auto unpacked = Unpack(damaged, 1 << 20);
    EXPECT_LE(unpacked ? unpacked->size() : 0, size_t{1} << 20);
  }
}

TEST(PayloadDecompressor, Lz4TakesSeveralBlocks) {
  const Bytes bytes = MakeText((8 << 20) + 12345);

  const auto unpacked = Unpack(Lz4Legacy(bytes));

  ASSERT_TRUE(unpacked.has_value()) << unpacked.error().ToString();
  EXPECT_TRUE(*unpacked == bytes);
}

TEST(PayloadDecompressor, Lz4BlockOfAbsurdSizeIsRefused) {
  Bytes packed = {0x02, 0x21, 0x4c, 0x18};
  AppendLe32(packed, 0xffffffff);
  packed.resize(100);

  ExpectInvalidInput(Unpack(packed), "block of 4294967295 bytes");
}

TEST(PayloadDecompressor, UncompressedElfIsCopied) {
  const Bytes elf = {0x7f, 'E', 'L', 'F', 2, 1};

  const auto unpacked = Unpack(elf);

  ASSERT_TRUE(unpacked.has_value());
  EXPECT_EQ(*unpacked, elf);
}

TEST(PayloadDecompressor, UnsupportedMethodsAreNamed) {
  ExpectInvalidInput(Unpack({0x5d, 0, 0, 0x80, 0}), "packed with lzma");
  ExpectInvalidInput(Unpack({'B', 'Z', 'h', '9'}), "packed with bzip2");
  ExpectInvalidInput(Unpack({0x89, 'L', 'Z', 'O', 0}), "packed with lzo");
  ExpectInvalidInput(Unpack({1, 2, 3}), "packed with an unknown method");
}

TEST(PayloadDecompressor, EmptyPayloadIsRefused) {
  ExpectInvalidInput(Unpack({}), "unknown method");
}

TEST(PayloadDecompressor, RangeOutsideOfTheFileIsRefused) {
  const Bytes bytes(10);
  const ImageFile file = ImageFile::FromBytes("kernel", bytes);
  ExpectInvalidInput(DecompressPayload(file, 5, 6), "outside of the file");
  ExpectInvalidInput(DecompressPayload(file, UINT64_MAX, 2), "outside of the file");
}

TEST(PayloadDecompressor, SupportedAreThoseThatDebianUses) {
  EXPECT_TRUE(IsSupported(PayloadFormat::kGzip));
  EXPECT_TRUE(IsSupported(PayloadFormat::kXz));
  EXPECT_TRUE(IsSupported(PayloadFormat::kZstd));
  EXPECT_TRUE(IsSupported(PayloadFormat::kLz4));
  EXPECT_FALSE(IsSupported(PayloadFormat::kBzip2));
  EXPECT_FALSE(IsSupported(PayloadFormat::kUnknown));
}

}  // namespace
}  // namespace sealvm
