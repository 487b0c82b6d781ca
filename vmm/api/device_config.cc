// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/device_config.h"

#include <charconv>

#include "vmm/api/names.h"

namespace sealvm {
namespace {

using internal::NameTable;

constexpr NameTable<PciBars>::Entry kPciBars[] = {
    {PciBars::kAuto, "auto"},
    {PciBars::kMmio, "mmio"},
    {PciBars::kIo, "io"},
};
constexpr NameTable<PciBars> kPciBarsNames(kPciBars);

constexpr NameTable<DiskFormat>::Entry kDiskFormats[] = {{DiskFormat::kRaw, "raw"}};
constexpr NameTable<DiskFormat> kDiskFormatNames(kDiskFormats);

constexpr NameTable<DiskEngine>::Entry kDiskEngines[] = {
    {DiskEngine::kAuto, "auto"},
    {DiskEngine::kIoUring, "io_uring"},
    {DiskEngine::kThreads, "threads"},
};
constexpr NameTable<DiskEngine> kDiskEngineNames(kDiskEngines);

constexpr NameTable<NetBackend>::Entry kNetBackends[] = {
    {NetBackend::kUser, "user"},
    {NetBackend::kTap, "tap"},
    {NetBackend::kTapFd, "fd"},
};
constexpr NameTable<NetBackend> kNetBackendNames(kNetBackends);

constexpr NameTable<PortForward::Protocol>::Entry kProtocols[] = {
    {PortForward::Protocol::kTcp, "tcp"},
    {PortForward::Protocol::kUdp, "udp"},
};
constexpr NameTable<PortForward::Protocol> kProtocolNames(kProtocols);

std::unexpected<Error> NoForward(std::string_view text, std::string_view problem) {
  std::string message = "'";
  message.append(text).append("' is no forward: ").append(problem);
  return InvalidInput(std::move(message), "such as tcp:127.0.0.1:2222-:22");
}

// Nothing for what is no port.
std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (status != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// The first word of `text` up to `separator`, which goes too. Nothing without the separator.
std::optional<std::string_view> TakeWord(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  if (end == text.npos) return std::nullopt;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end + 1);
  return word;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <typename Device>
void FillIds(std::vector<Device>& devices, std::string_view kind) {
  for (size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].id.empty()) devices[i].id = std::string(kind) + std::to_string(i);
  }
}

}  // namespace

std::string_view PciBarsName(PciBars bars) { return kPciBarsNames.NameOf(bars); }
Result<PciBars> ParsePciBars(std::string_view name) {
  return kPciBarsNames.Parse("kind of PCI register window", name);
}

std::string_view DiskFormatName(DiskFormat format) { return kDiskFormatNames.NameOf(format); }
Result<DiskFormat> ParseDiskFormat(std::string_view name) {
  return kDiskFormatNames.Parse("disk format", name);
}

std::string_view DiskEngineName(DiskEngine engine) { return kDiskEngineNames.NameOf(engine); }
Result<DiskEngine> ParseDiskEngine(std::string_view name) {
  return kDiskEngineNames.Parse("disk engine", name);
}

std::string_view NetBackendName(NetBackend backend) { return kNetBackendNames.NameOf(backend); }
Result<NetBackend> ParseNetBackend(std::string_view name) {
  return kNetBackendNames.Parse("network backend", name);
}

std::string FormatMacAddress(const MacAddress& mac) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : mac) {
    if (!text.empty()) text.push_back(':');
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 0xf]);
  }
  return text;
}

Result<MacAddress> ParseMacAddress(std::string_view text) {
  constexpr size_t kTextBytes = 6 * 3 - 1;
  MacAddress mac = {};
  bool good = text.size() == kTextBytes;
  for (size_t i = 0; good && i < mac.size(); ++i) {
    const int high = HexDigit(text[i * 3]);
    const int low = HexDigit(text[i * 3 + 1]);
    good = high >= 0 && low >= 0 && (i + 1 == mac.size() || text[i * 3 + 2] == ':');
    mac[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (good) return mac;
  return InvalidInput("'" + std::string(text) + "' is no MAC address", "such as 52:54:00:12:34:56");
}

std::string FormatPortForward(const PortForward& forward) {
  return std::string(kProtocolNames.NameOf(forward.protocol)) + ":" + forward.host_address + ":" +
         std::to_string(forward.host_port) + "-:" + std::to_string(forward.guest_port);
}

Result<PortForward> ParsePortForward(std::string_view text) {
  std::string_view rest = text;
  const std::optional<std::string_view> protocol = TakeWord(rest, ':');
  if (!protocol) return NoForward(text, "it has no protocol");
  PortForward forward;
  forward.protocol = SEALVM_TRY(kProtocolNames.Parse("protocol to forward", *protocol));
  if (rest.starts_with('[')) return NoForward(text, "the host's address is not IPv4");
  const std::optional<std::string_view> address = TakeWord(rest, ':');
  if (!address) return NoForward(text, "it has no host address, which may be empty");
  forward.host_address = *address;
  const std::optional<std::string_view> host_port = TakeWord(rest, '-');
  const std::optional<std::string_view> guest_address =
      host_port ? TakeWord(rest, ':') : std::nullopt;
  if (!guest_address) return NoForward(text, "it has no guest port");
  if (!guest_address->empty()) return NoForward(text, "the guest's address must be empty");
  const std::optional<uint16_t> from = ParsePort(*host_port);
  const std::optional<uint16_t> to = ParsePort(rest);
  if (!from || !to) return NoForward(text, "ports are numbers from 1 to 65535");
  forward.host_port = *from;
  forward.guest_port = *to;
  return forward;
}

DevicesConfig WithDefaultIds(DevicesConfig devices) {
  FillIds(devices.disks, "disk");
  FillIds(devices.nets, "net");
  FillIds(devices.shares, "fs");
  return devices;
}

}  // namespace sealvm
