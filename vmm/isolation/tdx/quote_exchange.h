// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_QUOTE_EXCHANGE_H_
#define SEALVM_VMM_ISOLATION_TDX_QUOTE_EXCHANGE_H_

#include <stdint.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "devices/io/event_loop.h"
#include "devices/io/loop_timer.h"
#include "memory/base/fd.h"
#include "memory/base/result.h"
#include "vmm/isolation/tdx/qgs_message.h"
#include "vmm/isolation/tdx/quote_service_address.h"

namespace sealvm::tdx {

// One question to the quote service and its answer, over a connection of its own. Everything
// happens on the event loop's thread.
class QuoteExchange {
 public:
  // Called once, not from inside Start. Must not destroy the exchange: post that.
  using Done = std::function<void(Result<std::span<const uint8_t>> quote)>;

  // `loop` outlives it. Answers are waited for until `timeout`; quotes above `max_quote` bytes are
  // an error.
  QuoteExchange(EventLoop& loop, std::span<const uint8_t> report, size_t max_quote, Done done);
  QuoteExchange(const QuoteExchange&) = delete;
  QuoteExchange& operator=(const QuoteExchange&) = delete;
  // Ends the exchange without an answer.
  ~QuoteExchange();

  // Connects. An error: there is no service, and `done` is never called.
  Result<> Start(const QuoteServiceAddress& address, std::chrono::milliseconds timeout);
  // Whether the service was there: a vsock's connection may fail after Start.
  bool connected() const { return connected_; }

 private:
  void OnReady();
  Result<> Advance();
  Result<> CheckConnection();
  Result<> Send();
  Result<> Receive();
  void Finish(Result<std::span<const uint8_t>> quote);

  EventLoop& loop_;
  std::vector<uint8_t> request_;
  size_t sent_ = 0;
  QgsAnswerReader answer_;
  const Done done_;
  Fd socket_;
  bool connected_ = false;
  std::unique_ptr<LoopTimer> timer_;
};

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_QUOTE_EXCHANGE_H_
