// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VHOST_USER_VHOST_USER_SESSION_H_
#define SEALVM_DEVICES_VHOST_USER_VHOST_USER_SESSION_H_

#include <stdint.h>

#include <chrono>
#include <memory>
#include <string>

#include "devices/vhost_user/vhost_user_frontend.h"
#include "devices/virtio/virtqueue.h"
#include "memory/base/result.h"
#include "memory/shared_view.h"

namespace sealvm {

// One connection to a vhost-user back-end, from its greeting on: what it offers, and the order of
// requests in which memory and rings are handed over and taken back. Not thread-safe.
class VhostUserSession {
 public:
  // A ring to hand over. The eventfds are lent; the back-end gets copies.
  struct Ring {
    uint16_t index = 0;
    QueueLayout layout;
    int kick_fd = -1;
    int call_fd = -1;  // written by the back-end to interrupt the driver
    int error_fd = -1;
  };

  // Connects, asks for the features and owns the session. Errors do not name `path`; those of kind
  // kInvalidInput say that nobody listens there.
  static Result<std::unique_ptr<VhostUserSession>> Connect(const std::string& path,
                                                           std::chrono::milliseconds patience);

  // Virtio features that the back-end offers.
  uint64_t features() const { return features_; }
  // The most queues that it serves; 0 when it does not say.
  uint64_t max_queues() const { return max_queues_; }

  // Tells the negotiated features, of which the back-end must offer all but the transport's own,
  // and hands over the guest's memory. Before any ring.
  Result<> Begin(uint64_t features, const SharedView& memory);
  // A ring that is new: nothing was used of it yet.
  Result<> StartRing(const Ring& ring);
  // When it returns without an error the back-end does not touch the ring any more.
  Result<> StopRing(uint16_t index);
  // When all rings are stopped: the back-end forgets the driver, if it can.
  Result<> ResetDevice();

  bool Usable() const { return frontend_.Usable(); }
  // The socket, lent, to be watched for its end alone.
  int fd() const { return frontend_.fd(); }

 private:
  explicit VhostUserSession(VhostUserFrontend frontend) : frontend_(std::move(frontend)) {}
  Result<> Greet();
  bool has_protocol_features() const;

  VhostUserFrontend frontend_;
  uint64_t offered_ = 0;   // device features, with that of vhost-user
  uint64_t protocol_ = 0;  // protocol features in use
  uint64_t features_ = 0;
  uint64_t max_queues_ = 0;
  uint64_t negotiated_ = 0;  // by Begin
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VHOST_USER_VHOST_USER_SESSION_H_
