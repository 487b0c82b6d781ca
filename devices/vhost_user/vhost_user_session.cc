// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/vhost_user_session.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "devices/vhost_user/shared_memory.h"

namespace sealvm {

using vhost_user::kFeatureProtocolFeatures;

namespace {

constexpr uint64_t kProtocolFeatures =
    vhost_user::kProtocolMq | vhost_user::kProtocolReplyAck | vhost_user::kProtocolResetDevice;

// What the driver negotiates with the transport alone. The first would make the back-end ask an
// IOMMU for every address; of the second it sees a ring that is stopped and started.
constexpr uint64_t kTransportsOwn = kFeatureAccessPlatform | kFeatureRingReset;

// A feature that asks for a log of written memory, for migration (QEMU documentation, "Vhost-user
// Protocol", section "Migration"); no virtio feature.
constexpr uint64_t kFeatureLogAll = FeatureBit(26);

// Both positions of a packed ring at its start: index 0, wrap counter 1 (the same, section "Vring
// descriptor indices for packed virtqueues").
constexpr uint32_t kPackedStart = 0x8000'8000;

}  // namespace

Result<std::unique_ptr<VhostUserSession>> VhostUserSession::Connect(
    const std::string& path, std::chrono::milliseconds patience) {
  vhost_user::MessageSocket socket = SEALVM_TRY(vhost_user::MessageSocket::Connect(path));
  std::unique_ptr<VhostUserSession> session(
      new VhostUserSession(VhostUserFrontend(std::move(socket), patience)));
  SEALVM_TRY(session->Greet());
  return session;
}

Result<> VhostUserSession::Greet() {
  offered_ = SEALVM_TRY(frontend_.GetFeatures());
  if (has_protocol_features()) {
    protocol_ = SEALVM_TRY(frontend_.GetProtocolFeatures()) & kProtocolFeatures;
    SEALVM_TRY(frontend_.SetProtocolFeatures(protocol_));
  }
  SEALVM_TRY(frontend_.SetOwner());
  if ((protocol_ & vhost_user::kProtocolMq) != 0) {
    max_queues_ = SEALVM_TRY(frontend_.GetQueueNum());
  }
  features_ = offered_ & ~(kFeatureProtocolFeatures | kFeatureLogAll | kTransportsOwn);
  if ((features_ & kFeatureVersion1) == 0) {
    return HostError("the back-end does not offer VIRTIO_F_VERSION_1");
  }
  return {};
}

bool VhostUserSession::has_protocol_features() const {
  return (offered_ & kFeatureProtocolFeatures) != 0;
}

Result<> VhostUserSession::Begin(uint64_t features, const SharedView& memory) {
  negotiated_ = features & ~kTransportsOwn;
  if (const uint64_t lacking = negotiated_ & ~features_; lacking != 0) {
    return HostError(
        fmt::format("the back-end lacks features {:#x} that the driver negotiated", lacking));
  }
  const int fd = memory.memory().backing().fd();
  SEALVM_TRY(vhost_user::SealForSharing(fd));
  const std::vector<vhost_user::MemoryRegion> regions =
      vhost_user::RegionsOf(memory.memory().layout());
  SEALVM_TRY(frontend_.SetFeatures(negotiated_ | (offered_ & kFeatureProtocolFeatures)));
  return frontend_.SetMemTable(regions, std::vector<int>(regions.size(), fd));
}

Result<> VhostUserSession::StartRing(const Ring& ring) {
  const bool packed = (negotiated_ & kFeaturePacked) != 0;
  SEALVM_TRY(frontend_.SetVringNum(ring.index, ring.layout.size));
  SEALVM_TRY(frontend_.SetVringBase(ring.index, packed ? kPackedStart : 0));
  SEALVM_TRY(frontend_.SetVringAddresses({.index = ring.index,
                                          .flags = 0,
                                          .descriptor_area = ring.layout.descriptor_area,
                                          .device_area = ring.layout.device_area,
                                          .driver_area = ring.layout.driver_area,
                                          .log = 0}));
  SEALVM_TRY(frontend_.SetVringErr(ring.index, ring.error_fd));
  SEALVM_TRY(frontend_.SetVringCall(ring.index, ring.call_fd));
  SEALVM_TRY(frontend_.SetVringKick(ring.index, ring.kick_fd));
  if (has_protocol_features()) SEALVM_TRY(frontend_.SetVringEnable(ring.index, true));
  // A back-end that acknowledges nothing shows by an answer that it got this far.
  if ((protocol_ & vhost_user::kProtocolReplyAck) == 0) SEALVM_TRY(frontend_.GetFeatures());
  return {};
}

Result<> VhostUserSession::StopRing(uint16_t index) {
  if (has_protocol_features()) SEALVM_TRY(frontend_.SetVringEnable(index, false));
  SEALVM_TRY(frontend_.GetVringBase(index));
  return {};
}

Result<> VhostUserSession::ResetDevice() {
  if ((protocol_ & vhost_user::kProtocolResetDevice) == 0) return {};
  return frontend_.ResetDevice();
}

}  // namespace sealvm
