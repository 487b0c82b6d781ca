// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/quote_exchange.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sealvm::tdx {
namespace {

constexpr std::string_view kService = "quote service";
constexpr size_t kReadChunk = 4096;

}  // namespace

QuoteExchange::QuoteExchange(EventLoop& loop, std::span<const uint8_t> report, size_t max_quote,
                             Done done)
    : loop_(loop),
      request_(BuildQgsQuoteRequest(report)),
      answer_(max_quote),
      done_(std::move(done)) {}

QuoteExchange::~QuoteExchange() {
  if (socket_.valid()) loop_.Unwatch(socket_.get());
}

Result<> QuoteExchange::Start(const QuoteServiceAddress& address,
                              std::chrono::milliseconds timeout) {
  Fd socket = SEALVM_TRY(ConnectQuoteService(address));
  timer_ = SEALVM_TRY(LoopTimer::Create(loop_, [this, timeout] {
    Finish(HostError(fmt::format("quote service: no answer in {} ms", timeout.count())));
  }));
  SEALVM_TRY(loop_.Watch(socket.get(), EPOLLOUT, [this](uint32_t) { OnReady(); }));
  socket_ = std::move(socket);
  timer_->NoLaterThan(LoopTimer::Clock::now() + timeout);
  return {};
}

void QuoteExchange::OnReady() {
  if (!socket_.valid()) return;
  Result<> advanced = Advance();
  if (!advanced) return Finish(std::unexpected(std::move(advanced).error()));
  if (answer_.Wanted() == 0) Finish(answer_.quote());
}

Result<> QuoteExchange::Advance() {
  if (!connected_) SEALVM_TRY(CheckConnection());
  if (sent_ < request_.size()) return Send();
  return Receive();
}

Result<> QuoteExchange::CheckConnection() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0) {
    return SystemError("connect", kService, error, "is it running?");
  }
  connected_ = true;
  return {};
}

Result<> QuoteExchange::Send() {
  const ssize_t done =
      send(socket_.get(), request_.data() + sent_, request_.size() - sent_, MSG_NOSIGNAL);
  if (done < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (done < 0) return SystemError("send", kService, errno);
  sent_ += static_cast<size_t>(done);
  return sent_ == request_.size() ? loop_.Change(socket_.get(), EPOLLIN) : Result<>();
}

Result<> QuoteExchange::Receive() {
  std::array<uint8_t, kReadChunk> chunk;
  const ssize_t done =
      recv(socket_.get(), chunk.data(), std::min(chunk.size(), answer_.Wanted()), 0);
  if (done < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (done < 0) return SystemError("recv", kService, errno);
  if (done == 0) return HostError("quote service: it hung up before its answer was complete");
  return answer_.Feed(std::span(chunk).first(static_cast<size_t>(done)));
}

void QuoteExchange::Finish(Result<std::span<const uint8_t>> quote) {
  // The timer may expire in the same turn in which the answer came.
  if (!socket_.valid()) return;
  loop_.Unwatch(socket_.get());
  socket_.Reset();
  done_(std::move(quote));
}

}  // namespace sealvm::tdx
