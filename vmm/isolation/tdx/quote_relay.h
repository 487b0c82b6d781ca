// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_QUOTE_RELAY_H_
#define SEALVM_VMM_ISOLATION_TDX_QUOTE_RELAY_H_

#include <stddef.h>
#include <stdint.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>

#include "devices/io/event_loop.h"
#include "memory/base/result.h"
#include "vmm/isolation/tdx/get_quote.h"
#include "vmm/isolation/tdx/quote_exchange.h"
#include "vmm/isolation/tdx/quote_service_address.h"

namespace sealvm::tdx {

// Answers a TD's GetQuote calls with the help of a quote service, without holding up its vCPUs: the
// call returns at once, the answer comes into the guest's buffer later, and the guest is notified.
// Bounded in time, in questions at a time, and in bytes held for each.
class QuoteRelay {
 public:
  struct Limits {
    std::chrono::milliseconds timeout = std::chrono::seconds(30);
    size_t in_flight = 8;
    size_t quote_size = 64 * 1024;  // bytes
  };
  struct Callbacks {
    // A buffer has its answer: raise the interrupt of SetupEventNotifyInterrupt, if the guest has
    // set one. On the loop's thread.
    std::function<void()> notify;
    // Why a question went without a quote: for the log. On the loop's thread.
    std::function<void(const Error&)> failed;
  };

  // `loop` and `memory` outlive it.
  QuoteRelay(EventLoop& loop, QuoteServiceAddress address, QuoteMemory& memory, Callbacks callbacks,
             Limits limits);
  QuoteRelay(const QuoteRelay&) = delete;
  QuoteRelay& operator=(const QuoteRelay&) = delete;
  // Leaves questions that are in flight without an answer. Not on the loop's thread.
  ~QuoteRelay();

  // TDG.VP.VMCALL<GetQuote>. `gpa` is without the shared bit. Returns what R10 gets. Any thread.
  uint64_t GetQuote(uint64_t gpa, uint64_t size);

  size_t in_flight() const { return in_flight_; }

 private:
  struct Question {
    QuoteRequest request;
    std::unique_ptr<QuoteExchange> exchange;
  };
  using Questions = std::list<Question>;

  void Ask(QuoteRequest request);
  void Answer(const QuoteRequest& request, QuoteStatus status, std::span<const uint8_t> quote);
  void Fail(const QuoteRequest& request, QuoteStatus status, const Error& error);
  void OnDone(Questions::iterator question, Result<std::span<const uint8_t>> quote);

  EventLoop& loop_;
  const QuoteServiceAddress address_;
  QuoteMemory& memory_;
  const Callbacks callbacks_;
  const Limits limits_;
  std::atomic<size_t> in_flight_ = 0;
  // The loop's thread only.
  Questions questions_;
};

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_QUOTE_RELAY_H_
