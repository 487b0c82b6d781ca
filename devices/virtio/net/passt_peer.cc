// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/passt_peer.h"

#include <fmt/format.h>

#include <utility>

namespace sealvm {

Result<std::unique_ptr<NetPeer>> PasstPeer::Start(const PasstOptions& options) {
  PasstProcess process = SEALVM_TRY(PasstProcess::Start(options));
  Fd socket = process.TakeSocket();
  return std::unique_ptr<NetPeer>(new PasstPeer(std::move(socket), std::move(process)));
}

std::string PasstPeer::gone_reason() {
  const std::string words = process_.LastWords();
  return fmt::format("passt: {}{}{}", StreamPeer::gone_reason(), words.empty() ? "" : ": ", words);
}

}  // namespace sealvm
