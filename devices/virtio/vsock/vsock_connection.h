// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_CONNECTION_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_CONNECTION_H_

#include <stdint.h>

#include <compare>
#include <optional>

#include "devices/virtio/vsock/vsock_packet.h"

namespace sealvm {

// What tells the connections of one guest apart.
struct VsockPorts {
  uint32_t host = 0;
  uint32_t guest = 0;

  friend auto operator<=>(const VsockPorts&, const VsockPorts&) = default;
};

// The state of one stream between the guest and a program of the host: who still sends and
// receives, the credit of both sides (Virtual I/O Device 1.3 section 5.10.6.3), and which packets
// are due. Knows no descriptors and no payloads. Not thread-safe.
class VsockConnection {
 public:
  // What the device keeps for a program that does not read: the credit that the guest gets.
  static constexpr uint32_t kBufferBytes = 128 << 10;

  // The guest asked for it by `request` and the host's program was reached: an answer is due.
  static VsockConnection Accepted(const VsockHeader& request);
  // A program of the host asks for it: a request is due.
  static VsockConnection Requested(VsockPorts ports, uint32_t guest_cid);

  enum class Verdict {
    kContinue,
    kReset,  // the guest broke the rules or gives up half-open: answer kReset and forget it
    kGone,   // the guest forgot it: forget it without an answer
  };

  // A packet of the guest on this connection. After kContinue on kData the payload is counted as
  // kept, until OnForwarded.
  Verdict OnPacket(const VsockHeader& packet);

  // Of the bytes kept, the host's program took `bytes`, or will never take them.
  void OnForwarded(uint32_t bytes);
  // The host's program sends no more; all that it sent was read.
  void OnHostEnd();
  // The host's program receives no more. What is kept counts as forwarded.
  void OnHostDeaf();

  // The next packet without payload that is due; counts as sent.
  std::optional<VsockHeader> TakeControl();
  bool HasControl() const;
  // The header of a packet with `length` bytes, at most credit(), which counts as sent.
  VsockHeader TakeData(uint32_t length);

  const VsockPorts& ports() const { return ports_; }
  // The guest answered, or asked itself.
  bool open() const { return open_; }
  // The guest heard of the connection.
  bool known_to_guest() const { return !request_due_; }
  // Bytes that the guest has room for.
  uint32_t credit() const;
  // Whether what the host's program sends may go to the guest now.
  bool WantsHostData() const { return open_ && guest_receives_ && host_sends_ && credit() > 0; }
  // Bytes kept for the host's program.
  uint32_t kept() const { return kept_; }
  bool guest_sends() const { return guest_sends_; }
  bool guest_receives() const { return guest_receives_; }
  bool host_sends() const { return host_sends_; }
  bool host_receives() const { return host_receives_; }
  // The host's program has left; the guest has to end its side.
  bool host_gone() const { return !host_sends_ && !host_receives_; }
  // The guest ended both directions and everything was forwarded: answer kReset and forget it.
  bool finished() const { return !guest_sends_ && !guest_receives_ && kept_ == 0; }

 private:
  VsockConnection(VsockPorts ports, uint64_t guest_cid) : ports_(ports), guest_cid_(guest_cid) {}

  Verdict OnOpenPacket(const VsockHeader& packet);
  Verdict OnData(uint32_t length);
  void OnOpened();
  VsockHeader Stamp(VsockOp op);

  VsockPorts ports_;
  uint64_t guest_cid_;
  bool open_ = false;

  bool guest_sends_ = true;
  bool guest_receives_ = true;
  bool host_sends_ = true;
  bool host_receives_ = true;

  bool request_due_ = false;
  bool response_due_ = false;
  bool shutdown_due_ = false;
  bool credit_update_due_ = false;
  bool credit_request_due_ = false;

  // Counters of bytes that wrap, as the specification's do.
  uint32_t kept_ = 0;
  uint32_t forwarded_ = 0;
  uint32_t forwarded_told_ = 0;
  uint32_t sent_ = 0;
  uint32_t guest_buffer_ = 0;
  uint32_t guest_forwarded_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_CONNECTION_H_
