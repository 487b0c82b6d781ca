// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/payload_decompressor.h"

#include <fmt/format.h>
#include <lz4.h>
#include <lzma.h>
#include <stddef.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr uint64_t kInputChunk = 256 * kKiB;
constexpr uint64_t kFirstOutput = 1 * kMiB;
// liblzma's working memory: the dictionary of the largest preset is 64 MiB.
constexpr uint64_t kXzMemoryLimit = 256 * kMiB;
// LZ4 "legacy frame": blocks of at most 8 MiB unpacked, each behind its packed size
// (lz4_Frame_format.md, "Legacy frame").
constexpr uint64_t kLz4BlockSize = 8 * kMiB;
constexpr size_t kSizeTrailer = 4;

struct Magic {
  PayloadFormat format;
  std::array<uint8_t, 6> bytes;
  size_t length;
};

constexpr Magic kMagics[] = {
    {PayloadFormat::kGzip, {0x1f, 0x8b}, 2},
    {PayloadFormat::kXz, {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
    {PayloadFormat::kZstd, {0x28, 0xb5, 0x2f, 0xfd}, 4},
    {PayloadFormat::kLz4, {0x02, 0x21, 0x4c, 0x18}, 4},
    {PayloadFormat::kLzma, {0x5d, 0x00, 0x00}, 3},
    {PayloadFormat::kBzip2, {'B', 'Z', 'h'}, 3},
    {PayloadFormat::kLzo, {0x89, 'L', 'Z', 'O'}, 4},
    {PayloadFormat::kElf, {0x7f, 'E', 'L', 'F'}, 4},
};

// The packed bytes, read in chunks.
class Input {
 public:
  Input(const ImageFile& file, uint64_t offset, uint64_t size)
      : file_(file), offset_(offset), left_(size) {}

  // Bytes not yet taken by the decoder.
  uint64_t remaining() const { return left_ + chunk_.size(); }

  // The unread bytes at hand; empty only when all have been taken.
  Result<std::span<const uint8_t>> Peek() {
    if (!chunk_.empty() || left_ == 0) return chunk_;
    buffer_.resize(std::min(left_, kInputChunk));
    SEALVM_TRY(file_.Read(offset_, buffer_));
    offset_ += buffer_.size();
    left_ -= buffer_.size();
    chunk_ = buffer_;
    return chunk_;
  }
  void Take(size_t count) { chunk_ = chunk_.subspan(count); }

  // Fills `out` or fails.
  Result<> ReadExactly(std::span<uint8_t> out) {
    while (!out.empty()) {
      const auto chunk = SEALVM_TRY(Peek());
      if (chunk.empty()) return InvalidInput("ends early");
      const size_t count = std::min(chunk.size(), out.size());
      std::copy_n(chunk.begin(), count, out.begin());
      Take(count);
      out = out.subspan(count);
    }
    return {};
  }

 private:
  const ImageFile& file_;
  uint64_t offset_;
  uint64_t left_;
  std::vector<uint8_t> buffer_;
  std::span<const uint8_t> chunk_;
};

// The unpacked bytes, growing up to a limit. There is room for one byte more, so that a decoder
// which needs no more can be told from one that does.
class Output {
 public:
  explicit Output(uint64_t limit) : limit_(std::min(limit, kMaxVmlinuxSize)) {}

  // Room for at least one byte, and up to `wanted` if the limit allows.
  Result<std::span<uint8_t>> Room(uint64_t wanted) {
    SEALVM_TRY(Check());
    if (buffer_.size() - used_ < wanted) {
      const uint64_t target = std::max({used_ + wanted, buffer_.size() * 2, kFirstOutput});
      buffer_.resize(std::min(target, limit_ + 1));
    }
    return std::span(buffer_).subspan(used_);
  }
  Result<> Check() const {
    if (used_ <= limit_) return {};
    return InvalidInput(fmt::format("unpacks to more than {} bytes", limit_));
  }
  void Commit(size_t count) { used_ += count; }
  uint64_t size() const { return used_; }

  std::vector<uint8_t> Finish() && {
    buffer_.resize(used_);
    return std::move(buffer_);
  }

 private:
  uint64_t limit_;
  uint64_t used_ = 0;
  std::vector<uint8_t> buffer_;
};

struct StepResult {
  size_t consumed = 0;
  size_t produced = 0;
  bool finished = false;
};

// A streaming decoder of one library. No progress on non-empty spans means that the data is bad.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual Result<StepResult> Step(std::span<const uint8_t> in, std::span<uint8_t> out) = 0;
};

class GzipDecoder : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> Create() {
    auto decoder = std::make_unique<GzipDecoder>();
    constexpr int kGzipOnly = 16;  // zlib.h, inflateInit2: added to the window bits
    if (inflateInit2(&decoder->stream_, MAX_WBITS + kGzipOnly) != Z_OK) {
      return HostError("zlib: cannot start a decoder");
    }
    return decoder;
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }

  Result<StepResult> Step(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    const size_t room = std::min<size_t>(out.size(), UINT32_MAX);
    stream_.next_in = const_cast<uint8_t*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      return InvalidInput(stream_.msg != nullptr ? stream_.msg : "corrupt data");
    }
    return StepResult{.consumed = in.size() - stream_.avail_in,
                      .produced = room - stream_.avail_out,
                      .finished = status == Z_STREAM_END};
  }

 private:
  z_stream stream_ = {};
};

class XzDecoder : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> Create() {
    auto decoder = std::make_unique<XzDecoder>();
    if (lzma_stream_decoder(&decoder->stream_, kXzMemoryLimit, 0) != LZMA_OK) {
      return HostError("liblzma: cannot start a decoder");
    }
    return decoder;
  }
  ~XzDecoder() override { lzma_end(&stream_); }

  Result<StepResult> Step(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    stream_.next_in = in.data();
    stream_.avail_in = in.size();
    stream_.next_out = out.data();
    stream_.avail_out = out.size();
    const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
    if (status == LZMA_MEMLIMIT_ERROR) {
      return InvalidInput(fmt::format("needs more than {} bytes to unpack", kXzMemoryLimit));
    }
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR) {
      return InvalidInput("corrupt data");
    }
    return StepResult{.consumed = in.size() - stream_.avail_in,
                      .produced = out.size() - stream_.avail_out,
                      .finished = status == LZMA_STREAM_END};
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class ZstdDecoder : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> Create() {
    auto decoder = std::make_unique<ZstdDecoder>();
    decoder->stream_.reset(ZSTD_createDStream());
    if (decoder->stream_ == nullptr) return HostError("zstd: cannot start a decoder");
    return decoder;
  }

  Result<StepResult> Step(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    ZSTD_inBuffer source = {.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer target = {.dst = out.data(), .size = out.size(), .pos = 0};
    const size_t status = ZSTD_decompressStream(stream_.get(), &target, &source);
    if (ZSTD_isError(status) != 0) return InvalidInput(ZSTD_getErrorName(status));
    return StepResult{.consumed = source.pos, .produced = target.pos, .finished = status == 0};
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
};

Result<> RunDecoder(Decoder& decoder, Input& input, Output& output) {
  while (true) {
    const auto in = SEALVM_TRY(input.Peek());
    const auto out = SEALVM_TRY(output.Room(1));
    const StepResult step = SEALVM_TRY(decoder.Step(in, out));
    input.Take(step.consumed);
    output.Commit(step.produced);
    if (step.finished) return {};
    if (step.consumed == 0 && step.produced == 0) {
      return InvalidInput(in.empty() ? "ends early" : "corrupt data");
    }
  }
}

Result<> RunLz4Legacy(Input& input, Output& output) {
  std::array<uint8_t, 4> word;
  SEALVM_TRY(input.ReadExactly(word));  // the magic number
  if (input.remaining() == 0) return InvalidInput("ends early");
  std::vector<uint8_t> block;
  // Nothing marks the end: what is left then is the size trailer or nothing.
  while (input.remaining() != 0 && (input.remaining() != kSizeTrailer || output.size() == 0)) {
    SEALVM_TRY(input.ReadExactly(word));
    const auto packed = static_cast<uint32_t>(LoadLeAny(word));
    if (packed > static_cast<uint32_t>(LZ4_compressBound(kLz4BlockSize))) {
      return InvalidInput(fmt::format("corrupt data: block of {} bytes", packed));
    }
    if (packed > input.remaining()) return InvalidInput("ends early");
    block.resize(packed);
    SEALVM_TRY(input.ReadExactly(block));
    const auto out = SEALVM_TRY(output.Room(kLz4BlockSize));
    const int room = static_cast<int>(std::min<uint64_t>(out.size(), kLz4BlockSize));
    const int unpacked =
        LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()),
                            reinterpret_cast<char*>(out.data()), static_cast<int>(packed), room);
    if (unpacked < 0) {
      return InvalidInput(room < static_cast<int>(kLz4BlockSize) ? "corrupt data, or too large"
                                                                 : "corrupt data");
    }
    output.Commit(static_cast<size_t>(unpacked));
  }
  return {};
}

Result<> CheckSizeTrailer(Input& input, const Output& output) {
  SEALVM_TRY(output.Check());
  if (input.remaining() != kSizeTrailer) return {};
  std::array<uint8_t, kSizeTrailer> trailer;
  SEALVM_TRY(input.ReadExactly(trailer));
  const auto expected = static_cast<uint32_t>(LoadLeAny(trailer));
  if (expected == static_cast<uint32_t>(output.size())) return {};
  return InvalidInput(
      fmt::format("unpacks to {} bytes, but its build says {}", output.size(), expected));
}

Result<> Unpack(PayloadFormat format, Input& input, Output& output) {
  std::unique_ptr<Decoder> decoder;
  switch (format) {
    case PayloadFormat::kGzip:
      decoder = SEALVM_TRY(GzipDecoder::Create());
      break;
    case PayloadFormat::kXz:
      decoder = SEALVM_TRY(XzDecoder::Create());
      break;
    case PayloadFormat::kZstd:
      decoder = SEALVM_TRY(ZstdDecoder::Create());
      break;
    default:
      SEALVM_TRY(RunLz4Legacy(input, output));
      return CheckSizeTrailer(input, output);
  }
  SEALVM_TRY(RunDecoder(*decoder, input, output));
  return CheckSizeTrailer(input, output);
}

Result<std::vector<uint8_t>> CopyUncompressed(const ImageFile& file, uint64_t offset, uint64_t size,
                                              uint64_t limit) {
  if (size > limit) {
    return InvalidInput(fmt::format("{}: payload of more than {} bytes", file.name(), limit));
  }
  std::vector<uint8_t> bytes(size);
  SEALVM_TRY(file.Read(offset, bytes));
  return bytes;
}

}  // namespace

std::string_view PayloadFormatName(PayloadFormat format) {
  switch (format) {
    case PayloadFormat::kUnknown:
      return "unknown";
    case PayloadFormat::kGzip:
      return "gzip";
    case PayloadFormat::kXz:
      return "xz";
    case PayloadFormat::kZstd:
      return "zstd";
    case PayloadFormat::kLz4:
      return "lz4";
    case PayloadFormat::kLzma:
      return "lzma";
    case PayloadFormat::kBzip2:
      return "bzip2";
    case PayloadFormat::kLzo:
      return "lzo";
    case PayloadFormat::kElf:
      return "uncompressed";
  }
  return "unknown";
}

bool IsSupported(PayloadFormat format) {
  switch (format) {
    case PayloadFormat::kGzip:
    case PayloadFormat::kXz:
    case PayloadFormat::kZstd:
    case PayloadFormat::kLz4:
    case PayloadFormat::kElf:
      return true;
    case PayloadFormat::kUnknown:
    case PayloadFormat::kLzma:
    case PayloadFormat::kBzip2:
    case PayloadFormat::kLzo:
      return false;
  }
  return false;
}

PayloadFormat DetectPayloadFormat(std::span<const uint8_t> start) {
  for (const Magic& magic : kMagics) {
    if (start.size() < magic.length) continue;
    if (std::equal(magic.bytes.begin(), magic.bytes.begin() + static_cast<ptrdiff_t>(magic.length),
                   start.begin())) {
      return magic.format;
    }
  }
  return PayloadFormat::kUnknown;
}

Result<std::vector<uint8_t>> DecompressPayload(const ImageFile& file, uint64_t offset,
                                               uint64_t size, uint64_t limit) {
  if (!file.Contains(offset, size)) {
    return InvalidInput(fmt::format("{}: the payload lies outside of the file", file.name()));
  }
  std::array<uint8_t, 6> start = {};
  const size_t known = std::min<uint64_t>(size, start.size());
  SEALVM_TRY(file.Read(offset, std::span(start).first(known)));
  const PayloadFormat format = DetectPayloadFormat(std::span(start).first(known));
  if (!IsSupported(format)) {
    return InvalidInput(fmt::format("{}: the kernel inside is packed with {}", file.name(),
                                    format == PayloadFormat::kUnknown ? "an unknown method"
                                                                      : PayloadFormatName(format)),
                        "gzip, xz, zstd and lz4 can be unpacked");
  }
  if (format == PayloadFormat::kElf) return CopyUncompressed(file, offset, size, limit);
  Input input(file, offset, size);
  Output output(limit);
  auto unpacked = Unpack(format, input, output);
  if (!unpacked) {
    return WithContext(std::move(unpacked).error(),
                       fmt::format("{}: {} payload", file.name(), PayloadFormatName(format)));
  }
  return std::move(output).Finish();
}

}  // namespace sealvm
