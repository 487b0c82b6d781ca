// SPDX-License-Identifier: Apache-2.0
// A hostile quote service and a hostile guest: pieces of an answer as they come, and a guest's
// quote buffer.
#include <algorithm>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "vmm/isolation/tdx/get_quote.h"
#include "vmm/isolation/tdx/qgs_message.h"

namespace sealvm::tdx {
namespace {

constexpr size_t kMaxQuote = 512;

// 8 KiB of shared memory at 0.
class Memory : public QuoteMemory {
 public:
  explicit Memory(std::span<const uint8_t> start) : bytes_(8192) {
    std::ranges::copy(start.first(std::min(start.size(), bytes_.size())), bytes_.begin());
  }
  Result<> Read(uint64_t gpa, std::span<uint8_t> out) const override {
    if (gpa > bytes_.size() || out.size() > bytes_.size() - gpa) return HostError("private");
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(gpa), out.size(), out.begin());
    return {};
  }
  Result<> Write(uint64_t gpa, std::span<const uint8_t> in) override {
    if (gpa > bytes_.size() || in.size() > bytes_.size() - gpa) return HostError("private");
    std::ranges::copy(in, bytes_.begin() + static_cast<ptrdiff_t>(gpa));
    return {};
  }

 private:
  std::vector<uint8_t> bytes_;
};

void TryAnswer(FuzzInput& input) {
  QgsAnswerReader reader(kMaxQuote);
  while (!input.empty() && reader.Wanted() > 0) {
    SEALVM_FUZZ_CHECK(reader.Wanted() <= kQgsQuoteHeaderSize + kMaxQuote);
    const auto piece = input.TakeBytes(std::min<size_t>(1 + input.TakeByte(), reader.Wanted()));
    if (!reader.Feed(piece)) return;
  }
  if (reader.Wanted() == 0) SEALVM_FUZZ_CHECK(reader.quote().size() <= kMaxQuote);
}

void TryBuffer(FuzzInput& input) {
  const uint64_t gpa = input.TakeNumber(input.TakeByte() % 9) << 12;
  const uint64_t size = input.TakeNumber(input.TakeByte() % 9) << 12;
  Memory memory(input.TakeBytes(SIZE_MAX));
  const GetQuoteStart start = BeginGetQuote(memory, gpa, size);
  if (!start.request) {
    SEALVM_FUZZ_CHECK(start.vmcall_status != vmcall_status::kSuccess);
    return;
  }
  const std::vector<uint8_t> quote(3000, 1);
  SEALVM_FUZZ_CHECK(start.request->size <= kMaxQuoteBufferSize);
  static_cast<void>(FinishGetQuote(memory, *start.request, QuoteStatus::kSuccess, quote));
}

}  // namespace
}  // namespace sealvm::tdx

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  FuzzInput input({data, size});
  if (input.TakeByte() % 2 == 0) {
    tdx::TryAnswer(input);
  } else {
    tdx::TryBuffer(input);
  }
  return 0;
}
