// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_GET_QUOTE_H_
#define SEALVM_VMM_ISOLATION_TDX_GET_QUOTE_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <span>
#include <vector>

#include "memory/base/result.h"

namespace sealvm::tdx {

// What a TDVMCALL returns in R10 (Intel TDX Guest-Hypervisor Communication Interface 1.5, section
// 2.4.1): the word `ret` of KVM_EXIT_TDX.
namespace vmcall_status {
inline constexpr uint64_t kSuccess = 0;
inline constexpr uint64_t kRetry = 1;
inline constexpr uint64_t kInvalidOperand = 0x8000000000000000;
inline constexpr uint64_t kAlignError = 0x8000000000000002;
inline constexpr uint64_t kUnsupported = 0x8000000000000003;
}  // namespace vmcall_status

// The status word in the buffer of TDG.VP.VMCALL<GetQuote> (GHCI 1.5, section 3.3).
enum class QuoteStatus : uint64_t {
  kSuccess = 0,
  kInFlight = ~0ull,
  kError = 0x8000000000000000,
  kServiceUnavailable = 0x8000000000000001,
};

// The buffer begins with version, status (64 bits each), input length and output length (32 bits).
inline constexpr size_t kQuoteHeaderSize = 24;
inline constexpr uint64_t kQuoteBufferVersion = 1;
inline constexpr uint64_t kQuotePageSize = 4096;
// Ours: Linux asks with 16 KiB, and no quote is larger than 64.
inline constexpr uint64_t kMaxQuoteBufferSize = 128 * 1024;

// The guest's shared memory, by copies. Implementations refuse addresses that are not shared with
// the host. May be called by any thread.
class QuoteMemory {
 public:
  virtual ~QuoteMemory() = default;
  virtual Result<> Read(uint64_t gpa, std::span<uint8_t> out) const = 0;
  virtual Result<> Write(uint64_t gpa, std::span<const uint8_t> bytes) = 0;
};

// A guest's question, once taken. The guest may change the buffer afterwards without effect.
struct QuoteRequest {
  uint64_t gpa = 0;
  uint64_t size = 0;  // bytes of the whole buffer
  std::vector<uint8_t> report;

  // The largest quote that fits.
  size_t capacity() const { return size - kQuoteHeaderSize; }
};

struct GetQuoteStart {
  // For R10. With kSuccess and no request, the buffer already says how it ended.
  uint64_t vmcall_status = vmcall_status::kSuccess;
  std::optional<QuoteRequest> request;
};

// Takes the question at `gpa` and marks the buffer as in flight. Refused are buffers that are not
// whole pages, not shared, of another version, in flight already, and inputs that are no TDREPORT.
GetQuoteStart BeginGetQuote(QuoteMemory& memory, uint64_t gpa, uint64_t size);

// Puts the answer into the buffer: a quote for kSuccess, nothing otherwise. A quote that does not
// fit becomes kError. The status is written last, for the guest waits for it. An error when the
// guest has taken the memory back.
Result<> FinishGetQuote(QuoteMemory& memory, const QuoteRequest& request, QuoteStatus status,
                        std::span<const uint8_t> quote);

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_GET_QUOTE_H_
