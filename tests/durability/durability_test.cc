// SPDX-License-Identifier: Apache-2.0
// A process writes records to a disk and tells of each that the disk acknowledged; it is killed at
// a random moment, again and again. Whatever was acknowledged must then be in the image, whole. The
// host's page cache survives a killed process: whether the device syncs when it must is what
// //devices/virtio/block:block_fault_test shows.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "devices/virtio/block/testing/block_client.h"
#include "devices/virtio/block/testing/block_disk.h"
#include "devices/virtio/block/testing/temp_image.h"
#include "devices/virtio/block/uring_engine.h"
#include "memory/base/fd.h"

namespace sealvm {
namespace {

constexpr int kRounds = 100;
// A page, which the kernel of a killed process writes whole or not at all.
constexpr size_t kRecordBytes = 4096;
// Records are written round and round.
constexpr uint64_t kSlots = 64;
constexpr uint64_t kSectorsInRecord = kRecordBytes / kSectorBytes;
// How many are in flight at once.
constexpr size_t kBatch = 4;

struct Variant {
  const char* name;
  BlockOptions::Engine engine;
  bool flush;  // negotiated and used; else each write is durable when it is answered
};

// Record `number`, which is never 0: an image begins with zeroes.
std::string MakeRecord(uint64_t number) {
  std::vector<uint64_t> words(kRecordBytes / sizeof(uint64_t));
  for (size_t i = 0; i < words.size(); ++i) words[i] = number * 0x9e37'79b9'7f4a'7c15 + i * number;
  words[0] = number;
  return {reinterpret_cast<const char*>(words.data()), kRecordBytes};
}

// The child. Writes records from `next` on, in batches, until it is killed. Ends by itself only if
// the disk fails.
[[noreturn]] void WriteRecords(const TempImage& image, const Variant& variant, uint64_t next,
                               int acknowledged) {
  BlockDisk disk({.block = {.path = image.path(), .engine = variant.engine, .name = "disk"},
                  .features = variant.flush ? ~uint64_t{0} : ~kBlkFeatureFlush});
  std::vector<GuestBuffer> buffers;
  for (size_t i = 0; i < kBatch; ++i) buffers.push_back(disk.guest().Room(kRecordBytes));
  for (;; next += kBatch) {
    for (size_t i = 0; i < kBatch; ++i) {
      const std::string record = MakeRecord(next + i);
      Must(disk.guest().view()->Write(
          buffers[i].gpa, {reinterpret_cast<const uint8_t*>(record.data()), record.size()}));
      disk.client().Submit(kBlkOut, (next + i) % kSlots * kSectorsInRecord, {&buffers[i], 1});
    }
    for (size_t i = 0; i < kBatch; ++i) {
      const auto back = disk.client().Wait();
      if (!back || back->second.status != kBlkStatusOk) _exit(1);
    }
    if (variant.flush && disk.client().Flush() != kBlkStatusOk) _exit(1);
    const uint64_t last = next + kBatch - 1;
    if (write(acknowledged, &last, sizeof(last)) != sizeof(last)) _exit(1);
  }
}

class DurabilityTest : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    if (GetParam().engine != BlockOptions::Engine::kUring) return;
    const auto engine = UringEngine::Create(image_.fd(), 8);
    if (!engine) GTEST_SKIP() << engine.error().ToString();
  }

  // Runs a child for some time after its first acknowledgement; notes the last one.
  void KillOne() {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteRecords(image_, GetParam(), last_ + 1, writer.get());
    writer.Reset();
    pollfd wait = {.fd = reader.get(), .events = POLLIN, .revents = 0};
    const bool began = poll(&wait, 1, kPatienceMs) == 1;
    usleep(std::uniform_int_distribution<useconds_t>(0, kLongestRunUs)(random_));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(began);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the disk failed";
    uint64_t number = 0;
    while (read(reader.get(), &number, sizeof(number)) == sizeof(number)) last_ = number;
  }

  // The newest record of each slot is there, or a newer one that was not acknowledged yet.
  void CheckImage() const {
    for (uint64_t slot = 0; slot < kSlots; ++slot) {
      const std::string found = image_.Read(slot * kRecordBytes, kRecordBytes);
      ASSERT_EQ(found.size(), kRecordBytes);
      uint64_t number = 0;
      memcpy(&number, found.data(), sizeof(number));
      ASSERT_EQ(found, MakeRecord(number)) << "slot " << slot;
      ASSERT_GE(number, NewestOf(slot)) << "slot " << slot;
      ASSERT_LE(number, last_ + kBatch) << "slot " << slot;
    }
  }

  // The last acknowledged record that belongs into this slot; 0 if there is none.
  uint64_t NewestOf(uint64_t slot) const {
    const uint64_t back = (last_ % kSlots + kSlots - slot) % kSlots;
    return back < last_ ? last_ - back : 0;
  }

  uint64_t acknowledged() const { return last_; }

 private:
  static constexpr int kPatienceMs = 20'000;
  static constexpr useconds_t kLongestRunUs = 20'000;

  TempImage image_{kSlots * kRecordBytes};
  std::mt19937 random_{1};
  uint64_t last_ = 0;
};

TEST_P(DurabilityTest, WhatWasAcknowledgedSurvivesAKill) {
  for (int round = 0; round < kRounds / 4; ++round) {
    ASSERT_NO_FATAL_FAILURE(KillOne());
    ASSERT_NO_FATAL_FAILURE(CheckImage());
  }
  EXPECT_GT(acknowledged(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Engines, DurabilityTest,
    testing::Values(Variant{"UringFlush", BlockOptions::Engine::kUring, true},
                    Variant{"UringWriteThrough", BlockOptions::Engine::kUring, false},
                    Variant{"ThreadsFlush", BlockOptions::Engine::kThreads, true},
                    Variant{"ThreadsWriteThrough", BlockOptions::Engine::kThreads, false}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sealvm
