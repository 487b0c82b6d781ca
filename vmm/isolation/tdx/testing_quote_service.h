// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_TESTING_QUOTE_SERVICE_H_
#define SEALVM_VMM_ISOLATION_TDX_TESTING_QUOTE_SERVICE_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "memory/base/fd.h"
#include "vmm/isolation/tdx/quote_service_address.h"

namespace sealvm::tdx {

// A quote service on a Unix socket that does with each connection what it is told.
class TestingQuoteService {
 public:
  using Behaviour = std::function<void(int connection, const std::vector<uint8_t>& request)>;

  explicit TestingQuoteService(Behaviour behaviour);
  ~TestingQuoteService();
  TestingQuoteService(const TestingQuoteService&) = delete;
  TestingQuoteService& operator=(const TestingQuoteService&) = delete;

  QuoteServiceAddress address() const { return {.path = path_, .cid = 0, .port = 0}; }

  static void SendAll(int connection, const std::vector<uint8_t>& bytes);
  // An answer whose quote is `quote_size` times the report's last byte.
  static std::vector<uint8_t> Answer(const std::vector<uint8_t>& request, size_t quote_size);

 private:
  void Serve();

  const Behaviour behaviour_;
  std::string directory_;
  std::string path_;
  Fd listener_;
  std::thread thread_;
};

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_TESTING_QUOTE_SERVICE_H_
