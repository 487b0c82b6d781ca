// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/get_quote.h"

#include <gtest/gtest.h>

#include "vmm/isolation/tdx/testing_memory.h"

namespace sealvm::tdx {
namespace {

constexpr uint64_t kGpa = TestingQuoteMemory::kBase;
constexpr uint64_t kSize = 16384;
constexpr uint64_t kInFlight = ~0ull;

uint64_t Begin(TestingQuoteMemory& memory, uint64_t gpa = kGpa, uint64_t size = kSize) {
  return BeginGetQuote(memory, gpa, size).vmcall_status;
}

TEST(GetQuoteTest, TakesTheReportAndMarksTheBuffer) {
  TestingQuoteMemory memory(kSize);
  memory.Ask(kGpa);
  const GetQuoteStart start = BeginGetQuote(memory, kGpa, kSize);
  EXPECT_EQ(start.vmcall_status, vmcall_status::kSuccess);
  ASSERT_TRUE(start.request.has_value());
  EXPECT_EQ(start.request->report, std::vector<uint8_t>(1024, 0x5a));
  EXPECT_EQ(start.request->capacity(), kSize - 24);
  EXPECT_EQ(memory.Status(kGpa), kInFlight);
  EXPECT_EQ(memory.OutLength(kGpa), 0u);
}

TEST(GetQuoteTest, AnswerLiesInTheBuffer) {
  TestingQuoteMemory memory(kSize);
  memory.Ask(kGpa);
  const QuoteRequest request = *BeginGetQuote(memory, kGpa, kSize).request;
  const std::vector<uint8_t> quote(request.capacity(), 0x77);
  ASSERT_TRUE(FinishGetQuote(memory, request, QuoteStatus::kSuccess, quote).has_value());
  EXPECT_EQ(memory.Status(kGpa), 0u);
  EXPECT_EQ(memory.Data(kGpa), quote);
}

TEST(GetQuoteTest, FailuresGiveNoData) {
  TestingQuoteMemory memory(kSize);
  memory.Ask(kGpa);
  const QuoteRequest request = *BeginGetQuote(memory, kGpa, kSize).request;
  const std::vector<uint8_t> quote(8, 0x77);
  ASSERT_TRUE(FinishGetQuote(memory, request, QuoteStatus::kServiceUnavailable, quote).has_value());
  EXPECT_EQ(memory.Status(kGpa), 0x8000000000000001u);
  EXPECT_EQ(memory.OutLength(kGpa), 0u);
}

TEST(GetQuoteTest, QuoteThatDoesNotFitIsAnError) {
  TestingQuoteMemory memory(2 * kSize);
  memory.Ask(kGpa);
  const QuoteRequest request = *BeginGetQuote(memory, kGpa, kSize).request;
  const std::vector<uint8_t> quote(request.capacity() + 1, 0x77);
  ASSERT_TRUE(FinishGetQuote(memory, request, QuoteStatus::kSuccess, quote).has_value());
  EXPECT_EQ(memory.Status(kGpa), 0x8000000000000000u);
  EXPECT_EQ(memory.OutLength(kGpa), 0u);
}

TEST(GetQuoteTest, BufferMustBeWholePages) {
  TestingQuoteMemory memory(kSize);
  memory.Ask(kGpa);
  EXPECT_EQ(Begin(memory, kGpa + 8), vmcall_status::kAlignError);
  EXPECT_EQ(Begin(memory, kGpa, kSize - 1), vmcall_status::kAlignError);
}

TEST(GetQuoteTest, HostileSizesAndAddresses) {
  TestingQuoteMemory memory(kSize);
  memory.Ask(kGpa);
  EXPECT_EQ(Begin(memory, kGpa, 0), vmcall_status::kInvalidOperand);
  EXPECT_EQ(Begin(memory, kGpa, kMaxQuoteBufferSize + 4096), vmcall_status::kInvalidOperand);
  EXPECT_EQ(Begin(memory, kGpa, ~4095ull), vmcall_status::kInvalidOperand);
  EXPECT_EQ(Begin(memory, ~4095ull, 8192), vmcall_status::kInvalidOperand);
  EXPECT_EQ(Begin(memory, 0), vmcall_status::kInvalidOperand);
  EXPECT_EQ(memory.Status(kGpa), 0u);
}

TEST(GetQuoteTest, HostileHeaders) {
  TestingQuoteMemory memory(kSize);
  for (const uint32_t length : {0u, 1023u, 1025u, 16384u, 0xffffffffu}) {
    memory.Ask(kGpa, length);
    EXPECT_EQ(Begin(memory), vmcall_status::kInvalidOperand) << length;
  }
  memory.Ask(kGpa);
  memory.Put64(kGpa, 2);
  EXPECT_EQ(Begin(memory), vmcall_status::kInvalidOperand);
  memory.Ask(kGpa);
  EXPECT_EQ(Begin(memory), vmcall_status::kSuccess);
  // The same buffer once more, while it is in flight.
  EXPECT_EQ(Begin(memory), vmcall_status::kInvalidOperand);
}

TEST(GetQuoteTest, ReportThatIsPartlyPrivate) {
  TestingQuoteMemory memory(512);
  std::array<uint8_t, 24> header = {1};
  header[17] = 4;  // 1024
  ASSERT_TRUE(memory.Write(kGpa, header).has_value());
  EXPECT_EQ(Begin(memory), vmcall_status::kInvalidOperand);
  EXPECT_EQ(memory.Status(kGpa), 0u);
}

TEST(GetQuoteTest, GuestThatTookItsMemoryBack) {
  TestingQuoteMemory memory(kSize);
  memory.Ask(kGpa);
  const QuoteRequest request = *BeginGetQuote(memory, kGpa, kSize).request;
  memory.Privatize();
  EXPECT_FALSE(FinishGetQuote(memory, request, QuoteStatus::kError, {}).has_value());
}

}  // namespace
}  // namespace sealvm::tdx
