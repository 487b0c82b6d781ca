// SPDX-License-Identifier: Apache-2.0
// What a disk makes of a host whose I/O fails, is cut short or takes its time.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "devices/virtio/block/testing/block_client.h"
#include "devices/virtio/block/testing/block_disk.h"
#include "devices/virtio/block/testing/scripted_engine.h"
#include "devices/virtio/block/testing/temp_image.h"

namespace sealvm {
namespace {

using testing::ElementsAre;

constexpr uint64_t kImageBytes = kMiB;
constexpr uint32_t kBlock = 4096;
constexpr uint64_t kAllButFlush = ~kBlkFeatureFlush;

class BlockFaultTest : public testing::Test {
 protected:
  BlockDisk& Start(uint64_t features = ~uint64_t{0}) {
    return disk_.emplace(BlockDisk::Setup{.block = {.path = image_.path(), .name = "disk"},
                                          .engine = script_.Factory(),
                                          .features = features});
  }

  // Fails all operations of this kind with `result`.
  void Answer(IoKind kind, int64_t result) {
    script_.SetAnswer([=](const IoRequest& request) {
      return request.kind == kind ? std::optional<int64_t>(result) : std::nullopt;
    });
  }

  // The first operation of this kind gets `result`, the others are done.
  void AnswerOnce(IoKind kind, int64_t result) {
    script_.SetAnswer([=, first = true](const IoRequest& request) mutable {
      const bool mine = request.kind == kind && std::exchange(first, first && request.kind != kind);
      return mine ? std::optional<int64_t>(result) : std::nullopt;
    });
  }

  // The first read or write does only `bytes` bytes, at most one piece of it.
  void CutShort(IoKind kind, size_t bytes) {
    script_.SetAnswer([=, this, first = true](const IoRequest& request) mutable {
      if (request.kind != kind || !first) return std::optional<int64_t>();
      first = false;
      const iovec piece = {request.iovecs[0].iov_base, std::min(bytes, request.iovecs[0].iov_len)};
      const off_t offset = static_cast<off_t>(request.offset);
      const ssize_t done = kind == IoKind::kRead ? preadv(image_.fd(), &piece, 1, offset)
                                                 : pwritev(image_.fd(), &piece, 1, offset);
      return std::optional<int64_t>(done);
    });
  }

  bool WaitUntilHeld(size_t count) {
    return disk_->driver().transport().WaitUntil([&] { return script_.held() == count; });
  }

  TempImage image_{kImageBytes};
  EngineScript script_;
  std::optional<BlockDisk> disk_;
};

TEST_F(BlockFaultTest, AFlushIsAnsweredWhenTheSyncIsDone) {
  BlockDisk& disk = Start();
  script_.Hold(IoKind::kSync);
  disk.client().Submit(kBlkFlush, 0);
  ASSERT_TRUE(WaitUntilHeld(1));
  EXPECT_FALSE(disk.client().Poll());

  script_.Release();

  const auto back = disk.client().Wait();
  ASSERT_TRUE(back);
  EXPECT_EQ(back->second.status, kBlkStatusOk);
}

TEST_F(BlockFaultTest, AFlushSyncsAfterTheWritesThatWereAnsweredBeforeIt) {
  BlockDisk& disk = Start();
  disk.client().Write(0, std::string(kBlock, 'a'));
  disk.client().Flush();

  EXPECT_THAT(script_.started(), ElementsAre(IoKind::kWrite, IoKind::kSync));
}

TEST_F(BlockFaultTest, WithoutFlushesAWriteIsAnsweredWhenItIsDurable) {
  BlockDisk& disk = Start(kAllButFlush);
  script_.Hold(IoKind::kSync);
  const GuestBuffer data = disk.guest().Place(std::string(kBlock, 'a'));
  disk.client().Submit(kBlkOut, 0, {&data, 1});
  ASSERT_TRUE(WaitUntilHeld(1));
  EXPECT_FALSE(disk.client().Poll());

  script_.Release();

  ASSERT_TRUE(disk.client().Wait());
  EXPECT_THAT(script_.started(), ElementsAre(IoKind::kWrite, IoKind::kSync));
}

TEST_F(BlockFaultTest, WithoutFlushesADiscardIsAnsweredWhenItIsDurable) {
  BlockDisk& disk = Start(kAllButFlush);
  const BlkSegment segment = {0, 8, 0};

  EXPECT_EQ(disk.client().Segments(kBlkDiscard, {&segment, 1}), kBlkStatusOk);

  EXPECT_THAT(script_.started(), ElementsAre(IoKind::kPunchHole, IoKind::kSync));
}

TEST_F(BlockFaultTest, AFailedSyncFailsTheFlushAndAllLaterOnes) {
  BlockDisk& disk = Start();
  AnswerOnce(IoKind::kSync, -EIO);

  EXPECT_EQ(disk.client().Flush(), kBlkStatusIoError);
  // The host's kernel may have dropped what it could not write, and says nothing a second time.
  EXPECT_EQ(disk.client().Flush(), kBlkStatusIoError);
  EXPECT_EQ(disk.client().Read(0, kBlock).size(), kBlock);
}

TEST_F(BlockFaultTest, AFailedSyncFailsTheWriteThatNeededIt) {
  BlockDisk& disk = Start(kAllButFlush);
  AnswerOnce(IoKind::kSync, -EIO);

  EXPECT_EQ(disk.client().Write(0, std::string(kBlock, 'a')), kBlkStatusIoError);
}

TEST_F(BlockFaultTest, AFullHostFailsTheWriteAndNothingElse) {
  BlockDisk& disk = Start();
  AnswerOnce(IoKind::kWrite, -ENOSPC);

  EXPECT_EQ(disk.client().Write(0, std::string(kBlock, 'a')), kBlkStatusIoError);

  EXPECT_EQ(disk.client().Write(0, std::string(kBlock, 'b')), kBlkStatusOk);
  EXPECT_EQ(disk.device().counters().errors, 1U);
}

TEST_F(BlockFaultTest, AFailedReadIsAnIoErrorThatGivesNoData) {
  BlockDisk& disk = Start();
  Answer(IoKind::kRead, -EIO);
  const GuestBuffer buffer = disk.guest().Room(kBlock);

  const BlockClient::Answer answer = disk.client().Do(kBlkIn, 0, {}, {&buffer, 1});

  EXPECT_EQ(answer.status, kBlkStatusIoError);
  EXPECT_EQ(answer.written, 0U);
  EXPECT_EQ(disk.device().counters().bytes_read, 0U);
}

TEST_F(BlockFaultTest, AShortReadGoesOn) {
  image_.Write(0, std::string(kBlock, 'a') + std::string(kBlock, 'b'));
  BlockDisk& disk = Start();
  CutShort(IoKind::kRead, 1000);

  EXPECT_EQ(disk.client().Read(0, 2 * kBlock), std::string(kBlock, 'a') + std::string(kBlock, 'b'));
}

TEST_F(BlockFaultTest, AShortWriteGoesOn) {
  BlockDisk& disk = Start();
  CutShort(IoKind::kWrite, 1000);

  EXPECT_EQ(disk.client().Write(0, std::string(2 * kBlock, 's')), kBlkStatusOk);

  EXPECT_EQ(image_.Read(0, 2 * kBlock), std::string(2 * kBlock, 's'));
}

TEST_F(BlockFaultTest, AShortWriteInSeveralPiecesGoesOn) {
  BlockDisk& disk = Start();
  CutShort(IoKind::kWrite, 100);
  const GuestBuffer pieces[] = {disk.guest().Place(std::string(512, '1')),
                                disk.guest().Place(std::string(512, '2')),
                                disk.guest().Place(std::string(512, '3'))};

  EXPECT_EQ(disk.client().Do(kBlkOut, 0, pieces).status, kBlkStatusOk);

  EXPECT_EQ(image_.Read(0, 1536),
            std::string(512, '1') + std::string(512, '2') + std::string(512, '3'));
}

TEST_F(BlockFaultTest, AWriteThatTakesNothingIsAnIoError) {
  BlockDisk& disk = Start();
  Answer(IoKind::kWrite, 0);

  EXPECT_EQ(disk.client().Write(0, std::string(kBlock, 'a')), kBlkStatusIoError);
}

TEST_F(BlockFaultTest, InterruptedOperationsAreTriedAgain) {
  BlockDisk& disk = Start();
  AnswerOnce(IoKind::kWrite, -EINTR);
  EXPECT_EQ(disk.client().Write(0, std::string(kBlock, 'i')), kBlkStatusOk);
  AnswerOnce(IoKind::kSync, -EAGAIN);
  EXPECT_EQ(disk.client().Flush(), kBlkStatusOk);

  EXPECT_EQ(image_.Read(0, kBlock), std::string(kBlock, 'i'));
}

TEST_F(BlockFaultTest, WhereTheHostCannotZeroARangeZeroesAreWritten) {
  image_.Write(0, std::string(kImageBytes, 'z'));
  BlockDisk& disk = Start();
  Answer(IoKind::kZeroRange, -EOPNOTSUPP);
  const BlkSegment segments[] = {{1, 600, 0}, {1000, 8, 0}};

  EXPECT_EQ(disk.client().Segments(kBlkWriteZeroes, segments), kBlkStatusOk);

  EXPECT_EQ(image_.Read(0, 602 * 512),
            std::string(512, 'z') + std::string(600 * 512, 0) + std::string(512, 'z'));
  EXPECT_EQ(image_.Read(1000 * 512, 9 * 512), std::string(8 * 512, 0) + std::string(512, 'z'));
}

TEST_F(BlockFaultTest, WhereTheHostCannotPunchHolesUnmappingZeroesTheRange) {
  image_.Write(0, std::string(kBlock, 'z'));
  BlockDisk& disk = Start();
  Answer(IoKind::kPunchHole, -EOPNOTSUPP);
  const BlkSegment segment = {0, 8, kBlkSegmentUnmap};

  EXPECT_EQ(disk.client().Segments(kBlkWriteZeroes, {&segment, 1}), kBlkStatusOk);

  EXPECT_EQ(image_.Read(0, kBlock), std::string(kBlock, 0));
}

TEST_F(BlockFaultTest, ADiscardThatTheHostCannotFollowIsNoError) {
  BlockDisk& disk = Start();
  Answer(IoKind::kPunchHole, -EOPNOTSUPP);
  const BlkSegment segment = {0, 8, 0};

  EXPECT_EQ(disk.client().Segments(kBlkDiscard, {&segment, 1}), kBlkStatusOk);
}

TEST_F(BlockFaultTest, ADiscardThatFailsIsAnIoError) {
  BlockDisk& disk = Start();
  Answer(IoKind::kPunchHole, -EIO);
  const BlkSegment segment = {0, 8, 0};

  EXPECT_EQ(disk.client().Segments(kBlkDiscard, {&segment, 1}), kBlkStatusIoError);
}

TEST_F(BlockFaultTest, AResetWaitsForWhatIsInFlight) {
  BlockDisk& disk = Start();
  script_.Hold(IoKind::kRead);
  const GuestBuffer buffer = disk.guest().Room(kBlock);
  disk.client().Submit(kBlkIn, 0, {}, {&buffer, 1});
  ASSERT_TRUE(WaitUntilHeld(1));

  std::atomic<bool> released = false;
  std::jthread host([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    released = true;
    script_.Release();
  });
  disk.driver().Reset();

  EXPECT_TRUE(released);
}

TEST_F(BlockFaultTest, ARequestThatWasInFlightAtAResetIsNotContinued) {
  BlockDisk& disk = Start(kAllButFlush);
  script_.Hold(IoKind::kWrite);
  const GuestBuffer data = disk.guest().Place(std::string(kBlock, 'a'));
  disk.client().Submit(kBlkOut, 0, {&data, 1});
  ASSERT_TRUE(WaitUntilHeld(1));

  std::jthread host([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    script_.Release();
  });
  disk.driver().Reset();

  EXPECT_THAT(script_.started(), ElementsAre(IoKind::kWrite));
}

TEST_F(BlockFaultTest, MoreRequestsThanTheRingHasEntriesNeverMultiplyInTheHost) {
  BlockDisk& disk = Start();
  script_.Hold(IoKind::kSync);
  int submitted = 0;
  while (disk.driver().queue(0).room() >= 2) {
    disk.client().Submit(kBlkFlush, 0);
    ++submitted;
  }
  ASSERT_TRUE(WaitUntilHeld(static_cast<size_t>(submitted)));

  script_.Release();

  for (int i = 0; i < submitted; ++i) ASSERT_TRUE(disk.client().Wait());
}

TEST_F(BlockFaultTest, AnEngineThatCannotBeMadeFailsTheActivation) {
  const auto device = BlockDevice::Create(
      {.path = image_.path(), .name = "disk"},
      [](int, unsigned) -> Result<std::unique_ptr<BlockEngine>> { return HostError("no engine"); });
  ASSERT_TRUE(device);
  TestGuest guest;
  TestDriver driver(guest, **device);

  EXPECT_FALSE(driver.Start());
}

// The limit on the size of files stands for a full disk.
TEST(BlockFullDiskTest, ARealWriteThatTheHostRefusesIsAnIoError) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    TempImage image(kImageBytes);
    BlockDisk disk({.block = {.path = image.path(), .name = "disk"}});
    const rlimit limit = {kImageBytes / 2, kImageBytes / 2};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    const uint8_t refused = disk.client().Write(kImageBytes / 512 - 8, std::string(kBlock, 'a'));
    const uint8_t taken = disk.client().Write(0, std::string(kBlock, 'a'));
    _exit(refused == kBlkStatusIoError && taken == kBlkStatusOk ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace sealvm
