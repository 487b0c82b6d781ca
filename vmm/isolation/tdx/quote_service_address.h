// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_QUOTE_SERVICE_ADDRESS_H_
#define SEALVM_VMM_ISOLATION_TDX_QUOTE_SERVICE_ADDRESS_H_

#include <stdint.h>

#include <string>
#include <string_view>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm::tdx {

// Where a quote service listens: a Unix socket or a vsock port.
struct QuoteServiceAddress {
  std::string path;  // Unix socket; empty for vsock
  uint32_t cid = 0;
  uint32_t port = 0;

  bool operator==(const QuoteServiceAddress&) const = default;
};

// "unix:PATH", "vsock:CID:PORT", or a path that begins with '/'. kInvalidInput begins with `name`.
Result<QuoteServiceAddress> ParseQuoteServiceAddress(std::string_view text, std::string_view name);

// The text that is parsed to `address`.
std::string QuoteServiceAddressText(const QuoteServiceAddress& address);

// A stream socket that does not block and whose connection may still be under way: wait until it
// can be written and look at SO_ERROR.
Result<Fd> ConnectQuoteService(const QuoteServiceAddress& address);

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_QUOTE_SERVICE_ADDRESS_H_
