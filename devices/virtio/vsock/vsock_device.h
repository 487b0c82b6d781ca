// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_DEVICE_H_

#include <stdint.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "devices/virtio/loop_device.h"
#include "devices/virtio/vsock/unix_socket.h"
#include "devices/virtio/vsock/vsock_muxer.h"

namespace sealvm {

struct VsockOptions {
  uint32_t guest_cid = 0;   // 3 to 2^32-2; below and above are addresses with other meanings
  std::string socket_path;  // at most UnixListener::kMaxPathBytes
  VsockTimeouts timeouts = {};
};

// A socket device (Virtual I/O Device 1.3 section 5.10), stream sockets only, whose host's side is
// Unix sockets:
//
//   A program connects to `socket_path` and sends "CONNECT <port>\n". When the guest accepts, it
//   gets "OK <host port>\n" and then what the guest sends; when not, its connection is closed.
//
//   A guest that connects to the host's (CID 2) port P gets the program that listens at
//   `socket_path` with "_P" behind it, and a reset when there is none.
//
// The listening socket is there from Create until destruction; connections wait in its backlog
// until the guest's driver is up. A reset of the device closes all connections.
class VsockDevice : public LoopDevice {
 public:
  // kInvalidInput, which names the option --vsock, for a CID or path that cannot be.
  static Result<std::shared_ptr<VsockDevice>> Create(const VsockOptions& options);
  ~VsockDevice() override;

  std::string_view Name() const override { return "vsock"; }
  VirtioType Type() const override { return VirtioType::kVsock; }
  uint64_t Features() const override;
  std::span<const uint16_t> QueueSizes() const override;
  void ReadConfig(uint64_t offset, std::span<uint8_t> out) override;

 protected:
  Result<> OnQueueStart(RunningQueue& queue) override;
  bool OnKick(RunningQueue& queue) override;
  void OnQueueStop(RunningQueue& queue) override;

 private:
  VsockDevice(UnixListener listener, const VsockOptions& options)
      : guest_cid_(options.guest_cid),
        timeouts_(options.timeouts),
        listener_(std::move(listener)) {}

  Result<> StartMuxer(EventLoop& loop);
  void KickIfRunning(uint16_t index);
  // Packets from the guest, and to it.
  bool Transmit(RunningQueue& queue);
  void TransmitOne(RunningQueue& queue);
  bool Receive(RunningQueue& queue);

  const uint32_t guest_cid_;
  const VsockTimeouts timeouts_;
  UnixListener listener_;

  // The loop's thread.
  DescriptorChain chain_;
  std::unique_ptr<VsockMuxer> muxer_;  // while both queues run
  bool transmit_waits_ = false;        // for room of the muxer
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_DEVICE_H_
