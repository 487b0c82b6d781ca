// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>
#include <utility>

#include "devices/virtio/net/mac_from_seed.h"
#include "devices/virtio/net/passt_peer.h"
#include "devices/virtio/net/tap_peer.h"

namespace sealvm {
namespace {

constexpr uint16_t kControlQueueSize = 64;
// More than a tap's queue holds by default (500, "qlen").
constexpr int kStaleFrames = 1024;

constexpr uint64_t kOffloadFeatures = kNetCsum | kNetGuestCsum | kNetGuestTso4 | kNetGuestTso6 |
                                      kNetGuestEcn | kNetHostTso4 | kNetHostTso6 | kNetHostEcn;

Result<> Validate(const NetOptions& options) {
  if (!std::has_single_bit(options.queue_size) || options.queue_size > NetOptions::kMaxQueueSize) {
    return InvalidInput(fmt::format("{}: queue size {} is no power of two up to {}", options.name,
                                    options.queue_size, NetOptions::kMaxQueueSize));
  }
  const uint16_t most =
      options.backend == NetOptions::Backend::kTap ? NetOptions::kMaxQueuePairs : uint16_t{1};
  if (options.queue_pairs >= 1 && options.queue_pairs <= most) return {};
  return InvalidInput(
      fmt::format("{}: {} queue pairs, where {} can be", options.name, options.queue_pairs, most),
      "several are for tap devices by name");
}

using Peers = std::vector<std::unique_ptr<NetPeer>>;

Result<Peers> MakePeers(const NetOptions& options) {
  if (options.backend == NetOptions::Backend::kTap) {
    return TapPeer::Open(options.tap, options.queue_pairs);
  }
  Peers peers;
  peers.push_back(SEALVM_TRY(options.backend == NetOptions::Backend::kTapFd
                                 ? TapPeer::FromFd(options.fd)
                                 : PasstPeer::Start(options.user)));
  return peers;
}

// machine-id(5): 32 digits. A host without one has guests that are alike on another such host.
std::string MachineId() {
  std::ifstream file("/etc/machine-id");
  std::string line;
  std::getline(file, line);
  return line;
}

MacAddress ChooseMac(const NetOptions& options, const NetPeer& peer) {
  if (options.mac) return *options.mac;
  const auto* const tap = dynamic_cast<const TapPeer*>(&peer);
  if (tap == nullptr) return MacFromSeed(options.name);
  return MacFromSeed(fmt::format("{}/{}/{}", options.name, tap->interface_name(), MachineId()));
}

}  // namespace

Result<std::shared_ptr<NetDevice>> NetDevice::Create(NetOptions options) {
  SEALVM_TRY(Validate(options));
  Peers peers = SEALVM_TRY(MakePeers(options));
  return CreateOn(std::move(options), std::move(peers));
}

std::shared_ptr<NetDevice> NetDevice::CreateOn(NetOptions options, Peers peers) {
  return std::shared_ptr<NetDevice>(new NetDevice(std::move(options), std::move(peers)));
}

NetDevice::NetDevice(NetOptions options, Peers peers)
    : options_(std::move(options)),
      mac_(ChooseMac(options_, *peers[0])),
      offered_(kNetMac | kNetStatus | kNetMergeableBuffers),
      queue_sizes_(2 * peers.size(), options_.queue_size),
      receive_rate_(options_.receive),
      transmit_rate_(options_.transmit) {
  if (peers[0]->offloads()) offered_ |= kOffloadFeatures;
  if (peers.size() > 1) {
    offered_ |= kNetControlQueue | kNetMultiQueue;
    queue_sizes_.push_back(kControlQueueSize);
  }
  for (std::unique_ptr<NetPeer>& peer : peers) {
    NetPair::Hooks hooks = {
        .kick = [this](RunningQueue& queue) { Kick(queue); },
        .gone = [this](const std::string& reason) { LinkDown(reason); },
    };
    pairs_.push_back(std::make_unique<NetPair>(std::move(peer), pairs_.empty(), receive_rate_,
                                               transmit_rate_, counters(), std::move(hooks)));
  }
}

NetDevice::~NetDevice() { Reset(); }

void NetDevice::ReadConfig(uint64_t offset, std::span<uint8_t> out) {
  std::array<uint8_t, kNetConfigSize> config = {};
  std::ranges::copy(mac_, config.begin() + kNetConfigMac);
  config[kNetConfigStatus] = link_up() ? kNetStatusLinkUp : 0;
  config[kNetConfigQueuePairs] = static_cast<uint8_t>(pairs_.size());
  std::ranges::fill(out, 0);
  if (offset >= config.size()) return;
  const size_t length = std::min<size_t>(out.size(), config.size() - offset);
  std::copy_n(config.begin() + static_cast<ptrdiff_t>(offset), length, out.begin());
}

// Section 5.1.2: the control queue follows the last pair that was negotiated.
bool NetDevice::IsControl(uint16_t queue) const {
  return (features() & kNetControlQueue) != 0 && queue == 2 * UsedPairs();
}

size_t NetDevice::LoopOf(uint16_t queue) const {
  const size_t pair = queue / 2;
  return pair < UsedPairs() ? pair : 0;
}

Result<> NetDevice::OnActivate() {
  NetPeer& peer = pairs_[0]->peer();
  if (!link_up()) return {};
  if (const Result<> set = peer.SetGuestFeatures(features()); !set) LinkDown(set.error().message);
  // Frames from before may have what this driver did not negotiate.
  for (int i = 0; peer.offloads() && i < kStaleFrames; ++i) {
    if (peer.Receive({}).outcome != NetPeer::Outcome::kDone) break;
  }
  return {};
}

Result<> NetDevice::OnQueueStart(RunningQueue& queue) {
  if (IsControl(queue.index())) return {};
  const size_t pair = queue.index() / 2;
  if (pair >= UsedPairs()) {
    return InvalidInput(fmt::format("queue {} was not negotiated", queue.index()));
  }
  return queue.index() % 2 == 0 ? pairs_[pair]->StartReceive(queue, features())
                                : pairs_[pair]->StartTransmit(queue, features());
}

bool NetDevice::OnKick(RunningQueue& queue) {
  if (IsControl(queue.index())) return ServeControl(queue);
  NetPair& pair = *pairs_[queue.index() / 2];
  return queue.index() % 2 == 0 ? pair.Receive(kRequestsPerTurn) : pair.Transmit(kRequestsPerTurn);
}

void NetDevice::OnQueueStop(RunningQueue& queue) {
  if (IsControl(queue.index())) return;
  NetPair& pair = *pairs_[queue.index() / 2];
  queue.index() % 2 == 0 ? pair.StopReceive() : pair.StopTransmit();
}

// What fails here fails because the link is gone, and is said when it is used.
void NetDevice::OnReset() {
  for (size_t i = 1; i < pairs_.size(); ++i) (void)pairs_[i]->SetAttached(false);
  (void)pairs_[0]->peer().SetGuestFeatures(0);
}

void NetDevice::LinkDown(const std::string& reason) {
  if (!link_up_.exchange(false)) return;
  options_.logger.Log(LogLevel::kWarning, "{}: the link is down: {}", options_.name, reason);
  if (transport() != nullptr) transport()->InterruptConfig();
}

bool NetDevice::ServeControl(RunningQueue& queue) {
  int left = kRequestsPerTurn;
  while (left > 0) {
    if (!queue.Pop(control_chain_)) {
      if (queue.failed() || !queue.WantKicks(true)) break;
      continue;
    }
    --left;
    const uint8_t answer = Control(*queue.memory(), control_chain_);
    const Result<> written =
        ChainCursor(control_chain_.writable()).WriteObject(*queue.memory(), answer);
    if (!written || answer != kNetControlOk) DeviceCounters::Add(counters().errors);
    queue.Push(control_chain_, written ? sizeof(answer) : 0);
  }
  queue.Interrupt();
  return left == 0;
}

uint8_t NetDevice::Control(SharedView& memory, const DescriptorChain& chain) {
  struct [[gnu::packed]] Command {
    uint8_t command_class;
    uint8_t command;
    uint16_t pairs;
  };
  const Result<Command> command = ChainCursor(chain.readable()).ReadObject<Command>(memory);
  if (!command || command->command_class != kNetControlMq ||
      command->command != kNetControlMqPairsSet || command->pairs < 1 ||
      command->pairs > UsedPairs()) {
    return kNetControlError;
  }
  return UsePairs(command->pairs) ? kNetControlOk : kNetControlError;
}

// On the first pair's loop.
Result<> NetDevice::UsePairs(size_t count) {
  Result<> result;
  for (size_t i = 1; i < UsedPairs() && result; ++i) {
    loop(i).Run([&] { result = pairs_[i]->SetAttached(i < count); });
  }
  return result;
}

}  // namespace sealvm
