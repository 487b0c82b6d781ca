// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/fs_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fstream>

#include "devices/vhost_user/testing/fake_backend.h"
#include "devices/virtio/testing/must.h"
#include "devices/virtio/testing/test_driver.h"
#include "memory/base/endian.h"

namespace sealvm {
namespace {

using testing::HasSubstr;
using vhost_user::Request;

constexpr uint16_t kHighPriority = 0;
constexpr uint16_t kRequests = 1;

class FsDeviceTest : public testing::Test {
 protected:
  void StartBackend(FakeBackendOptions options = {}) {
    backend_.reset();
    backend_ = std::make_unique<FakeBackend>(socket_, std::move(options));
  }
  Result<std::shared_ptr<FsDevice>> CreateDevice() {
    FsOptions options;
    options.socket_path = socket_;
    options.tag = "share";
    options.name = "fs0";
    options.patience = patience_;
    return FsDevice::Create(std::move(options));
  }
  void MakeDriver(DriverQueue::Options options = {}) {
    device_ = Must(CreateDevice());
    driver_ = std::make_unique<TestDriver>(guest_, *device_, options);
  }
  // The driver resets the device and is bound again; what failed before is forgotten.
  void RebindDriver() {
    driver_.reset();
    driver_ = std::make_unique<TestDriver>(guest_, *device_);
  }
  // What the back-end makes of a text; empty when it does not answer.
  std::string Reverse(const std::string& text, uint16_t queue = kRequests) {
    const GuestBuffer request = guest_.Place(text);
    const GuestBuffer answer = guest_.Room(request.length);
    if (!driver_->Transact(queue, {{request}}, {{answer}})) return "";
    return guest_.ReadText(answer);
  }
  std::string FailureOfCreate() {
    const auto device = CreateDevice();
    if (device) return "no failure";
    EXPECT_EQ(device.error().kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(device.error().message, HasSubstr("--fs " + socket_ + ": "));
    return device.error().message;
  }

  SocketFolder folder_;
  const std::string socket_ = folder_.Path("fs.sock");
  std::chrono::milliseconds patience_ = VhostUserFrontend::kPatience;
  TestGuest guest_{64 * kMiB};
  std::unique_ptr<FakeBackend> backend_;
  std::shared_ptr<FsDevice> device_;
  std::unique_ptr<TestDriver> driver_;
};

TEST_F(FsDeviceTest, ConfigurationNamesTagAndQueues) {
  StartBackend();
  const auto device = Must(CreateDevice());
  uint8_t config[44];
  device->ReadConfig(0, config);
  EXPECT_STREQ(reinterpret_cast<const char*>(config), "share");
  EXPECT_EQ(LoadLe<uint32_t>(config, 36), 1u);
  EXPECT_EQ(LoadLe<uint32_t>(config, 40), 0u);
  EXPECT_EQ(device->QueueSizes().size(), 2u);
  EXPECT_EQ(device->Type(), VirtioType::kFs);
}

TEST_F(FsDeviceTest, ConfigurationPastItsEndIsZero) {
  StartBackend();
  const auto device = Must(CreateDevice());
  uint8_t byte = 1;
  device->ReadConfig(~uint64_t{0}, {&byte, 1});
  EXPECT_EQ(byte, 0);
}

TEST_F(FsDeviceTest, AsManyRequestQueuesAsTheBackendServes) {
  StartBackend({.queues = 4});
  EXPECT_EQ(Must(CreateDevice())->QueueSizes().size(), 4u);
}

TEST_F(FsDeviceTest, BackendThatClaimsManyQueuesGetsFew) {
  StartBackend({.queues = ~uint64_t{0}});
  EXPECT_EQ(Must(CreateDevice())->QueueSizes().size(), 5u);
}

TEST_F(FsDeviceTest, BackendWithoutProtocolFeaturesWillDo) {
  StartBackend({.features = kFeatureVersion1});
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  EXPECT_EQ(Reverse("abc"), "cba");
  EXPECT_EQ(backend_->Count(Request::kSetVringEnable), 0u);
}

TEST_F(FsDeviceTest, RingFeaturesThatTheBackendLacksAreNamed) {
  StartBackend({.features = kFeatureVersion1 | kFeatureIndirect});
  const auto device = Must(CreateDevice());
  EXPECT_EQ(device->UnsupportedRingFeatures(), kFeatureEventIdx | kFeaturePacked);
  EXPECT_EQ(device->Features(), 0u);
}

TEST_F(FsDeviceTest, NobodyListens) {
  EXPECT_THAT(FailureOfCreate(), HasSubstr("nobody listens"));
  ListenAt(socket_).Reset();
  EXPECT_THAT(FailureOfCreate(), HasSubstr("nobody listens"));
}

TEST_F(FsDeviceTest, NoSocket) {
  std::ofstream(socket_) << "text";
  EXPECT_THAT(FailureOfCreate(), HasSubstr("not a socket"));
}

TEST_F(FsDeviceTest, ListenerThatDoesNotAnswer) {
  const Fd listener = ListenAt(socket_);
  patience_ = std::chrono::milliseconds(100);
  EXPECT_THAT(FailureOfCreate(), HasSubstr("no file system of vhost-user"));
}

TEST_F(FsDeviceTest, ListenerThatSpeaksSomethingElse) {
  for (const Misdeed misdeed : {Misdeed::kClose, Misdeed::kHugeAnswer, Misdeed::kSendFd}) {
    StartBackend({.misdeeds = {{Request::kGetFeatures, misdeed}}});
    EXPECT_THAT(FailureOfCreate(), HasSubstr("no file system of vhost-user"));
  }
}

TEST_F(FsDeviceTest, BackendWithTooFewQueues) {
  StartBackend({.queues = 1});
  EXPECT_THAT(FailureOfCreate(), HasSubstr("1 queues of the 2"));
}

TEST_F(FsDeviceTest, BackendOfAnOlderVirtio) {
  StartBackend({.features = 0});
  EXPECT_THAT(FailureOfCreate(), HasSubstr("VIRTIO_F_VERSION_1"));
}

TEST_F(FsDeviceTest, TagThatDoesNotFit) {
  FsOptions options;
  options.socket_path = socket_;
  for (const std::string& tag : {std::string(), std::string(37, 'a'), std::string("a\0b", 3)}) {
    options.tag = tag;
    const auto device = FsDevice::Create(options);
    ASSERT_FALSE(device.has_value());
    EXPECT_THAT(device.error().message, HasSubstr("a tag has 1 to 36 bytes"));
  }
}

TEST_F(FsDeviceTest, BackendServesBothQueues) {
  StartBackend();
  MakeDriver({.indirect = true, .event_idx = true});
  ASSERT_TRUE(driver_->Start().has_value());
  EXPECT_EQ(Reverse("hello"), "olleh");
  EXPECT_EQ(Reverse("first", kHighPriority), "tsrif");
  EXPECT_TRUE(driver_->transport().WaitUntil(
      [&] { return driver_->transport().interrupts(kRequests) > 0; }));
}

TEST_F(FsDeviceTest, ManyRequests) {
  StartBackend();
  MakeDriver({.event_idx = true});
  ASSERT_TRUE(driver_->Start().has_value());
  for (int i = 0; i < 1000; ++i) {
    const std::string digits = std::to_string(1000 + i);
    ASSERT_EQ(Reverse(digits), std::string(digits.rbegin(), digits.rend()));
  }
}

TEST_F(FsDeviceTest, PackedRingsWhereTheBackendHasThem) {
  StartBackend(
      {.features = kFeatureVersion1 | kFeaturePacked | vhost_user::kFeatureProtocolFeatures});
  MakeDriver({.packed = true});
  EXPECT_EQ(device_->UnsupportedRingFeatures() & kFeaturePacked, 0u);
  ASSERT_TRUE(driver_->Start().has_value());
  EXPECT_EQ(Reverse("hello"), "olleh");
}

TEST_F(FsDeviceTest, MemoryAboveTheHole) {
  StartBackend();
  TestGuest guest(5 * kGiB);
  device_ = Must(CreateDevice());
  TestDriver driver(guest, *device_);
  ASSERT_TRUE(driver.Start().has_value());
  const std::string text = "far away";
  const GuestBuffer request = {kHighRamBase + kGiB, 8};
  const GuestBuffer answer = {kHighRamBase + 2 * kGiB - 8, 8};
  Must(guest.view()->Write(request.gpa, {reinterpret_cast<const uint8_t*>(text.data()), 8}));
  EXPECT_EQ(driver.Transact(kRequests, {{request}}, {{answer}}), 8u);
  EXPECT_EQ(guest.ReadText(answer), "yawa raf");
}

TEST_F(FsDeviceTest, TransportsOwnFeaturesAreNotPassedOn) {
  StartBackend();
  device_ = Must(CreateDevice());
  RecordingTransport transport;
  ASSERT_TRUE(
      device_
          ->Activate({.features = kFeatureVersion1 | kFeatureAccessPlatform | kFeatureRingReset,
                      .memory = guest_.view(),
                      .transport = &transport,
                      .queues = {}})
          .has_value());
  EXPECT_EQ(backend_->negotiated(), kFeatureVersion1 | vhost_user::kFeatureProtocolFeatures);
}

TEST_F(FsDeviceTest, FeaturesThatTheBackendLacksAreAnError) {
  StartBackend();
  MakeDriver({.packed = true});
  const Result<> started = driver_->Start();
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message, HasSubstr("lacks features 0x400000000"));
}

TEST_F(FsDeviceTest, InterruptsGoToTheTransportsEventfd) {
  class FdTransport : public RecordingTransport {
   public:
    int InterruptFd(uint16_t) override { return fd_.get(); }
    bool Interrupted() const {
      eventfd_t count = 0;
      return eventfd_read(fd_.get(), &count) == 0;
    }

   private:
    const Fd fd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  } transport;
  StartBackend();
  device_ = Must(CreateDevice());
  DriverQueue queue(guest_, 16, {});
  const Fd kick(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_TRUE(device_
                  ->Activate({.features = queue.features(),
                              .memory = guest_.view(),
                              .transport = &transport,
                              .queues = {{kRequests, queue.layout(), kick.get()}}})
                  .has_value());
  const GuestBuffer request = guest_.Place("x");
  queue.Add({{request}}, {{guest_.Room(1)}});
  eventfd_write(kick.get(), 1);
  EXPECT_TRUE(transport.WaitUntil([&] { return transport.Interrupted(); }));
  EXPECT_EQ(transport.interrupts(kRequests), 0u);
  device_->Reset();
}

TEST_F(FsDeviceTest, StoppedQueueIsGivenBack) {
  StartBackend();
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  ASSERT_EQ(Reverse("ab"), "ba");
  device_->StopQueue(kRequests);
  EXPECT_EQ(backend_->Count(Request::kGetVringBase), 1u);
  device_->StopQueue(kRequests);
  EXPECT_EQ(backend_->Count(Request::kGetVringBase), 1u);
}

TEST_F(FsDeviceTest, QueueThatIsResetStartsAnew) {
  StartBackend();
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  ASSERT_EQ(Reverse("ab"), "ba");
  device_->StopQueue(kRequests);
  DriverQueue queue(guest_, 8, {});
  const Fd kick(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_TRUE(device_->StartQueue({kRequests, queue.layout(), kick.get()}).has_value());
  const GuestBuffer answer = guest_.Room(2);
  queue.Add({{guest_.Place("cd")}}, {{answer}});
  eventfd_write(kick.get(), 1);
  EXPECT_TRUE(driver_->transport().WaitUntil([&] { return queue.TakeUsed().has_value(); }));
  EXPECT_EQ(guest_.ReadText(answer), "dc");
}

TEST_F(FsDeviceTest, ResetKeepsTheConnection) {
  StartBackend();
  MakeDriver();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(driver_->Start().has_value());
    EXPECT_EQ(Reverse("ab"), "ba");
    driver_->Reset();
  }
  EXPECT_EQ(backend_->connections(), 1u);
  EXPECT_EQ(backend_->Count(Request::kResetDevice), 3u);
}

TEST_F(FsDeviceTest, RingOutsideRamIsNotPassedOn) {
  StartBackend();
  device_ = Must(CreateDevice());
  RecordingTransport transport;
  const QueueLayout layout = {16, 64 * kMiB, 64 * kMiB + 4096, 64 * kMiB + 8192};
  const Result<> started = device_->Activate({.features = kFeatureVersion1,
                                              .memory = guest_.view(),
                                              .transport = &transport,
                                              .queues = {{kRequests, layout, -1}}});
  EXPECT_FALSE(started.has_value());
  EXPECT_EQ(backend_->Count(Request::kSetFeatures), 0u);
}

TEST_F(FsDeviceTest, BackendThatGoesAwayNeedsAReset) {
  StartBackend();
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  backend_.reset();
  EXPECT_TRUE(
      driver_->transport().WaitUntil([&] { return driver_->transport().failure().has_value(); }));
  EXPECT_THAT(driver_->transport().failure().value_or(""),
              HasSubstr("--fs " + socket_ + ": virtiofsd is gone"));
}

TEST_F(FsDeviceTest, RestartedBackendServesTheNextActivation) {
  StartBackend();
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  StartBackend();
  RebindDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  EXPECT_EQ(Reverse("ab"), "ba");
}

TEST_F(FsDeviceTest, ActivationWithoutABackendFails) {
  StartBackend();
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  backend_.reset();
  driver_->Reset();
  const Result<> started = driver_->Start();
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message, HasSubstr("nobody listens"));
  driver_->Reset();
  StartBackend();
  EXPECT_TRUE(driver_->Start().has_value());
}

TEST_F(FsDeviceTest, BackendThatRefusesARingFailsTheActivation) {
  for (const Request request : {Request::kSetMemTable, Request::kSetVringAddr}) {
    StartBackend({.misdeeds = {{request, Misdeed::kRefuse}}});
    MakeDriver();
    const Result<> started = driver_->Start();
    ASSERT_FALSE(started.has_value());
    EXPECT_THAT(started.error().message, HasSubstr("--fs " + socket_));
    driver_.reset();
  }
}

TEST_F(FsDeviceTest, QueueThatTheBackendDoesNotStopCutsTheConnection) {
  StartBackend({.misdeeds = {{Request::kGetVringBase, Misdeed::kSilence}}});
  patience_ = std::chrono::milliseconds(500);
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  device_->StopQueue(kRequests);
  EXPECT_TRUE(
      driver_->transport().WaitUntil([&] { return driver_->transport().failure().has_value(); }));
}

TEST_F(FsDeviceTest, BrokenRingThatTheBackendReportsNeedsAReset) {
  StartBackend();
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  backend_->ReportError();
  EXPECT_TRUE(
      driver_->transport().WaitUntil([&] { return driver_->transport().failure().has_value(); }));
}

TEST_F(FsDeviceTest, BackendThatChattersIsLeft) {
  StartBackend();
  MakeDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  backend_->Chatter();
  RebindDriver();
  ASSERT_TRUE(driver_->Start().has_value());
  EXPECT_EQ(Reverse("ab"), "ba");
  EXPECT_EQ(backend_->connections(), 2u);
}

}  // namespace
}  // namespace sealvm
