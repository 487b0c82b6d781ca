// SPDX-License-Identifier: Apache-2.0
// What a driver sees of a disk, with each engine and each kind of ring.
#include "devices/virtio/block/block_device.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "devices/virtio/block/testing/block_client.h"
#include "devices/virtio/block/testing/block_disk.h"
#include "devices/virtio/block/testing/temp_image.h"
#include "devices/virtio/block/uring_engine.h"

namespace sealvm {
namespace {

constexpr uint64_t kImageBytes = 4 * kMiB;
constexpr uint32_t kBlock = 4096;
constexpr uint32_t kSectorsInBlock = kBlock / kSectorBytes;

struct Variant {
  const char* name;
  BlockOptions::Engine engine;
  DriverQueue::Options ring;
  bool direct = false;
};

class BlockDeviceTest : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    if (GetParam().engine != BlockOptions::Engine::kUring) return;
    const auto engine = UringEngine::Create(image_.fd(), 8);
    if (!engine) GTEST_SKIP() << engine.error().ToString();
  }

  BlockDisk::Setup MakeSetup() {
    BlockDisk::Setup setup;
    setup.block = {.path = image_.path(),
                   .direct = GetParam().direct,
                   .serial = "serial-1",
                   .engine = GetParam().engine,
                   .name = "disk"};
    setup.ring = GetParam().ring;
    return setup;
  }

  TempImage image_{kImageBytes};
};

TEST_P(BlockDeviceTest, ReadsWhatIsInTheImage) {
  image_.Write(kBlock, std::string(kBlock, 'x'));
  BlockDisk disk(MakeSetup());

  EXPECT_EQ(disk.client().Read(kSectorsInBlock, kBlock), std::string(kBlock, 'x'));
}

TEST_P(BlockDeviceTest, WritesToTheImage) {
  BlockDisk disk(MakeSetup());

  EXPECT_EQ(disk.client().Write(2 * kSectorsInBlock, std::string(kBlock, 'w')), kBlkStatusOk);

  EXPECT_EQ(image_.Read(kBlock, 3 * kBlock),
            std::string(kBlock, 0) + std::string(kBlock, 'w') + std::string(kBlock, 0));
}

TEST_P(BlockDeviceTest, SaysHowMuchItWroteIntoTheGuest) {
  BlockDisk disk(MakeSetup());
  const GuestBuffer buffer = disk.guest().Room(kBlock);

  EXPECT_EQ(disk.client().Do(kBlkIn, 0, {}, {&buffer, 1}).written, kBlock + 1);
  EXPECT_EQ(disk.client().Do(kBlkFlush, 0).written, 1U);
}

TEST_P(BlockDeviceTest, DataMayLieInManyPieces) {
  BlockDisk disk(MakeSetup());
  std::vector<GuestBuffer> pieces;
  std::string expected;
  for (int i = 0; i < 16; ++i) {
    // Of odd lengths, at odd addresses.
    expected +=
        std::string(static_cast<size_t>(i % 2 == 0 ? 255 : 257), static_cast<char>('a' + i));
    pieces.push_back(
        disk.guest().Place(expected.substr(expected.size() - (i % 2 == 0 ? 255 : 257))));
  }

  EXPECT_EQ(disk.client().Do(kBlkOut, 0, pieces).status, kBlkStatusOk);

  EXPECT_EQ(disk.client().Read(0, kBlock), expected);
}

TEST_P(BlockDeviceTest, ManyRequestsAtOnceAllComeBack) {
  BlockDisk disk(MakeSetup());
  constexpr int kRequests = 12;
  std::vector<GuestBuffer> buffers;
  for (int i = 0; i < kRequests; ++i) {
    const GuestBuffer data = disk.guest().Place(std::string(kBlock, static_cast<char>('a' + i)));
    disk.client().Submit(kBlkOut, static_cast<uint64_t>(i) * kSectorsInBlock, {&data, 1});
  }

  for (int i = 0; i < kRequests; ++i) {
    const auto back = disk.client().Wait();
    ASSERT_TRUE(back);
    EXPECT_EQ(back->second.status, kBlkStatusOk);
  }
  for (int i = 0; i < kRequests; ++i) {
    EXPECT_EQ(image_.Read(static_cast<uint64_t>(i) * kBlock, kBlock),
              std::string(kBlock, static_cast<char>('a' + i)));
  }
}

TEST_P(BlockDeviceTest, MoreThanOneMebibyteInOneRequest) {
  BlockDisk disk(MakeSetup());
  std::string data(kMiB + kBlock, 0);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + i / kBlock);

  EXPECT_EQ(disk.client().Write(0, data), kBlkStatusOk);

  EXPECT_EQ(disk.client().Read(0, static_cast<uint32_t>(data.size())), data);
}

TEST_P(BlockDeviceTest, FlushSucceeds) {
  BlockDisk disk(MakeSetup());

  EXPECT_EQ(disk.client().Write(0, std::string(kBlock, 'f')), kBlkStatusOk);
  EXPECT_EQ(disk.client().Flush(), kBlkStatusOk);
}

TEST_P(BlockDeviceTest, TellsItsSerialNumber) {
  BlockDisk disk(MakeSetup());
  const GuestBuffer id = disk.guest().Place(std::string(kBlkIdBytes, 'x'));

  const BlockClient::Answer answer = disk.client().Do(kBlkGetId, 0, {}, {&id, 1});

  EXPECT_EQ(answer.status, kBlkStatusOk);
  EXPECT_EQ(answer.written, kBlkIdBytes + 1);
  EXPECT_EQ(disk.guest().ReadText(id), std::string("serial-1") + std::string(12, '\0'));
}

TEST_P(BlockDeviceTest, DiscardGivesSpaceBack) {
  image_.Write(0, std::string(16 * kBlock, 'd'));
  BlockDisk disk(MakeSetup());
  const BlkSegment segments[] = {{0, 4 * kSectorsInBlock, 0},
                                 {8 * kSectorsInBlock, 4 * kSectorsInBlock, 0}};

  EXPECT_EQ(disk.client().Segments(kBlkDiscard, segments), kBlkStatusOk);

  EXPECT_TRUE(image_.IsHole(0, 4 * kBlock));
  EXPECT_TRUE(image_.IsHole(8 * kBlock, 4 * kBlock));
  EXPECT_EQ(image_.Read(4 * kBlock, kBlock), std::string(kBlock, 'd'));
}

TEST_P(BlockDeviceTest, WriteZeroesMakesZeroesAndNothingElse) {
  image_.Write(0, std::string(16 * kBlock, 'z'));
  BlockDisk disk(MakeSetup());
  const BlkSegment segment = {kSectorsInBlock, 8 * kSectorsInBlock, 0};

  EXPECT_EQ(disk.client().Segments(kBlkWriteZeroes, {&segment, 1}), kBlkStatusOk);

  EXPECT_EQ(disk.client().Read(0, 10 * kBlock),
            std::string(kBlock, 'z') + std::string(8 * kBlock, 0) + std::string(kBlock, 'z'));
}

TEST_P(BlockDeviceTest, WriteZeroesWithUnmapGivesSpaceBack) {
  image_.Write(0, std::string(16 * kBlock, 'u'));
  BlockDisk disk(MakeSetup());
  const BlkSegment segment = {0, 8 * kSectorsInBlock, kBlkSegmentUnmap};

  EXPECT_EQ(disk.client().Segments(kBlkWriteZeroes, {&segment, 1}), kBlkStatusOk);

  EXPECT_TRUE(image_.IsHole(0, 8 * kBlock));
  EXPECT_EQ(disk.client().Read(0, 8 * kBlock), std::string(8 * kBlock, 0));
}

TEST_P(BlockDeviceTest, ReadingWhatAnImageLostIsAnIoError) {
  BlockDisk disk(MakeSetup());
  image_.Resize(8 * kBlock);

  const GuestBuffer buffer = disk.guest().Room(2 * kBlock);
  EXPECT_EQ(disk.client().Do(kBlkIn, 7 * kSectorsInBlock, {}, {&buffer, 1}).status,
            kBlkStatusIoError);
  EXPECT_EQ(disk.client().Read(0, kBlock), std::string(kBlock, 0));
}

TEST_P(BlockDeviceTest, WritingBehindWhatIsLeftOfAnImageIsAnIoErrorAndDoesNotGrowIt) {
  BlockDisk disk(MakeSetup());
  image_.Resize(8 * kBlock);

  EXPECT_EQ(disk.client().Write(7 * kSectorsInBlock, std::string(2 * kBlock, 'g')),
            kBlkStatusIoError);
  EXPECT_EQ(disk.client().Write(7 * kSectorsInBlock, std::string(kBlock, 'g')), kBlkStatusOk);
  EXPECT_EQ(image_.Read(0, 16 * kBlock).size(), 8 * kBlock);
}

// The driver of these tests would find an answer without. It looks for none before the interrupt:
// what it has taken by then needs none.
TEST_P(BlockDeviceTest, InterruptsForEachAnswerThatIsWaitedFor) {
  BlockDisk disk(MakeSetup());
  const GuestBuffer buffer = disk.guest().Room(kBlock);

  for (uint64_t i = 1; i <= 20; ++i) {
    disk.client().Submit(kBlkIn, 0, {}, {&buffer, 1});
    ASSERT_TRUE(disk.driver().transport().WaitUntil(
        [&] { return disk.driver().transport().interrupts(0) == i; }));
    ASSERT_TRUE(disk.client().Poll());
    EXPECT_EQ(disk.client().Wait()->second.status, kBlkStatusOk);
  }
}

TEST_P(BlockDeviceTest, WorksAgainAfterAReset) {
  BlockDisk disk(MakeSetup());
  EXPECT_EQ(disk.client().Write(0, std::string(kBlock, '1')), kBlkStatusOk);

  disk.driver().Reset();
  ASSERT_TRUE(disk.driver().Start());

  EXPECT_EQ(disk.client().Read(0, kBlock), std::string(kBlock, '1'));
}

TEST_P(BlockDeviceTest, AResetWithRequestsInFlightLeavesTheGuestsMemoryAlone) {
  constexpr uint32_t kReadBytes = 32 * 1024;
  image_.Write(0, std::string(8 * kReadBytes, 'n'));
  BlockDisk disk(MakeSetup());
  std::vector<GuestBuffer> buffers;
  for (uint64_t i = 0; i < 8; ++i) {
    buffers.push_back(disk.guest().Room(kReadBytes));
    disk.client().Submit(kBlkIn, i * kReadBytes / kSectorBytes, {}, {&buffers.back(), 1});
  }

  disk.driver().Reset();

  const std::string mark(kReadBytes, 'm');
  for (const GuestBuffer& buffer : buffers) {
    ASSERT_TRUE(disk.guest().view()->Write(
        buffer.gpa, {reinterpret_cast<const uint8_t*>(mark.data()), mark.size()}));
  }
  ASSERT_TRUE(disk.driver().Start());
  EXPECT_EQ(disk.client().Flush(), kBlkStatusOk);
  for (const GuestBuffer& buffer : buffers) EXPECT_EQ(disk.guest().ReadText(buffer), mark);
}

TEST_P(BlockDeviceTest, QueuesWorkSideBySide) {
  BlockDisk::Setup setup = MakeSetup();
  setup.block.queues = 3;
  BlockDisk disk(setup);
  std::vector<GuestBuffer> data;
  for (char letter : {'a', 'b', 'c'})
    data.push_back(disk.guest().Place(std::string(kBlock, letter)));
  std::vector<BlockClient> clients;
  for (uint16_t i = 0; i < 3; ++i) clients.emplace_back(disk.driver(), i);

  for (int round = 0; round < 10; ++round) {
    for (size_t i = 0; i < 3; ++i) {
      const uint64_t block = static_cast<uint64_t>(round) * 3 + i;
      clients[i].Submit(kBlkOut, block * kSectorsInBlock, {&data[i], 1});
    }
    for (BlockClient& client : clients) {
      const auto back = client.Wait();
      ASSERT_TRUE(back);
      EXPECT_EQ(back->second.status, kBlkStatusOk);
    }
  }

  const std::string three =
      std::string(kBlock, 'a') + std::string(kBlock, 'b') + std::string(kBlock, 'c');
  for (uint64_t round = 0; round < 10; ++round) {
    EXPECT_EQ(image_.Read(round * 3 * kBlock, 3 * kBlock), three);
  }
}

TEST_P(BlockDeviceTest, CountsWhatTheGuestReadAndWrote) {
  BlockDisk disk(MakeSetup());
  disk.client().Write(0, std::string(2 * kBlock, 'c'));
  disk.client().Read(0, kBlock);
  disk.client().Write(kImageBytes / kSectorBytes, std::string(kBlock, 'c'));

  EXPECT_EQ(disk.device().counters().requests, 3U);
  EXPECT_EQ(disk.device().counters().bytes_written, 2 * kBlock);
  EXPECT_EQ(disk.device().counters().bytes_read, kBlock);
  EXPECT_EQ(disk.device().counters().errors, 1U);
}

TEST_P(BlockDeviceTest, RateLimitsHoldRequestsBackAndLoseNone) {
  BlockDisk::Setup setup = MakeSetup();
  setup.block.limits = {.ops_per_second = 50, .ops_burst = 1};
  BlockDisk disk(setup);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) disk.client().Submit(kBlkFlush, 0);

  for (int i = 0; i < 5; ++i) ASSERT_TRUE(disk.client().Wait());

  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(4 * 20));
  // Not each of them on a slow machine, where the next may come after its time.
  EXPECT_GE(disk.device().counters().throttled, 1U);
}

constexpr DriverQueue::Options kPacked{.packed = true, .indirect = true, .event_idx = true};

INSTANTIATE_TEST_SUITE_P(
    Engines, BlockDeviceTest,
    testing::Values(
        Variant{"UringSplitEventIdx", BlockOptions::Engine::kUring, {.event_idx = true}},
        Variant{"UringPacked", BlockOptions::Engine::kUring, kPacked},
        Variant{"UringDirect", BlockOptions::Engine::kUring, {}, true},
        Variant{"ThreadsSplit", BlockOptions::Engine::kThreads, {}},
        Variant{"ThreadsPacked", BlockOptions::Engine::kThreads, kPacked},
        Variant{"ThreadsDirect", BlockOptions::Engine::kThreads, {}, true},
        Variant{"Auto", BlockOptions::Engine::kAuto, {}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sealvm
