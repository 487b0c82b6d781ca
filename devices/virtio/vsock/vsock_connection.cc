// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_connection.h"

#include <utility>

namespace sealvm {

VsockConnection VsockConnection::Accepted(const VsockHeader& request) {
  VsockConnection connection({.host = request.dst_port, .guest = request.src_port},
                             request.src_cid);
  connection.guest_buffer_ = request.buf_alloc;
  connection.guest_forwarded_ = request.fwd_cnt;
  connection.response_due_ = true;
  connection.OnOpened();
  return connection;
}

VsockConnection VsockConnection::Requested(VsockPorts ports, uint32_t guest_cid) {
  VsockConnection connection(ports, guest_cid);
  connection.request_due_ = true;
  return connection;
}

void VsockConnection::OnOpened() {
  open_ = true;
  // A guest need not tell of room by itself.
  if (credit() == 0) credit_request_due_ = true;
}

VsockConnection::Verdict VsockConnection::OnPacket(const VsockHeader& packet) {
  if (packet.op == VsockOp::kReset) return Verdict::kGone;
  guest_buffer_ = packet.buf_alloc;
  guest_forwarded_ = packet.fwd_cnt;
  if (open_) return OnOpenPacket(packet);
  if (packet.op != VsockOp::kResponse || request_due_) return Verdict::kReset;
  OnOpened();
  return Verdict::kContinue;
}

VsockConnection::Verdict VsockConnection::OnOpenPacket(const VsockHeader& packet) {
  switch (packet.op) {
    case VsockOp::kData:
      return OnData(packet.len);
    case VsockOp::kShutdown:
      if ((packet.flags & kVsockNoSend) != 0) guest_sends_ = false;
      if ((packet.flags & kVsockNoReceive) != 0) guest_receives_ = false;
      return Verdict::kContinue;
    case VsockOp::kCreditRequest:
      credit_update_due_ = true;
      return Verdict::kContinue;
    case VsockOp::kCreditUpdate:
      return Verdict::kContinue;
    default:
      return Verdict::kReset;
  }
}

VsockConnection::Verdict VsockConnection::OnData(uint32_t length) {
  if (!guest_sends_ || length > kBufferBytes - kept_) return Verdict::kReset;
  kept_ += length;
  return Verdict::kContinue;
}

void VsockConnection::OnForwarded(uint32_t bytes) {
  kept_ -= bytes;
  forwarded_ += bytes;
  // Before the guest's view of the buffer is empty, and not for every packet.
  if (guest_sends_ && forwarded_ - forwarded_told_ >= kBufferBytes / 2) credit_update_due_ = true;
}

void VsockConnection::OnHostEnd() {
  if (std::exchange(host_sends_, false)) shutdown_due_ = true;
}

void VsockConnection::OnHostDeaf() {
  if (std::exchange(host_receives_, false)) shutdown_due_ = true;
  OnForwarded(kept_);
}

bool VsockConnection::HasControl() const {
  if (!open_) return request_due_;
  return response_due_ || shutdown_due_ || credit_update_due_ || credit_request_due_;
}

std::optional<VsockHeader> VsockConnection::TakeControl() {
  if (std::exchange(request_due_, false)) return Stamp(VsockOp::kRequest);
  if (!open_) return std::nullopt;
  if (std::exchange(response_due_, false)) return Stamp(VsockOp::kResponse);
  if (std::exchange(shutdown_due_, false)) {
    VsockHeader header = Stamp(VsockOp::kShutdown);
    header.flags = (host_sends_ ? 0 : kVsockNoSend) | (host_receives_ ? 0 : kVsockNoReceive);
    return header;
  }
  if (credit_update_due_) return Stamp(VsockOp::kCreditUpdate);
  if (std::exchange(credit_request_due_, false)) return Stamp(VsockOp::kCreditRequest);
  return std::nullopt;
}

VsockHeader VsockConnection::TakeData(uint32_t length) {
  sent_ += length;
  if (credit() == 0) credit_request_due_ = true;
  VsockHeader header = Stamp(VsockOp::kData);
  header.len = length;
  return header;
}

uint32_t VsockConnection::credit() const {
  // Nonsense that a guest says gives it nothing.
  const uint32_t in_flight = sent_ - guest_forwarded_;
  return in_flight < guest_buffer_ ? guest_buffer_ - in_flight : 0;
}

// Every packet tells the credit.
VsockHeader VsockConnection::Stamp(VsockOp op) {
  credit_update_due_ = false;
  forwarded_told_ = forwarded_;
  return {.src_cid = kVsockHostCid,
          .dst_cid = guest_cid_,
          .src_port = ports_.host,
          .dst_port = ports_.guest,
          .op = op,
          .buf_alloc = kBufferBytes,
          .fwd_cnt = forwarded_};
}

}  // namespace sealvm
