// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/get_quote.h"

#include <array>

#include "memory/base/endian.h"

namespace sealvm::tdx {
namespace {

constexpr uint64_t kStatusAt = 8;
constexpr uint64_t kInLengthAt = 16;
constexpr uint64_t kOutLengthAt = 20;
constexpr uint32_t kTdReportSize = 1024;

Result<> WriteStatus(QuoteMemory& memory, uint64_t gpa, QuoteStatus status) {
  std::array<uint8_t, 8> word;
  StoreLeAny(word, static_cast<uint64_t>(status));
  return memory.Write(gpa + kStatusAt, word);
}

Result<> WriteOutLength(QuoteMemory& memory, uint64_t gpa, uint32_t length) {
  std::array<uint8_t, 4> word;
  StoreLeAny(word, length);
  return memory.Write(gpa + kOutLengthAt, word);
}

}  // namespace

GetQuoteStart BeginGetQuote(QuoteMemory& memory, uint64_t gpa, uint64_t size) {
  const GetQuoteStart invalid = {.vmcall_status = vmcall_status::kInvalidOperand, .request = {}};
  if (gpa % kQuotePageSize != 0 || size % kQuotePageSize != 0) {
    return {.vmcall_status = vmcall_status::kAlignError, .request = {}};
  }
  if (size == 0 || size > kMaxQuoteBufferSize || gpa > UINT64_MAX - size) return invalid;
  std::array<uint8_t, kQuoteHeaderSize> header;
  if (!memory.Read(gpa, header)) return invalid;
  const uint64_t version = LoadLe<uint64_t>(header).value_or(0);
  const uint64_t status = LoadLe<uint64_t>(header, kStatusAt).value_or(0);
  const uint32_t in_length = LoadLe<uint32_t>(header, kInLengthAt).value_or(0);
  // A buffer that is in flight belongs to a question before this one.
  if (version != kQuoteBufferVersion || status != static_cast<uint64_t>(QuoteStatus::kSuccess) ||
      in_length != kTdReportSize) {
    return invalid;
  }
  QuoteRequest request = {.gpa = gpa, .size = size, .report = std::vector<uint8_t>(in_length)};
  if (!memory.Read(gpa + kQuoteHeaderSize, request.report) || !WriteOutLength(memory, gpa, 0) ||
      !WriteStatus(memory, gpa, QuoteStatus::kInFlight)) {
    return invalid;
  }
  return {.vmcall_status = vmcall_status::kSuccess, .request = std::move(request)};
}

Result<> FinishGetQuote(QuoteMemory& memory, const QuoteRequest& request, QuoteStatus status,
                        std::span<const uint8_t> quote) {
  if (status != QuoteStatus::kSuccess) quote = {};
  if (quote.size() > request.capacity()) {
    quote = {};
    status = QuoteStatus::kError;
  }
  SEALVM_TRY(memory.Write(request.gpa + kQuoteHeaderSize, quote));
  SEALVM_TRY(WriteOutLength(memory, request.gpa, static_cast<uint32_t>(quote.size())));
  return WriteStatus(memory, request.gpa, status);
}

}  // namespace sealvm::tdx
