// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "devices/virtio/chain_io.h"
#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Virtual I/O Device 1.3: queues, section 5.10.2; features, 5.10.3; configuration, 5.10.4.
constexpr uint16_t kReceiveQueue = 0;
constexpr uint16_t kTransmitQueue = 1;
constexpr std::array<uint16_t, 3> kQueueSizes = {256, 256, 16};
constexpr uint64_t kFeatureStream = FeatureBit(0);
constexpr size_t kConfigLength = 8;

// 0 and 1 are no guest's, 2 is the host's, the last is VMADDR_CID_ANY (vsock(7)).
constexpr uint32_t kFirstGuestCid = 3;
constexpr uint32_t kLastGuestCid = 0xffff'fffe;

}  // namespace

Result<std::shared_ptr<VsockDevice>> VsockDevice::Create(const VsockOptions& options) {
  if (options.guest_cid < kFirstGuestCid || options.guest_cid > kLastGuestCid) {
    return InvalidInput(fmt::format("--vsock: CID {} is not one of a guest", options.guest_cid),
                        fmt::format("use {} to {}", kFirstGuestCid, kLastGuestCid));
  }
  UnixListener listener = SEALVM_TRY(UnixListener::Create(options.socket_path));
  return std::shared_ptr<VsockDevice>(new VsockDevice(std::move(listener), options));
}

VsockDevice::~VsockDevice() { Reset(); }

uint64_t VsockDevice::Features() const { return kFeatureInOrder | kFeatureStream; }

std::span<const uint16_t> VsockDevice::QueueSizes() const { return kQueueSizes; }

void VsockDevice::ReadConfig(uint64_t offset, std::span<uint8_t> out) {
  std::array<uint8_t, kConfigLength> config;
  StoreLeAny(config, guest_cid_);
  std::ranges::fill(out, 0);
  if (offset >= config.size()) return;
  const auto rest = std::span(config).subspan(offset);
  std::ranges::copy(rest.first(std::min(rest.size(), out.size())), out.begin());
}

Result<> VsockDevice::OnQueueStart(RunningQueue& started) {
  const bool both = queue(kReceiveQueue) != nullptr && queue(kTransmitQueue) != nullptr;
  return both && !muxer_ ? StartMuxer(started.loop()) : Result<>();
}

Result<> VsockDevice::StartMuxer(EventLoop& loop) {
  muxer_ = SEALVM_TRY(VsockMuxer::Create(loop, listener_, guest_cid_, timeouts_, counters(),
                                         [this] { KickIfRunning(kReceiveQueue); }));
  // It looked at its requests before there was a muxer.
  loop.Post([this] { KickIfRunning(kTransmitQueue); });
  return {};
}

void VsockDevice::KickIfRunning(uint16_t index) {
  if (RunningQueue* const running = queue(index)) Kick(*running);
}

void VsockDevice::OnQueueStop(RunningQueue& stopped) {
  if (stopped.index() == kReceiveQueue || stopped.index() == kTransmitQueue) muxer_.reset();
}

bool VsockDevice::OnKick(RunningQueue& kicked) {
  if (!muxer_) return false;
  if (kicked.index() == kReceiveQueue) return Receive(kicked);
  // Buffers for events wait: of those there is but one, for migrated guests.
  return kicked.index() == kTransmitQueue && Transmit(kicked);
}

bool VsockDevice::Transmit(RunningQueue& transmit) {
  bool more = true;
  for (int i = 0; more && i < kRequestsPerTurn; ++i) {
    transmit_waits_ = !muxer_->MayReceive();
    more = !transmit_waits_ && transmit.Pop(chain_);
    if (more) TransmitOne(transmit);
  }
  transmit.Interrupt();
  if (muxer_->HasPackets()) KickIfRunning(kReceiveQueue);
  return more;
}

void VsockDevice::TransmitOne(RunningQueue& transmit) {
  DeviceCounters::Add(counters().requests);
  ChainCursor cursor(chain_.readable());
  VsockHeaderBytes header;
  if (cursor.Read(*transmit.memory(), header)) {
    muxer_->OnPacket(DecodeVsockHeader(header), cursor, *transmit.memory());
  } else {
    DeviceCounters::Add(counters().errors);
  }
  transmit.Push(chain_, 0);
}

bool VsockDevice::Receive(RunningQueue& receive) {
  bool more = true;
  for (int i = 0; more && i < kRequestsPerTurn; ++i) {
    more = muxer_->HasPackets() && receive.Pop(chain_);
    if (!more) break;
    const Result<uint32_t> written = muxer_->NextPacket(chain_, *receive.memory());
    if (written && *written == 0) {
      receive.Unpop();
      more = false;
      break;
    }
    DeviceCounters::Add(counters().requests);
    if (!written) DeviceCounters::Add(counters().errors);
    receive.Push(chain_, written.value_or(0));
  }
  receive.Interrupt();
  // Posted, so that the two queues do not kick each other deeper and deeper.
  if (transmit_waits_ && muxer_->MayReceive()) {
    transmit_waits_ = false;
    receive.loop().Post([this] { KickIfRunning(kTransmitQueue); });
  }
  return more;
}

}  // namespace sealvm
