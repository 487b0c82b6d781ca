// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/quote_relay.h"

#include <algorithm>
#include <utility>

namespace sealvm::tdx {

QuoteRelay::QuoteRelay(EventLoop& loop, QuoteServiceAddress address, QuoteMemory& memory,
                       Callbacks callbacks, Limits limits)
    : loop_(loop),
      address_(std::move(address)),
      memory_(memory),
      callbacks_(std::move(callbacks)),
      limits_(limits) {}

QuoteRelay::~QuoteRelay() {
  loop_.Run([this] { questions_.clear(); });
  // What a question posted about itself before it was dropped runs now; nothing comes after it.
  loop_.Run([] {});
}

uint64_t QuoteRelay::GetQuote(uint64_t gpa, uint64_t size) {
  if (in_flight_.fetch_add(1) >= limits_.in_flight) {
    --in_flight_;
    return vmcall_status::kRetry;
  }
  GetQuoteStart start = BeginGetQuote(memory_, gpa, size);
  if (!start.request) {
    --in_flight_;
    return start.vmcall_status;
  }
  auto request = std::make_shared<QuoteRequest>(*std::move(start.request));
  loop_.Post([this, request] { Ask(std::move(*request)); });
  return start.vmcall_status;
}

void QuoteRelay::Ask(QuoteRequest request) {
  const size_t max_quote = std::min(limits_.quote_size, request.capacity());
  const auto question = questions_.insert(questions_.end(), {std::move(request), nullptr});
  question->exchange =
      std::make_unique<QuoteExchange>(loop_, question->request.report, max_quote,
                                      [this, question](Result<std::span<const uint8_t>> quote) {
                                        OnDone(question, std::move(quote));
                                      });
  const Result<> started = question->exchange->Start(address_, limits_.timeout);
  if (started) return;
  Fail(question->request, QuoteStatus::kServiceUnavailable, started.error());
  questions_.erase(question);
}

void QuoteRelay::OnDone(Questions::iterator question, Result<std::span<const uint8_t>> quote) {
  if (quote) {
    Answer(question->request, QuoteStatus::kSuccess, *quote);
  } else {
    Fail(question->request,
         question->exchange->connected() ? QuoteStatus::kError : QuoteStatus::kServiceUnavailable,
         quote.error());
  }
  // The exchange is still on the stack. When the relay goes first, it has dropped the question, but
  // waits for this task.
  loop_.Post([this, question, exchange = question->exchange.get()] {
    const bool there = std::ranges::any_of(
        questions_, [exchange](const Question& other) { return other.exchange.get() == exchange; });
    if (there) questions_.erase(question);
  });
}

void QuoteRelay::Fail(const QuoteRequest& request, QuoteStatus status, const Error& error) {
  Answer(request, status, {});
  if (callbacks_.failed) callbacks_.failed(error);
}

void QuoteRelay::Answer(const QuoteRequest& request, QuoteStatus status,
                        std::span<const uint8_t> quote) {
  const Result<> written = FinishGetQuote(memory_, request, status, quote);
  --in_flight_;
  if (!written && callbacks_.failed) callbacks_.failed(written.error());
  if (written && callbacks_.notify) callbacks_.notify();
}

}  // namespace sealvm::tdx
