// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/host_greeting.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace sealvm {

size_t HostGreeting::Take(std::span<const uint8_t> bytes) {
  size_t taken = 0;
  while (state_ == State::kUnfinished && taken < bytes.size()) {
    const char character = static_cast<char>(bytes[taken++]);
    if (character == '\n') {
      Parse();
    } else {
      line_ += character;
      if (line_.size() == kMaxBytes) state_ = State::kBad;
    }
  }
  return taken;
}

void HostGreeting::Parse() {
  constexpr std::string_view kWord = "connect ";
  state_ = State::kBad;
  if (line_.ends_with('\r')) line_.pop_back();
  if (line_.size() <= kWord.size()) return;
  if (strncasecmp(line_.c_str(), kWord.data(), kWord.size()) != 0) return;
  const char* const begin = line_.data() + kWord.size();
  const char* const end = line_.data() + line_.size();
  const auto [rest, error] = std::from_chars(begin, end, port_);
  if (error == std::errc() && rest == end) state_ = State::kDone;
}

}  // namespace sealvm
