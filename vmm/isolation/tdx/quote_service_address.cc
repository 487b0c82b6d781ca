// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/quote_service_address.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
// After sys/socket.h, whose sockaddr it uses.
#include <linux/vm_sockets.h>

#include <charconv>
#include <optional>

namespace sealvm::tdx {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kVsock = "vsock:";
constexpr std::string_view kHint = "give unix:PATH or vsock:CID:PORT";

std::optional<uint32_t> ParseDecimal(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

Result<QuoteServiceAddress> ParseVsock(std::string_view text, std::string_view name) {
  const size_t colon = text.find(':');
  const auto cid = ParseDecimal(text.substr(0, colon));
  const auto port = ParseDecimal(colon == text.npos ? "" : text.substr(colon + 1));
  if (!cid || !port || *cid == VMADDR_CID_ANY || *port == VMADDR_PORT_ANY) {
    return InvalidInput(fmt::format("{}: 'vsock:{}' names no vsock port", name, text),
                        "give it like vsock:2:4050");
  }
  return QuoteServiceAddress{.path = {}, .cid = *cid, .port = *port};
}

Result<QuoteServiceAddress> ParsePath(std::string_view path, std::string_view name) {
  constexpr size_t kMax = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty() || path.find('\0') != path.npos) {
    return InvalidInput(fmt::format("{}: the socket needs a path", name), std::string(kHint));
  }
  if (path.size() > kMax) {
    return InvalidInput(fmt::format("{}: the socket's path has {} bytes", name, path.size()),
                        fmt::format("use one of at most {}", kMax));
  }
  return QuoteServiceAddress{.path = std::string(path), .cid = 0, .port = 0};
}

// 0 or errno.
int Connect(const Fd& socket, const QuoteServiceAddress& address) {
  if (address.path.empty()) {
    sockaddr_vm vm = {};
    vm.svm_family = AF_VSOCK;
    vm.svm_cid = address.cid;
    vm.svm_port = address.port;
    return connect(socket.get(), reinterpret_cast<const sockaddr*>(&vm), sizeof(vm)) == 0 ? 0
                                                                                          : errno;
  }
  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  memcpy(un.sun_path, address.path.data(), address.path.size());
  return connect(socket.get(), reinterpret_cast<const sockaddr*>(&un), sizeof(un)) == 0 ? 0 : errno;
}

}  // namespace

Result<QuoteServiceAddress> ParseQuoteServiceAddress(std::string_view text, std::string_view name) {
  if (text.starts_with(kVsock)) return ParseVsock(text.substr(kVsock.size()), name);
  if (text.starts_with(kUnix)) return ParsePath(text.substr(kUnix.size()), name);
  if (text.starts_with("/")) return ParsePath(text, name);
  return InvalidInput(fmt::format("{}: '{}' is no address of a quote service", name, text),
                      std::string(kHint));
}

std::string QuoteServiceAddressText(const QuoteServiceAddress& address) {
  if (!address.path.empty()) return fmt::format("{}{}", kUnix, address.path);
  return fmt::format("{}{}:{}", kVsock, address.cid, address.port);
}

Result<Fd> ConnectQuoteService(const QuoteServiceAddress& address) {
  const std::string text = QuoteServiceAddressText(address);
  const int family = address.path.empty() ? AF_VSOCK : AF_UNIX;
  Fd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return SystemError("socket", text, errno);
  const int error = Connect(socket, address);
  if (error == 0 || error == EINPROGRESS) return socket;
  return SystemError("connect", text, error, "is the quote service running?");
}

}  // namespace sealvm::tdx
