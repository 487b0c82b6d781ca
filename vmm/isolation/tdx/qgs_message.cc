// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/qgs_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "memory/base/endian.h"

namespace sealvm::tdx {
namespace {

constexpr uint32_t kGetQuoteRequest = 0;
constexpr uint32_t kGetQuoteResponse = 1;

// Offsets in a message.
constexpr size_t kMajor = 0;
constexpr size_t kType = 4;
constexpr size_t kSize = 8;
constexpr size_t kErrorCode = 12;
constexpr size_t kFirstLength = 16;   // report in the question, selected ID in the answer
constexpr size_t kSecondLength = 20;  // list of IDs, quote

constexpr uint32_t kFirstError = 0x12001;
constexpr std::string_view kErrors[] = {
    "UNEXPECTED",   "OUT_OF_MEMORY", "INVALID_PARAMETER", "INVALID_VERSION",
    "INVALID_TYPE", "INVALID_SIZE",  "INVALID_CODE",
};

void Put32(std::vector<uint8_t>& out, uint32_t value) {
  for (unsigned i = 0; i < sizeof(value); ++i) out.push_back(static_cast<uint8_t>(value >> 8 * i));
}

}  // namespace

std::vector<uint8_t> BuildQgsQuoteRequest(std::span<const uint8_t> report) {
  const auto size = static_cast<uint32_t>(kQgsQuoteHeaderSize + report.size());
  std::vector<uint8_t> out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(size >> shift));
  Put32(out, kQgsMajorVersion | uint32_t{kQgsMinorVersion} << 16);
  Put32(out, kGetQuoteRequest);
  Put32(out, size);
  Put32(out, 0);  // error code
  Put32(out, static_cast<uint32_t>(report.size()));
  Put32(out, 0);  // list of IDs
  out.insert(out.end(), report.begin(), report.end());
  return out;
}

size_t QgsAnswerReader::Wanted() const { return total_ - bytes_.size(); }

Result<> QgsAnswerReader::Feed(std::span<const uint8_t> bytes) {
  const auto taken = bytes.first(std::min(bytes.size(), Wanted()));
  bytes_.insert(bytes_.end(), taken.begin(), taken.end());
  if (total_ == kQgsLengthSize && bytes_.size() == total_) return CheckLength();
  return Wanted() == 0 ? CheckMessage() : Result<>();
}

std::span<const uint8_t> QgsAnswerReader::quote() const {
  return std::span(bytes_).subspan(kQgsLengthSize + kQgsQuoteHeaderSize);
}

Result<> QgsAnswerReader::CheckLength() {
  const size_t length = size_t{bytes_[0]} << 24 | size_t{bytes_[1]} << 16 | size_t{bytes_[2]} << 8 |
                        size_t{bytes_[3]};
  if (length < kQgsHeaderSize || length > kQgsQuoteHeaderSize + max_quote_) {
    return HostError(fmt::format("quote service: an answer of {} bytes, {} to {} may be", length,
                                 kQgsHeaderSize, kQgsQuoteHeaderSize + max_quote_));
  }
  total_ = kQgsLengthSize + length;
  return {};
}

Result<> QgsAnswerReader::CheckMessage() const {
  const auto message = std::span(bytes_).subspan(kQgsLengthSize);
  const auto u32 = [message](size_t at) { return LoadLe<uint32_t>(message, at).value_or(0); };
  // Other minor versions are compatible.
  if (LoadLe<uint16_t>(message, kMajor) != kQgsMajorVersion || u32(kType) != kGetQuoteResponse ||
      u32(kSize) != message.size()) {
    return HostError("quote service: the answer is none to a question for a quote",
                     "is the socket that of Intel's quote generation service?");
  }
  if (u32(kErrorCode) != 0) {
    return HostError(fmt::format("quote service: error {}", QgsErrorName(u32(kErrorCode))),
                     "see the service's own log");
  }
  if (message.size() <= kQgsQuoteHeaderSize || u32(kFirstLength) != 0 ||
      u32(kSecondLength) != message.size() - kQgsQuoteHeaderSize) {
    return HostError(fmt::format("quote service: lengths {} and {} in an answer of {} bytes",
                                 u32(kFirstLength), u32(kSecondLength), message.size()));
  }
  return {};
}

std::string QgsErrorName(uint32_t code) {
  const uint32_t index = code - kFirstError;
  return fmt::format("{} ({:#x})", index < std::size(kErrors) ? kErrors[index] : "unknown", code);
}

}  // namespace sealvm::tdx
