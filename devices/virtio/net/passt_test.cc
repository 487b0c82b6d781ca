// SPDX-License-Identifier: Apache-2.0
// What a guest sees of the passt that is installed, in a network with nothing but a loopback.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>

#include <chrono>

#include "devices/virtio/net/net_namespace.h"
#include "devices/virtio/net/net_testing.h"
#include "devices/virtio/net/passt_peer.h"

namespace sealvm {
namespace {

constexpr MacAddress kGuestMac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
constexpr MacAddress kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr char kGuestAddress[] = "10.0.2.15";
constexpr char kGateway[] = "10.0.2.2";
constexpr std::chrono::seconds kPatience{20};

template <typename T>
void Append(Bytes& bytes, const T& value) {
  const auto* const start = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), start, start + sizeof(value));
}

template <typename T>
std::optional<T> Extract(const Bytes& bytes, size_t offset) {
  T value;
  if (bytes.size() < offset + sizeof(value)) return std::nullopt;
  memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

uint16_t Checksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) sum += bytes[i] << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<uint16_t>(~sum));
}

in_addr Address(const char* text) {
  in_addr address = {};
  inet_pton(AF_INET, text, &address);
  return address;
}

Bytes EthernetHeader(const MacAddress& to, uint16_t protocol) {
  Bytes header(to.begin(), to.end());
  header.insert(header.end(), kGuestMac.begin(), kGuestMac.end());
  Append(header, htons(protocol));
  return header;
}

Bytes IpFrame(const MacAddress& to, uint8_t protocol, in_addr from, in_addr target,
              const Bytes& content) {
  iphdr ip = {};
  ip.version = 4;
  ip.ihl = 5;
  ip.tot_len = htons(static_cast<uint16_t>(sizeof(ip) + content.size()));
  ip.ttl = 64;
  ip.protocol = protocol;
  ip.saddr = from.s_addr;
  ip.daddr = target.s_addr;
  Bytes header;
  Append(header, ip);
  ip.check = Checksum(header);
  Bytes frame = EthernetHeader(to, ETH_P_IP);
  Append(frame, ip);
  frame.insert(frame.end(), content.begin(), content.end());
  return frame;
}

// RFC 2131: BOOTP's fields, the magic cookie, option 53 (message type) "discover".
Bytes DhcpDiscover() {
  Bytes message(236);
  message[0] = 1;  // request
  message[1] = 1;  // Ethernet
  message[2] = 6;
  message[4] = 0x17;  // transaction
  std::ranges::copy(kGuestMac, message.begin() + 28);
  message.insert(message.end(), {0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255});
  udphdr udp = {};
  udp.source = htons(68);
  udp.dest = htons(67);
  udp.len = htons(static_cast<uint16_t>(sizeof(udp) + message.size()));
  Bytes content;
  Append(content, udp);
  content.insert(content.end(), message.begin(), message.end());
  return IpFrame(kBroadcast, IPPROTO_UDP, Address("0.0.0.0"), Address("255.255.255.255"), content);
}

Bytes ArpRequest(const char* target) {
  ether_arp arp = {};
  arp.ea_hdr.ar_hrd = htons(ARPHRD_ETHER);
  arp.ea_hdr.ar_pro = htons(ETH_P_IP);
  arp.ea_hdr.ar_hln = 6;
  arp.ea_hdr.ar_pln = 4;
  arp.ea_hdr.ar_op = htons(ARPOP_REQUEST);
  const in_addr own = Address(kGuestAddress);
  const in_addr wanted = Address(target);
  memcpy(arp.arp_sha, kGuestMac.data(), kGuestMac.size());
  memcpy(arp.arp_spa, &own, sizeof(own));
  memcpy(arp.arp_tpa, &wanted, sizeof(wanted));
  Bytes frame = EthernetHeader(kBroadcast, ETH_P_ARP);
  Append(frame, arp);
  return frame;
}

Bytes TcpSyn(const MacAddress& gateway, uint16_t port) {
  tcphdr tcp = {};
  tcp.source = htons(40000);
  tcp.dest = htons(port);
  tcp.seq = htonl(1000);
  tcp.doff = 5;
  tcp.syn = 1;
  tcp.window = htons(65535);
  Bytes checked;  // the pseudo-header first
  Append(checked, Address(kGuestAddress));
  Append(checked, Address(kGateway));
  Append(checked, htons(IPPROTO_TCP));
  Append(checked, htons(sizeof(tcp)));
  Append(checked, tcp);
  tcp.check = Checksum(checked);
  Bytes content;
  Append(content, tcp);
  return IpFrame(gateway, IPPROTO_TCP, Address(kGuestAddress), Address(kGateway), content);
}

std::optional<iphdr> IpOf(const Bytes& frame, uint8_t protocol) {
  const auto ethernet = Extract<ethhdr>(frame, 0);
  const auto ip = Extract<iphdr>(frame, sizeof(ethhdr));
  if (!ethernet || !ip || ethernet->h_proto != htons(ETH_P_IP) || ip->protocol != protocol) {
    return std::nullopt;
  }
  return ip;
}

std::optional<tcphdr> TcpOf(const Bytes& frame) {
  const auto ip = IpOf(frame, IPPROTO_TCP);
  return ip ? Extract<tcphdr>(frame, sizeof(ethhdr) + size_t{ip->ihl} * 4) : std::nullopt;
}

class PasstTest : public testing::Test {
 protected:
  void SetUp() override {
    if (system("command -v passt >/dev/null") != 0) GTEST_SKIP() << "passt is not installed";
    if (const auto why = EnterNewNetwork()) GTEST_SKIP() << *why;
  }

  void Start(const PasstOptions& options = {}) {
    auto started = PasstPeer::Start(options);
    ASSERT_TRUE(started) << started.error().ToString();
    peer = *std::move(started);
  }
  void Send(const Bytes& frame) {
    const iovec piece = {const_cast<uint8_t*>(frame.data()), frame.size()};
    ASSERT_EQ(peer->Send({}, {&piece, 1}), NetPeer::Outcome::kDone);
  }
  // The first frame of which `accept` says so.
  template <typename Accept>
  std::optional<Bytes> Await(const Accept& accept) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      const NetPeer::Received received = peer->Receive({});
      if (received.outcome == NetPeer::Outcome::kGone) return std::nullopt;
      if (received.outcome == NetPeer::Outcome::kAgain) {
        pollfd wait = {.fd = peer->fd(), .events = POLLIN, .revents = 0};
        poll(&wait, 1, 100);
      }
      if (received.outcome != NetPeer::Outcome::kDone) continue;
      Bytes frame(received.rest.begin() + sizeof(NetHeader), received.rest.end());
      if (accept(frame)) return frame;
    }
    return std::nullopt;
  }
  std::optional<MacAddress> ResolveGateway() {
    Send(ArpRequest(kGateway));
    const auto reply = Await([](const Bytes& frame) {
      const auto arp = Extract<ether_arp>(frame, sizeof(ethhdr));
      return arp && frame[12] == 0x08 && frame[13] == 0x06 &&
             arp->ea_hdr.ar_op == htons(ARPOP_REPLY);
    });
    if (!reply) return std::nullopt;
    MacAddress mac;
    std::copy_n(reply->begin() + 6, mac.size(), mac.begin());
    return mac;
  }

  std::unique_ptr<NetPeer> peer;
};

TEST_F(PasstTest, OffersTheAddressThatIsPromised) {
  Start();
  Send(DhcpDiscover());
  const auto offer = Await([](const Bytes& frame) { return IpOf(frame, IPPROTO_UDP).has_value(); });
  ASSERT_TRUE(offer) << peer->gone_reason();
  constexpr size_t kBootp = sizeof(ethhdr) + sizeof(iphdr) + sizeof(udphdr);
  EXPECT_EQ((*offer)[kBootp], 2);  // reply
  EXPECT_EQ(Extract<uint32_t>(*offer, kBootp + 16), Address(kGuestAddress).s_addr);
}

TEST_F(PasstTest, GatewayLeadsToTheHostsLoopback) {
  Start();
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr = Address("127.0.0.1");
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const auto gateway = ResolveGateway();
  ASSERT_TRUE(gateway) << peer->gone_reason();
  Send(TcpSyn(*gateway, ntohs(address.sin_port)));
  EXPECT_TRUE(Await([](const Bytes& frame) {
    const auto tcp = TcpOf(frame);
    return tcp && tcp->syn == 1 && tcp->ack == 1 && tcp->dest == htons(40000);
  })) << peer->gone_reason();
}

TEST_F(PasstTest, ForwardedPortReachesTheGuest) {
  PasstOptions options;
  options.forwards = {{.host_address = "127.0.0.1", .host_port = 2222, .guest_port = 22}};
  Start(options);
  ASSERT_TRUE(ResolveGateway()) << peer->gone_reason();
  const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr = Address("127.0.0.1");
  address.sin_port = htons(2222);
  connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  EXPECT_TRUE(Await([](const Bytes& frame) {
    const auto tcp = TcpOf(frame);
    const auto ip = IpOf(frame, IPPROTO_TCP);
    return tcp && tcp->syn == 1 && tcp->dest == htons(22) &&
           ip->saddr == Address(kGateway).s_addr && ip->daddr == Address(kGuestAddress).s_addr;
  })) << peer->gone_reason();
}

TEST_F(PasstTest, PortInUseIsSaidAtTheStart) {
  const Fd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr = Address("127.0.0.1");
  address.sin_port = htons(2222);
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  PasstOptions options;
  options.forwards = {{.host_address = "127.0.0.1", .host_port = 2222, .guest_port = 22}};
  const auto started = PasstPeer::Start(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(started.error().message.find("127.0.0.1/2222:22"), std::string::npos)
      << started.error().message;
}

TEST_F(PasstTest, EndsWhenTheConnectionCloses) {
  auto process = PasstProcess::Start({});
  ASSERT_TRUE(process) << process.error().ToString();
  process->TakeSocket().Reset();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (process->LastWords().find("exit code 0") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    usleep(10'000);
  }
}

}  // namespace
}  // namespace sealvm
