// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_PASST_PEER_H_
#define SEALVM_DEVICES_VIRTIO_NET_PASST_PEER_H_

#include <memory>
#include <string>

#include "devices/virtio/net/passt_process.h"
#include "devices/virtio/net/stream_peer.h"

namespace sealvm {

// User networking: a passt process that lives as long as this.
class PasstPeer : public StreamPeer {
 public:
  static Result<std::unique_ptr<NetPeer>> Start(const PasstOptions& options);

  std::string gone_reason() override;
  pid_t pid() const { return process_.pid(); }

 private:
  PasstPeer(Fd socket, PasstProcess process)
      : StreamPeer(std::move(socket)), process_(std::move(process)) {}

  PasstProcess process_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_PASST_PEER_H_
