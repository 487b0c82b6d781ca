// SPDX-License-Identifier: Apache-2.0
// usage: stream_load serve ENDPOINT [CONNECTIONS]
//        stream_load up|down|both MIB ENDPOINT
//
// Sends known bytes through a stream, from the client ("up"), to it ("down") or in both directions
// at once, and compares what arrives. The client prints "stream DIRECTION mib=N seconds=S"; both
// end with 0 if all bytes arrived as they were sent, else with 1.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "memory/base/fd.h"
#include "memory/base/result.h"
#include "tests/lab/load/endpoint.h"

namespace sealvm::load {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;
constexpr size_t kChunk = 256 << 10;
// The content repeats after that many bytes. A prime: data that moves by pages or blocks shows.
constexpr size_t kPeriod = 1000003;
constexpr char kIntact = 'k';
constexpr char kDamaged = 'x';

// What the client tells the server first. Both ends are x86.
struct Request {
  uint64_t to_server;  // bytes
  uint64_t to_client;
};

// The content, with enough after its period to send a chunk from any place in it.
std::vector<char> MakeContent() {
  std::vector<char> content(kPeriod + kChunk);
  uint64_t state = 1;
  for (size_t i = 0; i < kPeriod; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth, MMIX
    content[i] = static_cast<char>(state >> 56);
  }
  std::copy_n(content.begin(), kChunk, content.begin() + kPeriod);
  return content;
}

bool SendAll(int stream, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(stream, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool ReceiveAll(int stream, void* data, size_t size) {
  return recv(stream, data, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

bool SendContent(int stream, const std::vector<char>& content, uint64_t size) {
  for (uint64_t at = 0; at < size;) {
    const size_t length = std::min<uint64_t>(kChunk, size - at);
    if (!SendAll(stream, &content[at % kPeriod], length)) return false;
    at += length;
  }
  return true;
}

bool ReceiveContent(int stream, const std::vector<char>& content, uint64_t size) {
  std::vector<char> chunk(kChunk);
  for (uint64_t at = 0; at < size;) {
    const ssize_t length =
        recv(stream, chunk.data(), std::min<uint64_t>(chunk.size(), size - at), 0);
    if (length <= 0) return false;
    if (memcmp(chunk.data(), &content[at % kPeriod], static_cast<size_t>(length)) != 0) {
      fprintf(stderr, "stream_load: other bytes than were sent, at %lu of %lu\n", at, size);
      return false;
    }
    at += static_cast<uint64_t>(length);
  }
  return true;
}

// Both directions, and then each end tells the other how its own went.
bool Exchange(int stream, uint64_t to_send, uint64_t to_receive) {
  const std::vector<char> content = MakeContent();
  bool sent = false;
  std::jthread sender([&] { sent = SendContent(stream, content, to_send); });
  const bool received = ReceiveContent(stream, content, to_receive);
  if (!received) shutdown(stream, SHUT_RDWR);  // the sender must not wait for ever
  sender.join();
  const char verdict = sent && received ? kIntact : kDamaged;
  char answer = 0;
  return SendAll(stream, &verdict, 1) && ReceiveAll(stream, &answer, 1) && verdict == kIntact &&
         answer == kIntact;
}

Result<bool> Serve(const std::string& place, int connections) {
  const Fd listener = SEALVM_TRY(Listen(SEALVM_TRY(ParseEndpoint(place))));
  bool intact = true;
  for (int i = 0; i < connections; ++i) {
    const Fd stream(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Request request{};
    intact = stream.valid() && ReceiveAll(stream.get(), &request, sizeof(request)) &&
             Exchange(stream.get(), request.to_client, request.to_server) && intact;
  }
  return intact;
}

double Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Result<bool> RunClient(const std::string& direction, uint64_t mib, const std::string& place) {
  const uint64_t bytes = mib * kMebibyte;
  const Request request{.to_server = direction == "down" ? 0 : bytes,
                        .to_client = direction == "up" ? 0 : bytes};
  const Fd stream = SEALVM_TRY(Connect(SEALVM_TRY(ParseEndpoint(place))));
  const double start = Now();
  if (!SendAll(stream.get(), reinterpret_cast<const char*>(&request), sizeof(request)) ||
      !Exchange(stream.get(), request.to_server, request.to_client)) {
    return false;
  }
  printf("stream %s mib=%lu seconds=%.3f\n", direction.c_str(), mib, Now() - start);
  return true;
}

int Usage() {
  fputs("usage: stream_load serve ENDPOINT [CONNECTIONS] | up|down|both MIB ENDPOINT\n", stderr);
  return 2;
}

int Report(const Result<bool>& intact) {
  if (!intact) fprintf(stderr, "stream_load: %s\n", intact.error().ToString().c_str());
  if (intact && !*intact) fputs("stream_load: the stream broke or was damaged\n", stderr);
  return intact && *intact ? 0 : 1;
}

int Main(int count, char** arguments) {
  if (count < 3 || count > 4) return Usage();
  const std::string verb = arguments[1];
  if (verb == "serve") return Report(Serve(arguments[2], count > 3 ? atoi(arguments[3]) : 1));
  if (count != 4 || (verb != "up" && verb != "down" && verb != "both")) return Usage();
  return Report(RunClient(verb, strtoull(arguments[2], nullptr, 10), arguments[3]));
}

}  // namespace
}  // namespace sealvm::load

int main(int count, char** arguments) { return sealvm::load::Main(count, arguments); }
