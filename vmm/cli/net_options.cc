// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/device_keys.h"

namespace sealvm {
namespace {

using namespace device_keys;

// One --net: a network, or the word that there is to be none.
struct NetEntry : NetConfig {
  bool backend_named = false;
  bool is_none = false;
};

constexpr std::string_view kNone = "none";
constexpr std::string_view kBackendHint = "one of user, tap=NAME, fd=N, none";

Result<> ApplyBackend(NetEntry& entry, std::string_view text) {
  entry.is_none = text == kNone;
  if (entry.is_none) return {};
  const Result<NetBackend> backend = ParseNetBackend(text);
  if (!backend) return InvalidInput(backend.error().message, std::string(kBackendHint));
  entry.backend = *backend;
  entry.backend_named = true;
  return {};
}

Result<> ApplyForward(NetEntry& entry, std::string_view text) {
  entry.forwards.push_back(SEALVM_TRY(ParsePortForward(text)));
  return {};
}

Texts RenderForwards(const NetEntry& entry) {
  Texts texts;
  for (const PortForward& forward : entry.forwards) texts.push_back(FormatPortForward(forward));
  return texts;
}

Result<> ApplyMac(NetEntry& entry, std::string_view text) {
  entry.mac = SEALVM_TRY(ParseMacAddress(text));
  return {};
}

Texts RenderMac(const NetEntry& entry) {
  return entry.mac ? Texts{FormatMacAddress(*entry.mac)} : Texts();
}

Texts RenderFd(const NetEntry& entry) {
  return entry.fd < 0 ? Texts() : Texts{std::to_string(entry.fd)};
}

// One queue pair is no wish, and the other backends take none.
Texts RenderQueues(const NetEntry& entry) {
  return entry.queue_pairs == 1 ? Texts() : Texts{std::to_string(entry.queue_pairs)};
}

constexpr KeySpec<NetEntry> kNetKeys[] = {
    {{"backend", ValueKind::kString},
     ApplyBackend,
     RenderName<&NetConfig::backend, NetBackendName>},
    TextKey<&NetConfig::tap, NetEntry>("tap"),
    {{"fd", ValueKind::kInteger},
     ApplyNumber<&NetConfig::fd, 0, std::numeric_limits<int>::max()>,
     RenderFd},
    {{"hostfwd", ValueKind::kString, KeyPresence::kRepeated}, ApplyForward, RenderForwards},
    TextKey<&NetConfig::id, NetEntry>("id"),
    {{"mac", ValueKind::kString}, ApplyMac, RenderMac},
    {{"queues", ValueKind::kInteger},
     ApplyNumber<&NetConfig::queue_pairs, 1, kMaxDeviceQueues>,
     RenderQueues},
    QueueSizeKey<&NetConfig::queue_size, NetEntry>(),
    BytesKey<&NetConfig::receive_limits, &RateLimits::bytes_per_second, NetEntry>(
        "rx-bytes-per-second"),
    BytesKey<&NetConfig::receive_limits, &RateLimits::bytes_burst, NetEntry>("rx-bytes-burst"),
    OpsKey<&NetConfig::receive_limits, &RateLimits::ops_per_second, NetEntry>("rx-ops-per-second"),
    OpsKey<&NetConfig::receive_limits, &RateLimits::ops_burst, NetEntry>("rx-ops-burst"),
    BytesKey<&NetConfig::transmit_limits, &RateLimits::bytes_per_second, NetEntry>(
        "tx-bytes-per-second"),
    BytesKey<&NetConfig::transmit_limits, &RateLimits::bytes_burst, NetEntry>("tx-bytes-burst"),
    OpsKey<&NetConfig::transmit_limits, &RateLimits::ops_per_second, NetEntry>("tx-ops-per-second"),
    OpsKey<&NetConfig::transmit_limits, &RateLimits::ops_burst, NetEntry>("tx-ops-burst"),
};
constexpr std::span<const KeySpec<NetEntry>> kNetSpecs(kNetKeys);

// "tap=NAME" and "fd=N" name the backend too.
Result<> ResolveBackend(NetEntry& entry) {
  const bool has_tap = !entry.tap.empty();
  const bool has_fd = entry.fd >= 0;
  if (has_tap && has_fd) return InvalidInput("tap and fd exclude each other");
  if (!entry.backend_named) {
    if (!has_tap && !has_fd) return InvalidInput("backend is missing", std::string(kBackendHint));
    entry.backend = has_tap ? NetBackend::kTap : NetBackend::kTapFd;
  }
  if (entry.backend == NetBackend::kTap && !has_tap) {
    return InvalidInput("tap is missing", "tap=NAME names the tap device");
  }
  if (entry.backend == NetBackend::kTapFd && !has_fd) {
    return InvalidInput("fd is missing", "fd=N is the number of an open tap descriptor");
  }
  return {};
}

// Nothing for `none`.
Result<std::optional<NetConfig>> NetFrom(const KeyValues& keys, size_t uses) {
  NetEntry entry = SEALVM_TRY(ObjectFromKeys(kNetSpecs, keys));
  if (entry.is_none) {
    if (keys.size() == 1 && uses == 1) return std::nullopt;
    return InvalidInput("none stands alone");
  }
  SEALVM_TRY(ResolveBackend(entry));
  return std::optional<NetConfig>(static_cast<NetConfig&&>(entry));
}

Result<> ReplaceNets(RunOptions& options, std::span<const TableValue> values) {
  std::vector<NetConfig> nets;
  for (const TableValue& value : values) {
    Result<std::optional<NetConfig>> net = NetFrom(value.keys, values.size());
    if (!net) return WithContext(std::move(net).error(), value.where);
    if (*net) nets.push_back(**std::move(net));
  }
  options.machine.devices.nets = std::move(nets);
  return {};
}

std::vector<KeyValues> RenderNets(const RunOptions& options) {
  std::vector<KeyValues> lists;
  for (const NetConfig& net : options.machine.devices.nets) {
    lists.push_back(KeysFromObject(kNetSpecs, NetEntry{net}));
  }
  return lists;
}

}  // namespace

const TableOption kNetOption = {true, "backend", [] { return ShapesOf(kNetSpecs); }, ReplaceNets,
                                RenderNets};

}  // namespace sealvm
