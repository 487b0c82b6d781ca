// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/testing_quote_service.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <span>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm::tdx {

TestingQuoteService::TestingQuoteService(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
  char directory[] = "/tmp/sealvm-qgs-XXXXXX";
  directory_ = mkdtemp(directory);
  path_ = directory_ + "/socket";
  listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path_.data(), path_.size());
  EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(listener_.get(), 16), 0);
  thread_ = std::thread([this] { Serve(); });
}

TestingQuoteService::~TestingQuoteService() {
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
  unlink(path_.c_str());
  rmdir(directory_.c_str());
}

void TestingQuoteService::Serve() {
  while (true) {
    const Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) return;
    std::vector<uint8_t> request(4 + 24 + 1024);
    if (recv(connection.get(), request.data(), request.size(), MSG_WAITALL) > 0) {
      behaviour_(connection.get(), request);
    }
  }
}

void TestingQuoteService::SendAll(int connection, const std::vector<uint8_t>& bytes) {
  static_cast<void>(send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

std::vector<uint8_t> TestingQuoteService::Answer(const std::vector<uint8_t>& request,
                                                 size_t quote_size) {
  std::vector<uint8_t> out(28 + quote_size, request.back());
  const std::span<uint8_t> bytes(out);
  const size_t size = 24 + quote_size;
  for (size_t i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(size >> (24 - 8 * i));
  StoreLeAny(bytes.subspan(4, 4), 0x00010001);
  StoreLeAny(bytes.subspan(8, 4), 1);
  StoreLeAny(bytes.subspan(12, 4), size);
  StoreLeAny(bytes.subspan(16, 8), 0);
  StoreLeAny(bytes.subspan(24, 4), quote_size);
  return out;
}

}  // namespace sealvm::tdx
