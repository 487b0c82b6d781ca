// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_LAB_LOAD_ENDPOINT_H_
#define SEALVM_TESTS_LAB_LOAD_ENDPOINT_H_

#include <sys/socket.h>

#include <optional>
#include <string>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm::load {

// One end of a stream, as the user names it:
//   tcp:ADDRESS:PORT   IPv4
//   vsock:CID:PORT     in a guest; CID 2 is the host, "any" listens
//   unix:PATH          on the host
//   unix:PATH:PORT     on the host: a guest's vsock port, through the VMM's socket
struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::optional<unsigned> guest_port;
};

Result<Endpoint> ParseEndpoint(const std::string& text);

Result<Fd> Listen(const Endpoint& endpoint);

// Waits for the other end to listen, for some 20 seconds.
Result<Fd> Connect(const Endpoint& endpoint);

}  // namespace sealvm::load

#endif  // SEALVM_TESTS_LAB_LOAD_ENDPOINT_H_
