// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/tap_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "devices/virtio/net/net_namespace.h"
#include "devices/virtio/net/net_testing.h"

namespace sealvm {
namespace {

// IEEE 802's number for experiments: no protocol of the host takes these frames.
constexpr uint16_t kExperiments = 0x88b5;

Bytes MakeTestFrame(size_t bytes, uint8_t number) {
  Bytes frame = MakeFrame(bytes, number);
  std::fill_n(frame.begin(), 6, 0xff);
  std::fill_n(frame.begin() + 6, 6, 0x02);
  frame[12] = kExperiments >> 8;
  frame[13] = kExperiments & 0xff;
  return frame;
}

class TapPeerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
    // Each test has a namespace of its own; the last one goes with the thread.
    if (const auto why = EnterNewNetwork()) GTEST_SKIP() << *why;
  }

  static void MakeTap(const std::string& extra = "") {
    ASSERT_TRUE(RunIp("tuntap add tap0 mode tap" + extra));
    ASSERT_TRUE(RunIp("link set tap0 addrgenmode none up"));
  }
  // The host's side: frames of kExperiments alone.
  static Fd OpenHost() {
    Fd host(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(kExperiments)));
    sockaddr_ll address = {};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kExperiments);
    address.sll_ifindex = static_cast<int>(if_nametoindex("tap0"));
    if (bind(host.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) abort();
    return host;
  }
  static Fd OpenTapFd(int flags) {
    Fd fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request = {};
    strcpy(request.ifr_name, "tap0");
    request.ifr_flags = static_cast<short>(flags);
    if (ioctl(fd.get(), TUNSETIFF, &request) != 0) abort();
    return fd;
  }
  static NetOptions ByName(uint16_t pairs = 1) {
    return {.backend = NetOptions::Backend::kTap, .tap = "tap0", .queue_pairs = pairs};
  }
  static std::string ErrorOf(const Result<std::shared_ptr<NetDevice>>& device) {
    if (device) return "";
    EXPECT_EQ(device.error().kind, ErrorKind::kInvalidInput);
    return device.error().ToString();
  }
};

TEST_F(TapPeerTest, AbsentTapIsNotMade) {
  const std::string error = ErrorOf(NetDevice::Create(ByName()));
  EXPECT_NE(error.find("ip tuntap add tap0 mode tap"), std::string::npos) << error;
  EXPECT_EQ(if_nametoindex("tap0"), 0u);
}

TEST_F(TapPeerTest, NameThatNoInterfaceHasIsRefused) {
  NetOptions options = ByName();
  options.tap = "a-name-longer-than-any";
  EXPECT_NE(ErrorOf(NetDevice::Create(options)), "");
}

TEST_F(TapPeerTest, TapInUseIsBusy) {
  MakeTap();
  const auto first = NetDevice::Create(ByName());
  ASSERT_TRUE(first) << first.error().message;
  const std::string error = ErrorOf(NetDevice::Create(ByName()));
  EXPECT_NE(error.find("in use"), std::string::npos) << error;
}

TEST_F(TapPeerTest, InterfaceThatIsNoTapIsRefused) {
  NetOptions options = ByName();
  options.tap = "lo";
  const std::string error = ErrorOf(NetDevice::Create(options));
  EXPECT_NE(error.find("lo is not a tap"), std::string::npos) << error;
}

TEST_F(TapPeerTest, TapWithOneQueueHasNotSeveral) {
  MakeTap();
  const std::string error = ErrorOf(NetDevice::Create(ByName(2)));
  EXPECT_NE(error.find("multi_queue"), std::string::npos) << error;
}

TEST_F(TapPeerTest, FdMustBeATap) {
  const Fd file(open("/dev/null", O_RDWR | O_CLOEXEC));
  const NetOptions options = {.backend = NetOptions::Backend::kTapFd, .fd = file.get()};
  const std::string error = ErrorOf(NetDevice::Create(options));
  EXPECT_NE(error.find("not a tap"), std::string::npos) << error;
}

TEST_F(TapPeerTest, FdNeedsTheHeaderFlag) {
  MakeTap();
  const Fd tap = OpenTapFd(IFF_TAP | IFF_NO_PI);
  const NetOptions options = {.backend = NetOptions::Backend::kTapFd, .fd = tap.get()};
  const std::string error = ErrorOf(NetDevice::Create(options));
  EXPECT_NE(error.find("IFF_VNET_HDR"), std::string::npos) << error;
}

void ExpectFramesPass(NetOptions options, const Fd& host) {
  const auto device = NetDevice::Create(options);
  ASSERT_TRUE(device) << device.error().ToString();
  TestGuest guest;
  TestDriver driver(guest, **device);
  ASSERT_TRUE(driver.Start());
  ASSERT_TRUE(driver.Transact(1, std::array{guest.Place(Join({}, MakeTestFrame(500, 1)))}, {}));
  Bytes seen(3000);
  ssize_t got = -1;
  EXPECT_TRUE(driver.transport().WaitUntil(
      [&] { return (got = recv(host.get(), seen.data(), seen.size(), 0)) > 0; }));
  seen.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  EXPECT_EQ(seen, MakeTestFrame(500, 1));

  const GuestBuffer room = guest.Room(2000);
  driver.Submit(0, {}, std::array{room});
  const Bytes frame = MakeTestFrame(600, 2);
  std::optional<DriverQueue::Used> used;
  // The host drops frames until it has noticed that the tap has a carrier.
  ASSERT_TRUE(driver.transport().WaitUntil([&] {
    send(host.get(), frame.data(), frame.size(), 0);
    return (used = driver.queue(0).TakeUsed()).has_value();
  }));
  EXPECT_EQ(guest.Read({room.gpa, used->written}), Join(PlainHeader(), frame));
}

TEST_F(TapPeerTest, FramesPassByName) {
  MakeTap();
  ExpectFramesPass(ByName(), OpenHost());
}

TEST_F(TapPeerTest, FramesPassByFd) {
  MakeTap();
  const Fd tap = OpenTapFd(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  ExpectFramesPass({.backend = NetOptions::Backend::kTapFd, .fd = tap.get()}, OpenHost());
}

TEST_F(TapPeerTest, FramesPassBySeveralQueues) {
  MakeTap(" multi_queue");
  ExpectFramesPass(ByName(2), OpenHost());
}

TEST_F(TapPeerTest, OneQueueOfATapMadeForSeveralDoes) {
  MakeTap(" multi_queue");
  ExpectFramesPass(ByName(1), OpenHost());
}

TEST_F(TapPeerTest, MacDependsOnTheTap) {
  MakeTap();
  ASSERT_TRUE(RunIp("tuntap add tap1 mode tap"));
  NetOptions other = ByName();
  other.tap = "tap1";
  const auto first = NetDevice::Create(ByName());
  const auto second = NetDevice::Create(other);
  ASSERT_TRUE(first && second);
  EXPECT_NE((*first)->mac(), (*second)->mac());
}

TEST_F(TapPeerTest, QueuesAttachAndDetach) {
  MakeTap(" multi_queue");
  const auto device = NetDevice::Create(ByName(2));
  ASSERT_TRUE(device) << device.error().ToString();
  TestGuest guest;
  TestDriver driver(guest, **device);
  ASSERT_TRUE(driver.Start());
  for (const uint8_t pairs : {2, 1, 2}) {
    const GuestBuffer answer = guest.Room(1);
    const GuestBuffer request = guest.Place(Bytes{kNetControlMq, kNetControlMqPairsSet, pairs, 0});
    ASSERT_TRUE(driver.Transact(4, std::array{request}, std::array{answer}));
    EXPECT_EQ(guest.Read(answer)[0], kNetControlOk) << int{pairs};
  }
  EXPECT_TRUE((*device)->link_up());
  ASSERT_TRUE(driver.Transact(3, std::array{guest.Place(Join({}, MakeTestFrame(60, 1)))}, {}));
  EXPECT_EQ((*device)->counters().errors, 0u);
}

TEST_F(TapPeerTest, TapThatIsRemovedTakesTheLinkDown) {
  MakeTap();
  const auto device = NetDevice::Create(ByName());
  ASSERT_TRUE(device) << device.error().ToString();
  TestGuest guest;
  TestDriver driver(guest, **device);
  ASSERT_TRUE(driver.Start());
  driver.Submit(0, {}, std::array{guest.Room(2000)});
  ASSERT_TRUE(RunIp("link delete tap0"));
  EXPECT_TRUE(
      driver.transport().WaitUntil([&] { return driver.transport().config_interrupts() == 1; }));
  EXPECT_FALSE((*device)->link_up());
  EXPECT_TRUE(driver.Transact(1, std::array{guest.Place(Join({}, MakeTestFrame(60, 1)))}, {}));
  EXPECT_EQ(driver.transport().failure(), std::nullopt);
}

TEST_F(TapPeerTest, TapThatIsDownDropsFramesAndComesBack) {
  MakeTap();
  const auto device = NetDevice::Create(ByName());
  ASSERT_TRUE(device) << device.error().ToString();
  TestGuest guest;
  TestDriver driver(guest, **device);
  ASSERT_TRUE(driver.Start());
  ASSERT_TRUE(RunIp("link set tap0 down"));
  EXPECT_TRUE(driver.Transact(1, std::array{guest.Place(Join({}, MakeTestFrame(60, 1)))}, {}));
  EXPECT_EQ((*device)->counters().errors, 1u);
  ASSERT_TRUE(RunIp("link set tap0 up"));
  EXPECT_TRUE(driver.Transact(1, std::array{guest.Place(Join({}, MakeTestFrame(60, 1)))}, {}));
  EXPECT_EQ((*device)->counters().errors, 1u);
  EXPECT_TRUE((*device)->link_up());
}

TEST_F(TapPeerTest, AllOffloadsAreTakenByTheKernel) {
  MakeTap();
  auto peers = TapPeer::Open("tap0", 1);
  ASSERT_TRUE(peers) << peers.error().ToString();
  EXPECT_TRUE((*peers)[0]->SetGuestFeatures(~uint64_t{0}));
  EXPECT_TRUE((*peers)[0]->SetGuestFeatures(kNetGuestTso4));
  EXPECT_TRUE((*peers)[0]->SetGuestFeatures(kNetGuestCsum | kNetGuestEcn));
  EXPECT_TRUE((*peers)[0]->SetGuestFeatures(0));
}

}  // namespace
}  // namespace sealvm
