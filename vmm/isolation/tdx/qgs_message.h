// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_QGS_MESSAGE_H_
#define SEALVM_VMM_ISOLATION_TDX_QGS_MESSAGE_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string>
#include <vector>

#include "memory/base/result.h"

namespace sealvm::tdx {

// Messages of Intel's quote generation service, QGS (Intel DCAP, QuoteGeneration/quote_wrapper/
// qgs_msg_lib/inc/qgs_msg_lib.h): on a stream each is preceded by its length, 32 bits big-endian;
// its own numbers are little-endian.
inline constexpr uint16_t kQgsMajorVersion = 1;
inline constexpr uint16_t kQgsMinorVersion = 1;
inline constexpr size_t kQgsLengthSize = 4;
inline constexpr size_t kQgsHeaderSize = 16;
inline constexpr size_t kQgsQuoteHeaderSize = kQgsHeaderSize + 8;

// GET_QUOTE_REQ with its length in front.
std::vector<uint8_t> BuildQgsQuoteRequest(std::span<const uint8_t> report);

// Collects one GET_QUOTE_RESP from a stream. What the service says is not trusted: it never holds
// more than `max_quote` bytes and the headers.
class QgsAnswerReader {
 public:
  explicit QgsAnswerReader(size_t max_quote) : max_quote_(max_quote) {}

  // Bytes that are still to come, as far as is known: read no more than that. 0: complete.
  size_t Wanted() const;
  // Takes up to Wanted() bytes. An error, kHost, for an answer that is too long or wrong, or in
  // which the service reports one; after that the reader is of no use.
  Result<> Feed(std::span<const uint8_t> bytes);
  // When Wanted() is 0.
  std::span<const uint8_t> quote() const;

 private:
  Result<> CheckLength();
  Result<> CheckMessage() const;

  const size_t max_quote_;
  std::vector<uint8_t> bytes_;
  size_t total_ = kQgsLengthSize;  // of the stream: grows once the length is known
};

// "INVALID_PARAMETER (0x12003)": qgs_msg_error_t.
std::string QgsErrorName(uint32_t code);

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_QGS_MESSAGE_H_
