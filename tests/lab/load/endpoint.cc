// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/load/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <thread>

namespace sealvm::load {
namespace {

constexpr int kAttempts = 100;
constexpr std::chrono::milliseconds kBetweenAttempts{200};
constexpr int kBacklog = 16;

std::optional<unsigned> ParseNumber(const std::string& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename Address>
Endpoint EndpointOf(const Address& address) {
  Endpoint endpoint;
  memcpy(&endpoint.address, &address, sizeof(address));
  endpoint.length = sizeof(address);
  return endpoint;
}

std::optional<Endpoint> TcpEndpoint(const std::string& host, unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return std::nullopt;
  return EndpointOf(address);
}

std::optional<Endpoint> VsockEndpoint(const std::string& cid, unsigned port) {
  const std::optional<unsigned> number = cid == "any" ? VMADDR_CID_ANY : ParseNumber(cid);
  if (!number) return std::nullopt;
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = *number;
  address.svm_port = port;
  return EndpointOf(address);
}

std::optional<Endpoint> UnixEndpoint(const std::string& path, std::optional<unsigned> port) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
  memcpy(address.sun_path, path.data(), path.size());
  Endpoint endpoint = EndpointOf(address);
  endpoint.guest_port = port;
  return endpoint;
}

std::optional<Endpoint> Parse(const std::string& text) {
  const size_t first = text.find(':');
  if (first == std::string::npos) return std::nullopt;
  const std::string kind = text.substr(0, first);
  const std::string rest = text.substr(first + 1);
  const size_t last = rest.rfind(':');
  if (last == std::string::npos) {
    return kind == "unix" ? UnixEndpoint(rest, std::nullopt) : std::nullopt;
  }
  const std::optional<unsigned> port = ParseNumber(rest.substr(last + 1));
  const std::string place = rest.substr(0, last);
  if (!port) return std::nullopt;
  if (kind == "tcp" && *port <= UINT16_MAX) return TcpEndpoint(place, *port);
  if (kind == "vsock") return VsockEndpoint(place, *port);
  if (kind == "unix") return UnixEndpoint(place, port);
  return std::nullopt;
}

Result<Fd> MakeSocket(const Endpoint& endpoint) {
  Fd made(socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made.valid()) return SystemError("socket", "stream", errno);
  return made;
}

const sockaddr* AddressOf(const Endpoint& endpoint) {
  return reinterpret_cast<const sockaddr*>(&endpoint.address);
}

// The handshake of Unix sockets that stand for vsock: "CONNECT port\n" is answered by "OK port\n",
// or by the end of the stream where nobody listens.
Result<> AskForPort(int stream, unsigned port) {
  const std::string request = "CONNECT " + std::to_string(port) + "\n";
  if (send(stream, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return SystemError("send", "CONNECT", errno);
  }
  std::string answer;
  for (char byte = 0; byte != '\n'; answer += byte) {
    if (recv(stream, &byte, 1, 0) != 1) return HostError("nobody listens at the guest's port");
  }
  if (!answer.starts_with("OK ")) return HostError("the VMM answered: " + answer);
  return {};
}

Result<Fd> ConnectOnce(const Endpoint& endpoint) {
  Fd stream = SEALVM_TRY(MakeSocket(endpoint));
  if (connect(stream.get(), AddressOf(endpoint), endpoint.length) != 0) {
    return SystemError("connect", "the other end", errno);
  }
  if (endpoint.guest_port) SEALVM_TRY(AskForPort(stream.get(), *endpoint.guest_port));
  return stream;
}

}  // namespace

Result<Endpoint> ParseEndpoint(const std::string& text) {
  const std::optional<Endpoint> endpoint = Parse(text);
  if (!endpoint) {
    return InvalidInput("'" + text + "' is not tcp:ADDRESS:PORT, vsock:CID:PORT or unix:PATH");
  }
  return *endpoint;
}

Result<Fd> Listen(const Endpoint& endpoint) {
  Fd listener = SEALVM_TRY(MakeSocket(endpoint));
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(listener.get(), AddressOf(endpoint), endpoint.length) != 0 ||
      listen(listener.get(), kBacklog) != 0) {
    return SystemError("bind or listen", "this end", errno);
  }
  return listener;
}

Result<Fd> Connect(const Endpoint& endpoint) {
  for (int attempt = 1;; ++attempt) {
    Result<Fd> stream = ConnectOnce(endpoint);
    if (stream || attempt == kAttempts) return stream;
    std::this_thread::sleep_for(kBetweenAttempts);
  }
}

}  // namespace sealvm::load
